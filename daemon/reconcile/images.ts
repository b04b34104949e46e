/** Images of a run: which are there, which are to be pulled or built, and what each turned out to be. */

import type { z } from 'zod'
import { servicesInBuild } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { BuildPolicy, PullPolicy } from '../../protocol/resources/stack.ts'
import type { Service } from '../../protocol/stackfile/model.ts'
import { imageDecision } from '../build/pull-policy.ts'
import type { Engine, ImageInspect } from '../engine/types.ts'
import type { DesiredService } from '../stack/desired.ts'
import type { Draft } from '../stack/draft.ts'

export interface ImageOptions {
  readonly pull: z.infer<typeof PullPolicy> | undefined
  readonly build: z.infer<typeof BuildPolicy>
}

export interface ResolvedImage {
  readonly reference: string
  readonly inspect: ImageInspect
}

export type Need = { readonly service: string; readonly spec: Service; readonly reference: string }

/** Looks at images by reference, each once for a run, and again after it was pulled or built. */
export class ImageTable {
  readonly #engine: Engine
  readonly #found = new Map<string, Promise<ImageInspect | undefined>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  inspect(reference: string, signal: AbortSignal): Promise<ImageInspect | undefined> {
    const known = this.#found.get(reference)
    if (known !== undefined) return known
    const asked = this.#engine.images.inspect(reference, { signal })
    asked.then(
      // A pin names it by its id.
      (image) => image !== undefined && this.#found.set(image.Id, asked),
      () => this.#found.delete(reference),
    )
    this.#found.set(reference, asked)
    return asked
  }

  forget(reference: string): void {
    this.#found.delete(reference)
  }
}

/**
 * Draws the pulls and builds that these services need. Answers the action ids that a service's containers wait for, and
 * nothing where all is there. All containers of a request wait for all images: one that is missing leaves the whole
 * stack as it is.
 */
export async function imageNeeds(
  needs: readonly Need[],
  options: ImageOptions,
  table: ImageTable,
  now: Date,
  signal: AbortSignal,
  needOf: (service: string) => Need | undefined,
): Promise<readonly ImageWork[]> {
  const known = new Set(needs.map((need) => need.service))
  const work: ImageWork[] = []
  for (let next = needs; next.length > 0; ) {
    const found = await decideAll(next, options, table, now, signal)
    work.push(...found)
    // A build may take the image of a service that has no container in this run.
    const others = new Set(found.flatMap((item) => item.buildAfter).filter((service) => !known.has(service)))
    next = [...others].map(needOf).filter((need) => need !== undefined)
    for (const service of others) known.add(service)
  }
  refuseCircles(work)
  return work
}

function refuseCircles(work: readonly ImageWork[]): void {
  const after = new Map(work.map((item) => [item.service, item.buildAfter]))
  const visit = (service: string, path: readonly string[]): void => {
    if (path.includes(service)) {
      throw new Problem('stack-file-invalid', `builds wait for each other: ${[...path, service].join(' -> ')}`, {
        hint: 'take one of the service: entries out of build.additional_contexts',
      })
    }
    for (const other of after.get(service) ?? []) visit(other, [...path, service])
  }
  for (const service of after.keys()) visit(service, [])
}

async function decideAll(
  needs: readonly Need[],
  options: ImageOptions,
  table: ImageTable,
  now: Date,
  signal: AbortSignal,
): Promise<ImageWork[]> {
  const work = await Promise.all(
    needs.map(async ({ service, spec, reference }): Promise<ImageWork | undefined> => {
      const present = await table.inspect(reference, signal)
      const decision = imageDecision({
        service,
        reference,
        policy: spec.pull_policy,
        pullOption: options.pull,
        buildOption: options.build,
        hasBuild: spec.build !== undefined,
        hasImage: spec.image !== undefined,
        present: present !== undefined,
        lastTagTime: present?.Metadata?.LastTagTime ?? present?.Created,
        now,
      })
      if (decision.kind === 'use') return undefined
      if (decision.kind === 'fail') throw new Problem('image-missing', decision.reason, { hint: decision.hint })
      return {
        kind: decision.kind,
        service,
        reference,
        platform: spec.platform,
        reason: decision.reason,
        buildAfter: decision.kind === 'pull' ? [] : servicesInBuild(spec.build),
      }
    }),
  )
  return work.filter((item) => item !== undefined)
}

export interface ImageWork {
  /** `pull-else-build`: a pull that fails falls back to building, as Compose does where both keys are there. */
  readonly kind: 'pull' | 'build' | 'pull-else-build'
  readonly service: string
  readonly reference: string
  readonly platform: string | undefined
  readonly reason: string
  /** Services whose images its build takes as contexts (`service:`): they are built first. */
  readonly buildAfter: readonly string[]
}

export function drawImages(work: readonly ImageWork[]) {
  return (draft: Draft): readonly string[] => {
    const makers = new Map(
      work.map((item) => [
        item.service,
        item.kind === 'build' ? `build-image ${item.service}` : `pull-image ${item.reference}`,
      ]),
    )
    return work.map((item) =>
      item.kind === 'build'
        ? draft.add({
            body: { kind: 'build-image', service: item.service, reference: item.reference },
            key: item.service,
            object: `Image ${item.reference}`,
            service: item.service,
            effect: 'create',
            reason: item.reason,
            after: item.buildAfter.map((other) => makers.get(other)),
          })
        : draft.add({
            body: {
              kind: 'pull-image',
              reference: item.reference,
              platform: item.platform,
              fallback: item.kind === 'pull-else-build' ? item.service : undefined,
            },
            key: item.reference,
            object: `Image ${item.reference}`,
            service: item.service,
            effect: 'create',
            reason: item.reason,
            after: item.buildAfter.map((other) => makers.get(other)),
          }),
    )
  }
}

/** Services whose images a run needs: those that are to have containers. */
export function needing(services: readonly DesiredService[], specOf: (service: DesiredService) => Service): Need[] {
  return services
    .filter((service) => service.run !== 'removed' && service.replicas > 0)
    .map((service) => ({ service: service.service, spec: specOf(service), reference: service.image.reference }))
}
