/**
 * One-off containers (`run`). They are outside the loop: nobody counts them, heals them or replaces them. What one needs
 * (image, networks, volumes, dependencies) an `up` of purpose `one-off` has made sure of before.
 */
import { randomBytes } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'
import type { RunAnswer, RunRequest } from '../../protocol/resources/run.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ImageInspect } from '../engine/types.ts'
import { chooseRunning } from '../stack/choose-container.ts'
import type { ContainerPlan } from '../stack/mapping/container.ts'
import { oneOffModel } from '../stack/one-off.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Caller } from './control.ts'
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { imageReference, volumesOf } from './desired-reader.ts'
import { mustNotBeHeld } from './held.ts'
import { oneOffPlan } from './one-off-plan.ts'
import { complete } from './perform/container-plan.ts'
import { explainStart, isStatus } from './perform/engine-answers.ts'
import { volumesMustBeThere } from './perform/volumes.ts'
import { mustBeWithinPolicy } from './within-policy.ts'

/** Calls that make a container answer soon; its files and networks take some more. */
const MAKE_MS = 120_000

export class OneOffs {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  async run(stack: string, request: RunRequest, caller: Caller): Promise<RunAnswer> {
    const { engine, store } = this.#core
    mustNotBeHeld(store, stack)
    const signal = deadline(MAKE_MS)
    const revision = this.#revision(stack)
    const { checkModel } = await import('./check-model.ts')
    const model = checkModel(oneOffModel(revision.model, request), revision.source.workingDir)
    await mustBeWithinPolicy(caller, { model, files: revision.files }, engine, signal)
    const slug = randomBytes(32).toString('hex')
    const name = request.name ?? `${stack}-${request.service}-run-${slug.slice(0, 12)}`
    const plan = await this.#plan(revision, model, request, { name, slug }, signal)
    const named = volumesOf(model, model.services[request.service]!)
    const volumes = this.#core.desired.read(stack)?.volumes.filter((volume) => named.includes(volume.name)) ?? []
    await volumesMustBeThere(stack, volumes, this.#core, signal)
    const { Id } = await engine.containers.create(plan.query, plan.body, { signal })
    try {
      await complete(plan, Id, { with: this.#core, signal })
      if (request.start === 'now') await engine.containers.start(Id, { signal })
    } catch (error) {
      if (request.remove) {
        await engine.containers.remove(Id, { force: true, volumes: 'anonymous' }).catch((gone: unknown) => {
          if (!isStatus(gone, 404) && !isStatus(gone, 409)) throw gone
        })
      }
      throw explainStart(error, request.service)
    }
    return { id: Id, name, warnings: [...plan.warnings] }
  }

  #revision(stack: string): RevisionRow {
    const { store } = this.#core
    const row = store.stacks.find(stack)
    const revision = row?.presence === 'present' ? store.revisions.find(stack, row.revision) : undefined
    if (revision !== undefined) return revision
    throw noStack(stack)
  }

  async #plan(
    revision: RevisionRow,
    model: Model,
    { service, aliases, remove, size }: RunRequest,
    { name, slug }: { readonly name: string; readonly slug: string },
    signal: AbortSignal,
  ): Promise<ContainerPlan> {
    const { observer } = this.#core
    const [image, containers] = await Promise.all([
      this.#image(revision, service, signal),
      observer.containers(revision.stack, signal),
    ])
    const oneOff = { slug, aliases, remove, size }
    const running = (other: string) => chooseRunning(containers, { service: other }).Id
    const desired = this.#core.desired.read(revision.stack)
    if (desired === undefined) throw noStack(revision.stack)
    return oneOffPlan(
      this.#core,
      { revision, model, service, name, desired, oneOff, image, containers: running },
      signal,
    )
  }

  /** The one that the revision is pinned to; by name where the name still means it. */
  async #image(
    revision: RevisionRow,
    service: string,
    signal: AbortSignal,
  ): Promise<{ reference: string; id: string; inspect: ImageInspect }> {
    const { engine, store } = this.#core
    const reference = imageReference(revision.model.name, service, revision.model.services[service]!)
    const pin = store.revisions.pins(revision.stack, revision.number).find((entry) => entry.service === service)
    const [pinned, tagged] = await Promise.all([
      pin === undefined ? undefined : engine.images.inspect(pin.imageId, { signal }),
      engine.images.inspect(reference, { signal }),
    ])
    const inspect = pinned ?? tagged
    if (inspect === undefined) {
      throw new Problem('image-missing', `image ${reference} of service ${service} is not there`, {
        hint: 'bring the stack up again to pull or build it',
      })
    }
    return { reference: tagged?.Id === inspect.Id ? reference : inspect.Id, id: inspect.Id, inspect }
  }
}

const noStack = (stack: string): Problem =>
  new Problem('stack-not-found', `there is no stack ${stack}`, { hint: 'bring it up first: evenkeel up' })
