/** What `push` does for each service: images that are built here and have a name of their own, with all of their tags. */
import { registryOf } from '../../protocol/image-reference.ts'
import type { PushOptions } from '../../protocol/resources/job.ts'
import type { Model, Service } from '../../protocol/stackfile/model.ts'
import { TransferProgress } from '../build/transfer-progress.ts'
import type { Engine, RegistryAuth } from '../engine/types.ts'
import type { JobTask } from './job-task.ts'
import { naming } from './pull.ts'
import { selectedServices } from './selection.ts'

export type PushDecision =
  | { readonly kind: 'skip'; readonly service: string }
  | { readonly kind: 'push'; readonly service: string; readonly references: readonly string[] }

export function pushDecisions(model: Model, options: PushOptions): PushDecision[] {
  return selectedServices(model, options).map(([service, spec]): PushDecision => {
    const references = pushedNames(spec)
    return references.length === 0 ? { kind: 'skip', service } : { kind: 'push', service, references }
  })
}

/** Empty where nothing of a service is pushed. */
export function pushedNames({ image, build }: Service): string[] {
  return image === undefined || build === undefined ? [] : [...new Set([image, ...(build.tags ?? [])])]
}

export function pushTask(
  { service, references, after }: { service: string; references: readonly string[]; after: readonly string[] },
  engine: Engine,
  registryAuth: Readonly<Record<string, RegistryAuth>>,
): JobTask {
  return {
    id: `push-image ${service}`,
    after,
    tolerates: [],
    action: 'push-image',
    object: service,
    service,
    reason: 'it was asked for',
    words: ['Pushing', 'Pushed'],
    failure: 'Error',
    async perform(report, signal) {
      for (const reference of references) {
        const auth = registryAuth[registryOf(reference)]
        const progress = new TransferProgress()
        try {
          for await (const message of engine.images.push(
            { reference, ...(auth === undefined ? {} : { auth }) },
            { signal },
          )) {
            report(progress.after(message))
          }
        } catch (error) {
          throw naming(error, `pushing ${reference} failed`)
        }
      }
    },
  }
}
