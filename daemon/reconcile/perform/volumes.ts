import { Problem } from '../../../protocol/problems.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import type { DesiredVolume } from '../../stack/desired.ts'
import { volumeSpecHash } from '../../stack/mapping/spec-hash.ts'
import { volumeCreate } from '../../stack/mapping/volume.ts'
import { externalMissing, volumeGone } from '../../stack/plan-volumes.ts'
import { ourLabels } from '../our-labels.ts'
import type { Performance } from '../performance.ts'
import type { Collaborators } from '../run-context.ts'
import { STILL_IN_USE } from '../words.ts'
import { isStatus } from './engine-answers.ts'

/** Remembered before it is made: a volume that was there once is never silently made again. */
export async function createVolume({
  body,
  context,
  with: { engine, store },
  signal,
}: Performance<'create-volume'>): Promise<void> {
  const { stack } = context.desired
  // Services may be of different revisions: the one whose definition is the desired one.
  const wanted = context.desired.volumes.find((volume) => volume.name === body.name)?.specHash
  const models = context.models()
  await makeVolume(stack, { ...body, specHash: wanted }, models, { engine, store }, signal)
}

/** Makes a volume as the first of these models declares it whose definition is the wanted one. */
export async function makeVolume(
  stack: string,
  wanted: { readonly key: string; readonly name: string; readonly specHash: string | undefined },
  models: readonly Model[],
  { engine, store }: Pick<Collaborators, 'engine' | 'store'>,
  signal: AbortSignal,
): Promise<void> {
  const { key, name } = wanted
  const model = models.find(({ volumes }) => {
    const volume = volumes?.[key]
    return volume?.name === name && volumeSpecHash(volume) === wanted.specHash
  })
  if (model === undefined) throw new Problem('internal', `no revision of ${stack} declares volume ${key}`)
  const labels = { ...ourLabels(store.instance, stack), 'dev.evenkeel.spec': volumeSpecHash(model.volumes![key]!) }
  // From now on it may be there, but was not seen yet: should the call fail, the loop may still make it.
  store.memory.set(stack, 'volume', name, 'begun')
  try {
    await engine.volumes.create(volumeCreate(model, key, labels), { signal })
    store.memory.set(stack, 'volume', name, true)
  } catch (error) {
    const status = error instanceof Problem ? (error.engine?.status ?? 0) : 0
    // Refused for certain: it was never there. After anything else it may be.
    if (status >= 400 && status < 500) store.memory.forget(stack, 'volume', name)
    throw error
  }
}

/**
 * Right before a container is created that names them: the Engine would make an empty one, without a label, in the place of
 * one that was taken away since the stack was looked at.
 */
export async function volumesMustBeThere(
  stack: string,
  volumes: readonly DesiredVolume[],
  { engine, store }: Pick<Collaborators, 'engine' | 'store'>,
  signal: AbortSignal,
): Promise<void> {
  if (volumes.length === 0) return
  const there = await engine.volumes.list({ filters: { name: volumes.map(({ name }) => name) } }, { signal })
  const gone = volumes.find(({ name }) => !there.some(({ Name }) => Name === name))
  if (gone === undefined) return
  if (gone.external) throw externalMissing(gone)
  store.memory.set(stack, 'volume', gone.name, true)
  const { reason, hint } = volumeGone(gone.name)
  throw new Problem('stack-blocked', reason, { hint })
}

export async function removeVolume({
  body,
  context,
  with: { engine, store },
  signal,
  became,
}: Performance<'remove-volume'>): Promise<void> {
  // Somebody may have protected it since it was planned.
  if (store.memory.keys('protected').includes(body.name)) {
    became('Protected')
    context.warn(`volume ${body.name} is protected and stays`)
    return
  }
  try {
    await engine.volumes.remove(body.name, {}, { signal })
  } catch (error) {
    if (isStatus(error, 409)) {
      became(STILL_IN_USE)
      context.warn(`volume ${body.name} is still in use by containers that are not of this stack: it stays`)
      return
    }
    if (!isStatus(error, 404)) throw error
  }
  store.memory.forget(context.desired.stack, 'volume', body.name)
}
