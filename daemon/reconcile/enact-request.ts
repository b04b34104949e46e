/**
 * Makes a request the desired state: looks for its images, decides what is switched together, commits. Until the images
 * are there nothing is changed, so that a request that cannot be had leaves the stack as it was.
 */
import type { ImagePin } from '../../protocol/resources/revision.ts'
import type { DesiredService } from '../stack/desired.ts'
import type { Observed } from '../stack/observed.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { RevisionRow } from '../store/revisions.ts'
import { commitAdoption, decideAdoption } from './adopt.ts'
import { applyRequest } from './apply-request.ts'
import { commitRequest } from './commit-request.ts'
import type { Core } from './core.ts'
import { credentialsOf } from './credentials.ts'
import { decideReleases, mustBeReleasable } from './decide-releases.ts'
import { type ImageStageInput, imageActions, imageWork, resolvePins } from './image-stage.ts'
import type { ImageTable } from './images.ts'
import { mustFindRevision } from './must-find.ts'
import type { DeploymentProgress } from './progress.ts'
import { type ChangeRequest, imageOptionsOf, isOperation, policyOf, type StackRequest } from './requests.ts'
import { RunContext } from './run-context.ts'
import { executeRound, failureOf } from './run-plan.ts'
import type { AppliedState, StackState } from './stack-state.ts'

export interface Enacted {
  readonly scope: ReadonlySet<string> | 'all'
  /** What the Engine said of the stack, where that still holds. */
  readonly observed: Observed | undefined
  /** Services that a one-off container is to be made of, by `run`. */
  readonly oneOffs: readonly DesiredService[]
}

/** Who is told how far it is, and what is to be known of it. */
interface Listeners {
  readonly progress: DeploymentProgress
  readonly warn: (message: string) => void
}

const ALL: Enacted = { scope: 'all', observed: undefined, oneOffs: [] }

export class Enactment {
  readonly #core: Core
  readonly #row: DeploymentRow
  readonly #request: StackRequest
  readonly #table: ImageTable
  readonly #tell: Listeners

  constructor(core: Core, row: DeploymentRow, table: ImageTable, tell: Listeners) {
    this.#core = core
    this.#row = row
    this.#request = row.request as StackRequest
    this.#table = table
    this.#tell = tell
  }

  /** A deployment that a crash cut short after this is not enacted twice. */
  async enact(signal: AbortSignal): Promise<Enacted> {
    const { store } = this.#core
    const name = this.#row.stack
    if (this.#request.kind === 'adopt') {
      if (!this.#row.applied) await this.#adopt(this.#request, signal)
      return ALL
    }
    if (this.#request.kind === 'eject') throw new Error('an eject leaves nothing to enact')
    const before = this.#before()
    if (this.#row.applied && (this.#request.kind === 'promote' || this.#request.kind === 'abort')) return ALL
    const modelOf = (number: number) => this.#revision(number).model
    const applied = applyRequest(name, before, this.#request, modelOf, this.#now())
    const { scope } = applied
    const oneOffs = this.#oneOffs(applied)
    if (this.#row.applied) return { scope, observed: undefined, oneOffs }
    const looksForImages = applied.stack.presence === 'present' && !isOperation(this.#request)
    const { pins, observed } = looksForImages ? await this.#images(applied, signal) : { pins: [], observed: undefined }
    const revision = (number: number) => store.revisions.find(name, number)
    const released = decideReleases(this.#core, { before, applied, revision, pins })
    if (looksForImages)
      await mustBeReleasable(
        this.#core,
        { before, applied: released, revision, pins },
        policyOf(this.#request, scope),
        signal,
      )
    // Who cancelled it meanwhile was told that nothing is changed.
    signal.throwIfAborted()
    const commitment = {
      row: this.#row,
      request: this.#request as ChangeRequest,
      applied: released,
      pins,
      at: this.#now(),
    }
    for (const warning of store.batch(() => commitRequest(this.#core, commitment))) this.#tell.warn(warning)
    return { scope, observed: released === applied ? observed : undefined, oneOffs: this.#oneOffs(released) }
  }

  async #adopt({ revision, disabled }: Extract<StackRequest, { kind: 'adopt' }>, signal: AbortSignal): Promise<void> {
    const row = this.#revision(revision)
    const adoptable = await decideAdoption(this.#core, row, disabled, signal)
    for (const warning of adoptable.warnings) this.#tell.warn(warning)
    commitAdoption(this.#core, this.#row.id, row, adoptable)
  }

  #oneOffs({ stack, oneOffs }: AppliedState): DesiredService[] {
    return Object.values(this.#core.desired.compose(stack, oneOffs, (number) => this.#revision(number)).services)
  }

  #before(): StackState | undefined {
    const { store } = this.#core
    const stack = store.stacks.find(this.#row.stack)
    if (stack === undefined) return undefined
    return { stack, services: store.stacks.services(stack.name), trial: store.trials.find(stack.name) }
  }

  #revision(number: number): RevisionRow {
    return mustFindRevision(this.#core.store, this.#row.stack, number)
  }

  /** Answers what the Engine said meanwhile as well, unless a pull or a build has taken its time since. */
  async #images(
    applied: AppliedState,
    signal: AbortSignal,
  ): Promise<{ readonly pins: ImagePin[]; readonly observed: Observed | undefined }> {
    const core = this.#core
    const { scope, oneOffs } = applied
    const names = oneOffs.map(({ service }) => service)
    const others = applied.services.filter(({ service }) => !names.includes(service))
    const desired = core.desired.compose(applied.stack, [...others, ...oneOffs], (number) =>
      core.store.revisions.find(this.#row.stack, number),
    )
    const input: ImageStageInput = {
      desired,
      scope: scope === 'all' ? scope : new Set([...scope, ...names]),
      options: imageOptionsOf(this.#request),
      table: this.#table,
      revisionOf: (service) => this.#revision(desired.services[service]!.revision),
      now: core.clock.now(),
    }
    const [work, observed] = await Promise.all([imageWork(input, signal), core.observer.observe(desired, signal)])
    if (work.length > 0) {
      const context = new RunContext({
        desired,
        observed: { containers: [], networks: [], volumes: [], ports: [] },
        policy: policyOf(this.#request, applied.scope),
        images: this.#table,
        credentials: credentialsOf(core.credentials, this.#row.id),
        store: core.store,
        warn: this.#tell.warn,
      })
      const outcome = await executeRound(core, imageActions(work), context, this.#tell.progress, signal)
      signal.throwIfAborted()
      const problem = failureOf(outcome)
      if (problem !== undefined) throw problem
    }
    const pins = await resolvePins(input, 'fail', signal)
    return { pins, observed: work.length > 0 ? undefined : observed }
  }

  #now(): string {
    return this.#core.clock.now().toISOString()
  }
}
