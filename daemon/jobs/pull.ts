/** What `pull` does for each service, by Compose's rules (github.com/docker/compose, pkg/compose/pull.go). */
import { registryOf } from '../../protocol/image-reference.ts'
import { Problem } from '../../protocol/problems.ts'
import type { PullOptions } from '../../protocol/resources/job.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import { TransferProgress } from '../build/transfer-progress.ts'
import { splitReference } from '../engine/images.ts'
import type { Engine, RegistryAuth } from '../engine/types.ts'
import type { JobTask } from './job-task.ts'
import { selectedServices } from './selection.ts'

export type PullDecision =
  | { readonly kind: 'skip'; readonly service: string; readonly why: string }
  | {
      readonly kind: 'pull'
      readonly service: string
      readonly reference: string
      readonly platform: string | undefined
      /** Without the image it can be built: that it cannot be pulled is no reason to give up on the others. */
      readonly isBuildable: boolean
    }

export function pullDecisions(
  model: Model,
  options: PullOptions,
  isPresent: (reference: string) => boolean,
): PullDecision[] {
  const pulledBy = new Map<string, string>()
  return selectedServices(model, options).map(([service, spec]): PullDecision => {
    const skip = (why: string): PullDecision => ({ kind: 'skip', service, why })
    const { image: reference } = spec
    if (reference === undefined) return skip('No image to be pulled')
    const policy = options.policy ?? spec.pull_policy
    if (policy === 'never' || policy === 'build') return skip('')
    const isMissing = policy === 'missing' || policy === 'if_not_present'
    // What `latest` means moves: it is asked for again.
    if (isMissing && splitReference(reference).tag !== 'latest' && isPresent(reference)) {
      return skip('Image is already present locally')
    }
    const isBuildable = spec.build !== undefined
    if (isBuildable && options.buildable === 'skip') return skip('Image can be built')
    const other = pulledBy.get(reference)
    if (other !== undefined) return skip(`Image is already being pulled by ${other}`)
    pulledBy.set(reference, service)
    return { kind: 'pull', service, reference, platform: spec.platform, isBuildable }
  })
}

export function pullTask(
  { service, reference, platform, isBuildable }: Extract<PullDecision, { kind: 'pull' }>,
  engine: Engine,
  registryAuth: Readonly<Record<string, RegistryAuth>>,
): JobTask {
  return {
    id: `pull-image ${service}`,
    after: [],
    tolerates: [],
    action: 'pull-image',
    object: service,
    service,
    reason: 'it was asked for',
    words: ['Pulling', 'Pulled'],
    failure: isBuildable ? 'Warning' : 'Error',
    async perform(report, signal) {
      const auth = registryAuth[registryOf(reference)]
      const query = {
        reference,
        ...(platform === undefined ? {} : { platform }),
        ...(auth === undefined ? {} : { auth }),
      }
      const progress = new TransferProgress()
      try {
        for await (const message of engine.images.pull(query, { signal })) report(progress.after(message))
      } catch (error) {
        throw naming(error, `pulling ${reference} failed`)
      }
    },
  }
}

/** The Engine's own words name no image. */
export function naming(error: unknown, what: string): unknown {
  if (!(error instanceof Problem) || error.code !== 'engine-error') return error
  return new Problem(error.code, `${what}: ${error.message}`, {
    hint: error.hint,
    engine: error.engine,
    cause: error,
  })
}
