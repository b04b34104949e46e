import { Problem } from '../../../protocol/problems.ts'
import { volumeSpecHash } from '../../stack/mapping/spec-hash.ts'
import { volumeCreate } from '../../stack/mapping/volume.ts'
import { ourLabels } from '../our-labels.ts'
import type { Performance } from '../perform.ts'
import { isStatus } from './engine-answers.ts'

/** Remembered before it is made: a volume that was there once is never silently made again. */
export async function createVolume({
  body,
  context,
  with: { engine, store },
  signal,
}: Performance<'create-volume'>): Promise<void> {
  const { stack } = context.desired
  const model = Object.values(context.desired.services)
    .map((service) => context.revisionOf(service.service).model)
    .find((candidate) => candidate.volumes?.[body.key]?.name === body.name)
  if (model === undefined) throw new Problem('internal', `no revision of ${stack} declares volume ${body.key}`)
  const labels = { ...ourLabels(store.instance, stack), 'dev.evenkeel.spec': volumeSpecHash(model.volumes![body.key]!) }
  await engine.volumes.create(volumeCreate(model, body.key, labels), { signal })
  store.memory.set(stack, 'volume', body.name, true)
}

export async function removeVolume({
  body,
  context,
  with: { engine, store },
  signal,
}: Performance<'remove-volume'>): Promise<void> {
  try {
    await engine.volumes.remove(body.name, {}, { signal })
  } catch (error) {
    if (isStatus(error, 409)) {
      context.warn(`volume ${body.name} is still in use by containers that are not of this stack: it stays`)
      return
    }
    if (!isStatus(error, 404)) throw error
  }
  store.memory.forget(context.desired.stack, 'volume', body.name)
}
