/** Makes sure of the images before anything is touched: pulls and builds, then pins the ids that a revision runs. */

import { Problem } from '../../protocol/problems.ts'
import type { ImagePin } from '../../protocol/resources/revision.ts'
import type { Action } from '../stack/actions.ts'
import type { DesiredService, DesiredStack } from '../stack/desired.ts'
import { Draft } from '../stack/draft.ts'
import type { RevisionRow } from '../store/revisions.ts'
import { imageReference } from './desired-reader.ts'
import { drawImages, type ImageOptions, type ImageTable, type ImageWork, imageNeeds, needing } from './images.ts'

export interface ImageStageInput {
  readonly desired: DesiredStack
  readonly scope: ReadonlySet<string> | 'all'
  readonly options: ImageOptions | undefined
  readonly table: ImageTable
  readonly revisionOf: (service: string) => RevisionRow
  readonly now: Date
}

const DEFAULTS: ImageOptions = { pull: undefined, build: 'missing' }

/**
 * Services to look at: with options all in scope, for their tags may have moved; without, only those that have no pin
 * yet.
 */
export function servicesToResolve({ desired, scope, options }: ImageStageInput): DesiredService[] {
  return Object.values(desired.services).filter(
    (service) =>
      (options !== undefined && (scope === 'all' || scope.has(service.service))) || service.image.id === undefined,
  )
}

export function imageWork(input: ImageStageInput, signal: AbortSignal): Promise<readonly ImageWork[]> {
  const specOf = (service: DesiredService) => input.revisionOf(service.service).model.services[service.service]!
  return imageNeeds(
    needing(servicesToResolve(input), specOf),
    input.options ?? DEFAULTS,
    input.table,
    input.now,
    signal,
    (service) => {
      const { model } = input.revisionOf(service)
      const spec = model.services[service]
      return spec === undefined ? undefined : { service, spec, reference: imageReference(model.name, service, spec) }
    },
  )
}

export function imageActions(work: readonly ImageWork[]): readonly Action[] {
  const draft = new Draft()
  drawImages(work)(draft)
  return draft.finish().actions
}

/** Asks what each reference means now. `missing: 'skip'` leaves out what is not there (a preview). */
export async function resolvePins(
  input: ImageStageInput,
  missing: 'fail' | 'skip',
  signal: AbortSignal,
): Promise<ImagePin[]> {
  const pins = await Promise.all(
    servicesToResolve(input)
      .filter((service) => service.run !== 'removed' && service.replicas > 0)
      .map(async ({ service, image }): Promise<ImagePin | undefined> => {
        const found = await input.table.inspect(image.reference, signal)
        if (found !== undefined) return { service, reference: image.reference, imageId: found.Id }
        if (missing === 'skip') return undefined
        throw new Problem('image-missing', `image ${image.reference} of service ${service} is not there`, {
          hint: 'something removed it just now: bring the stack up again',
        })
      }),
  )
  return pins.filter((pin) => pin !== undefined)
}
