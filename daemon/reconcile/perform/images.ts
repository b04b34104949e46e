import { additionalContextIds } from '../../../protocol/build.ts'
import { registryOf } from '../../../protocol/image-reference.ts'
import { Problem } from '../../../protocol/problems.ts'
import { withProxy } from '../../build/build-order.ts'
import { TransferProgress } from '../../build/transfer-progress.ts'
import { imageReference } from '../desired-reader.ts'
import type { Performance, Setting } from '../performance.ts'
import { STILL_IN_USE } from '../words.ts'
import { isStatus } from './engine-answers.ts'

export async function pullImage(performance: Performance<'pull-image'>): Promise<void> {
  const {
    body,
    context,
    with: { engine },
    signal,
    report,
  } = performance
  const auth = context.credentials.registryAuth[registryOf(body.reference)]
  const query = {
    reference: body.reference,
    ...(body.platform === undefined ? {} : { platform: body.platform }),
    ...(auth === undefined ? {} : { auth }),
  }
  try {
    const progress = new TransferProgress()
    for await (const message of engine.images.pull(query, { signal })) report(progress.after(message))
  } catch (error) {
    if (signal.aborted) throw error
    if (body.fallback !== undefined) {
      report('the pull failed: building instead')
      await build(body.fallback, performance)
      return
    }
    throw explainPull(error, body.reference)
  } finally {
    context.images.forget(body.reference)
  }
}

function explainPull(error: unknown, reference: string): unknown {
  if (!(error instanceof Problem) || error.code === 'registry-denied') return error
  return new Problem('image-missing', `image ${reference} is not here and cannot be pulled: ${error.message}`, {
    hint: `check the name and the registry, or make it here (docker pull/build/load ${reference})`,
    engine: error.engine,
    cause: error,
  })
}

export async function buildImage(performance: Performance<'build-image'>): Promise<void> {
  await build(performance.body.service, performance)
}

async function build(service: string, { context, with: { builder, files }, signal, report }: Setting): Promise<void> {
  const revision = context.revisionOf(service)
  const spec = revision.model.services[service]!
  const reference = imageReference(revision.model.name, service, spec)
  await builder.build(
    {
      stack: context.desired.stack,
      service,
      build: withProxy(spec.build!, revision.source.proxy),
      imageName: reference,
      platform: spec.platform,
      contextId: revision.contexts[service],
      additionalContextIds: additionalContextIds(revision.contexts, service),
      registryAuth: context.credentials.registryAuth,
      agents: context.credentials.agents(service),
      secrets: new Map(
        (spec.build!.secrets ?? []).flatMap(({ source, target }) => {
          const file = revision.files.find(({ kind, name }) => kind === 'secret' && name === source)
          return file === undefined ? [] : [[target ?? source, () => files.read(file.digest)] as const]
        }),
      ),
      imageOf: (other) => imageReference(revision.model.name, other, revision.model.services[other] ?? {}),
    },
    report,
    signal,
  )
  context.images.forget(reference)
}

/** An image that something still uses, or that is gone, is no failure of `down --rmi`. */
export async function removeImage({
  body,
  context,
  with: { engine },
  signal,
  became,
}: Performance<'remove-image'>): Promise<void> {
  try {
    await engine.images.remove(body.reference, {}, { signal })
  } catch (error) {
    if (isStatus(error, 404)) return
    if (!isStatus(error, 409)) throw error
    became(STILL_IN_USE)
    context.warn(`image ${body.reference} is still in use: it stays`)
  }
}
