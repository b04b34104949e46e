/**
 * Carries out one request: makes sure of its images, makes it the desired state, then brings the stack there. Until the
 * images are there nothing is changed, so that a request that cannot be had leaves the stack as it was.
 */
import { Problem } from '../../protocol/problems.ts'
import type { ServiceTraffic } from '../../protocol/resources/deployment.ts'
import type { ImagePin } from '../../protocol/resources/revision.ts'
import type { DesiredService } from '../stack/desired.ts'
import type { Observed } from '../stack/observed.ts'
import type { Policy } from '../stack/policy.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Store } from '../store/store.ts'
import { commitAdoption, decideAdoption, eject } from './adopt.ts'
import { applyRequest } from './apply-request.ts'
import { commitRequest } from './commit-request.ts'
import type { Core } from './core.ts'
import { type Credentials, NO_CREDENTIALS } from './credentials.ts'
import { decideReleases, mustBeReleasable } from './decide-releases.ts'
import { conditionOf, endStateOf } from './end-state.ts'
import { asProblem } from './executor.ts'
import { beginGoingBack, type GoingBack, goingBack, reasonOf, rememberGood } from './go-back.ts'
import { type ImageStageInput, imageActions, imageWork, resolvePins } from './image-stage.ts'
import { ImageTable } from './images.ts'
import { TrafficMeasure } from './measure-traffic.ts'
import { DeploymentProgress } from './progress.ts'
import {
  type ChangeRequest,
  imageOptionsOf,
  isOperation,
  operationOf,
  policyOf,
  type StackRequest,
  waitTimeoutMs,
} from './requests.ts'
import type { RolloutWatch } from './rollout-watch.ts'
import { RunContext } from './run-context.ts'
import { executeRound, failureOf, prepareRound, settleOwed } from './run-plan.ts'
import type { AppliedState, StackState } from './stack-state.ts'

interface Applied {
  readonly scope: ReadonlySet<string> | 'all'
  readonly observed: Observed | undefined
  /** Services that a one-off container is to be made of, by `run`. */
  readonly oneOffs: readonly DesiredService[]
}

export class DeploymentRun {
  readonly #core: Core
  readonly #row: DeploymentRow
  readonly #request: StackRequest
  readonly #progress: DeploymentProgress
  readonly #warnings = new Set<string>()
  /** Services that are as they are wanted once all has succeeded. */
  #reached: ReadonlySet<string> | 'all' = new Set()
  /** Replicas failed, and the file puts up with it. */
  #tolerated = false
  /** Services of which not all was done all the same. */
  #unfinished: ReadonlySet<string> = new Set()
  /** From the first action upon the stack on. */
  #traffic: TrafficMeasure | undefined

  constructor(core: Core, row: DeploymentRow) {
    this.#core = core
    this.#row = row
    this.#request = row.request as StackRequest
    this.#progress = new DeploymentProgress(row.id, core)
  }

  /** Never rejects: how it ended stands in the store. `cancelled`: that it is to go back stands there, too. */
  async run(signal: AbortSignal, cancelled: AbortSignal = new AbortController().signal): Promise<void> {
    this.#core.store.deployments.begin(this.#row.id, this.#now())
    this.#event('deployment.started', `${this.#row.kind} started`)
    let problem = await this.#attempt(AbortSignal.any([signal, cancelled]))
    let traffic = cancelled.aborted ? undefined : await this.#traffic?.end()
    if (cancelled.aborted && !signal.aborted) {
      problem = await this.#attempt(signal)
      traffic = await this.#traffic?.end()
    }
    this.#progress.end()
    // The daemon ends: the request stays open in the store, and goes on when the daemon is back.
    if (signal.aborted && problem?.code !== 'superseded' && problem?.code !== 'stack-held') return
    this.#end(problem, traffic)
  }

  async #attempt(signal: AbortSignal): Promise<Problem | undefined> {
    try {
      await this.#carryOut(signal)
      return undefined
    } catch (error) {
      return signal.aborted && signal.reason instanceof Problem ? signal.reason : asProblem(error)
    }
  }

  async #carryOut(signal: AbortSignal): Promise<void> {
    const core = this.#core
    if (this.#request.kind === 'eject') {
      // What the ingress serves of it is the Engine's to serve again, by whoever takes the stack over.
      for (const service of Object.keys(core.store.memory.all(this.#row.stack, 'published')))
        await core.ingress.unpublish(this.#row.stack, service)
      eject(core, this.#row.stack)
      return
    }
    const table = new ImageTable(core.engine)
    const begun = goingBack(core.store, this.#row.stack, this.#row.id)
    if (begun !== undefined) {
      if (begun.to === undefined) throw Problem.fromDetails(begun.problem)
      await this.#goBack(begun, table, signal)
      return
    }
    const { scope, observed, oneOffs } = await this.#apply(table, signal)
    if (!isOperation(this.#request)) this.#reached = scope
    const policy = policyOf(this.#request, scope)
    const limitMs = waitTimeoutMs(this.#request)
    const timeout = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs)
    const both = timeout === undefined ? signal : AbortSignal.any([signal, timeout])
    const stored = core.desired.read(this.#row.stack)
    if (stored === undefined) throw new Problem('stack-not-found', `there is no stack ${this.#row.stack}`)
    const desired = { ...stored, oneOffs }
    const { plan, context } = await prepareRound(
      core,
      desired,
      {
        policy,
        observed,
        removal: this.#removal(),
        operation: operationOf(this.#request),
        table,
        credentials: this.#credentials(),
        warn: (message) => this.#warnings.add(message),
      },
      signal,
    )
    for (const warning of plan.warnings) this.#warnings.add(warning)
    if (plan.blocked !== undefined) {
      throw new Problem('stack-blocked', plan.blocked.reason, { hint: plan.blocked.hint })
    }
    if (plan.actions.length === 0) {
      this.#tellWhy()
      return
    }
    this.#traffic = await TrafficMeasure.begin(core, desired, this.#row.id)
    const outcome = await executeRound(core, plan.actions, context, this.#progress, both)
    if (timeout?.aborted && !signal.aborted) {
      throw new Problem('wait-timeout', `the stack was not ready within ${limitMs! / 1000} s`, {
        hint: 'the stack goes on without you; see `evenkeel ps` and `evenkeel logs`',
      })
    }
    signal.throwIfAborted()
    this.#unfinished = outcome.unfinished
    await this.#judge(context.rollouts, failureOf(outcome), table, signal)
    this.#tellWhy()
    // All that was planned is done. The loop looks once more by itself, upon the events of what was done.
  }

  /** What failed on trial is taken back by now: the deployment that did so says what it was. */
  #tellWhy(): void {
    if (this.#request.kind !== 'abort' || this.#request.because === undefined) return
    throw new Problem('deployment-failed', this.#request.because, {
      hint: 'what the new version wrote to volumes and databases is not undone',
    })
  }

  /** What the failures of a round mean. */
  async #judge(
    rollouts: RolloutWatch,
    problem: Problem | undefined,
    table: ImageTable,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#core
    const name = this.#row.stack
    const { verdict } = rollouts
    if (verdict?.kind === 'go-back') {
      const going = beginGoingBack(store, this.#row, verdict.problem, this.#now())
      if (going !== undefined) return this.#goBack(going, table, signal)
    }
    if (verdict?.kind === 'pause') {
      for (const service of verdict.services) {
        const revision = store.stacks.services(name).find((state) => state.service === service)?.revision
        if (revision !== undefined) store.memory.set(name, 'paused', service, revision)
      }
      throw new Problem(
        'deployment-failed',
        `${verdict.problem.message}
the rollout is paused where it is`,
        {
          hint: 'evenkeel up goes on with it, evenkeel rollback goes back',
          engine: verdict.problem.engine,
          cause: verdict.problem,
        },
      )
    }
    if (problem === undefined) return
    if (!rollouts.isTolerable) throw verdict?.problem ?? problem
    this.#tolerated = true
    this.#warnings.add(`failed, and put up with (deploy.update_config): ${problem.message}`)
  }

  /** Always ends with the problem that made it go. */
  async #goBack(going: GoingBack, table: ImageTable, signal: AbortSignal): Promise<never> {
    const core = this.#core
    const desired = core.desired.read(this.#row.stack)
    if (desired === undefined) throw reasonOf(going, undefined)
    const policy: Policy = { ...policyOf(this.#request, 'all'), wait: 'started', rollout: 'rollback' }
    let failure: Problem | undefined
    try {
      const { plan, context } = await prepareRound(core, desired, { policy, table }, signal)
      this.#traffic ??= await TrafficMeasure.begin(core, desired, this.#row.id)
      const outcome = await executeRound(core, plan.actions, context, this.#progress, signal)
      failure = failureOf(outcome)
    } catch (error) {
      failure = asProblem(error)
    }
    signal.throwIfAborted()
    throw reasonOf(going, failure)
  }

  /**
   * Answers the scope, and what the Engine said of the stack where that still holds. A deployment that a crash cut short
   * after this is not applied twice.
   */
  async #apply(table: ImageTable, signal: AbortSignal): Promise<Applied> {
    const { store } = this.#core
    const name = this.#row.stack
    if (this.#request.kind === 'adopt') {
      if (!this.#row.applied) await this.#adopt(this.#request, signal)
      return { scope: 'all', observed: undefined, oneOffs: [] }
    }
    if (this.#request.kind === 'eject') throw new Error('an eject leaves nothing to apply')
    const before = this.#before()
    if (this.#row.applied && (this.#request.kind === 'promote' || this.#request.kind === 'abort'))
      return { scope: 'all', observed: undefined, oneOffs: [] }
    const modelOf = (number: number) => this.#revision(number).model
    const applied = applyRequest(name, before, this.#request, modelOf, this.#now())
    const { scope } = applied
    const oneOffs = this.#oneOffs(applied)
    if (this.#row.applied) return { scope, observed: undefined, oneOffs }
    const looksForImages = applied.stack.presence === 'present' && !isOperation(this.#request)
    const { pins, observed } = looksForImages
      ? await this.#images(applied, table, signal)
      : { pins: [], observed: undefined }
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
    for (const warning of store.batch(() => commitRequest(this.#core, commitment))) this.#warnings.add(warning)
    return { scope, observed: released === applied ? observed : undefined, oneOffs: this.#oneOffs(released) }
  }

  async #adopt({ revision, disabled }: Extract<StackRequest, { kind: 'adopt' }>, signal: AbortSignal): Promise<void> {
    const row = this.#revision(revision)
    const adoptable = await decideAdoption(this.#core, row, disabled, signal)
    for (const warning of adoptable.warnings) this.#warnings.add(warning)
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
    const found = this.#core.store.revisions.find(this.#row.stack, number)
    if (found === undefined)
      throw new Problem('revision-not-found', `stack ${this.#row.stack} has no revision ${number}`)
    return found
  }

  /** Answers what the Engine said meanwhile as well, unless a pull or a build has taken its time since. */
  async #images(
    applied: AppliedState,
    table: ImageTable,
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
      table,
      revisionOf: (service) => this.#revision(desired.services[service]!.revision),
      now: core.clock.now(),
    }
    const [work, observed] = await Promise.all([imageWork(input, signal), core.observer.observe(desired, signal)])
    if (work.length > 0) {
      const context = new RunContext({
        desired,
        observed: { containers: [], networks: [], volumes: [], ports: [] },
        policy: policyOf(this.#request, applied.scope),
        images: table,
        credentials: this.#credentials(),
        store: core.store,
        warn: (message) => this.#warnings.add(message),
      })
      const outcome = await executeRound(core, imageActions(work), context, this.#progress, signal)
      signal.throwIfAborted()
      const problem = failureOf(outcome)
      if (problem !== undefined) throw problem
    }
    const pins = await resolvePins(input, 'fail', signal)
    return { pins, observed: work.length > 0 ? undefined : observed }
  }

  #removal() {
    if (this.#request.kind !== 'down') return undefined
    const { volumes, orphans, images } = this.#request.options
    const desired = this.#core.desired.read(this.#row.stack)
    const services = Object.values(desired?.services ?? {})
    const local = services.filter(
      (service) => this.#revision(service.revision).model.services[service.service]?.image === undefined,
    )
    const wanted = images === 'all' ? services : images === 'local' ? local : []
    return { volumes, orphans, images: [...new Set(wanted.map((service) => service.image.reference))] }
  }

  #credentials(): Credentials {
    return this.#core.credentials.get(this.#row.id) ?? NO_CREDENTIALS
  }

  #end(problem: Problem | undefined, traffic: readonly ServiceTraffic[] = []): void {
    const { store, credentials, progress, log } = this.#core
    const { id, stack, kind } = this.#row
    credentials.delete(id)
    const at = this.#now()
    const state = endStateOf(problem)
    store.batch(() => {
      store.deployments.end(id, {
        state,
        at,
        error: problem?.toDetails(),
        warnings: [...this.#warnings],
        ...(traffic.length > 0 && { traffic }),
      })
      store.memory.forget(stack, 'going-back', id)
      store.memory.forget(stack, 'traffic', id)
      if (problem === undefined) this.#succeeded(at)
      else if (state === 'failed' && store.stacks.find(stack) !== undefined) {
        store.stacks.setCondition(stack, conditionOf(problem), problem.message, at)
      }
    })
    if (problem !== undefined && state === 'failed')
      log.warn({ stack, deployment: id, code: problem.code }, `${kind} failed: ${problem.message}`)
    this.#event(`deployment.${state}`, problem === undefined ? `${kind} succeeded` : `${kind}: ${problem.message}`)
    progress.publish({ deployment: id, type: 'ended' })
  }

  #succeeded(at: string): void {
    const { store } = this.#core
    const name = this.#row.stack
    const row = store.stacks.find(name)
    if (row === undefined) return
    const isReached = (service: string): boolean => this.#reached === 'all' || this.#reached.has(service)
    settleOwed(this.#core, name, (service) => isReached(service) && !this.#unfinished.has(service))
    if (row.presence === 'present') {
      const left = this.#reached === 'all' ? undefined : failureBefore(store, this.#row)
      store.stacks.setCondition(name, left === undefined ? 'steady' : 'failed', left, at)
      if (!this.#tolerated) rememberGood(store, name)
      this.#forgetSteps()
      return
    }
    store.stacks.setCondition(name, 'absent', undefined, at)
    for (const state of store.stacks.services(name)) store.stacks.removeService(name, state.service)
    for (const kind of [
      'restarted',
      'cures',
      'owed',
      'held',
      'stopping',
      'signalled',
      'vacant',
      'halted',
      'good',
      'paused',
      'steps',
    ] as const) {
      for (const key of Object.keys(store.memory.all(name, kind))) store.memory.forget(name, kind, key)
    }
    this.#core.endings.forgetStack(name)
  }

  /** What a service had no new container for, it had no step for. */
  #forgetSteps(): void {
    const { memory } = this.#core.store
    const name = this.#row.stack
    for (const service of Object.keys(memory.all(name, 'steps')))
      if (this.#reached === 'all' || this.#reached.has(service)) memory.forget(name, 'steps', service)
  }

  #event(type: string, message: string): void {
    this.#core.recorder.record({
      at: this.#now(),
      stack: this.#row.stack,
      type,
      message,
      attributes: { deployment: this.#row.id },
    })
  }

  #now(): string {
    return this.#core.clock.now().toISOString()
  }
}

/** Why the deployment before failed: what this one had no part in may be as that one left it, until the loop has looked. */
function failureBefore({ deployments }: Store, { id, stack }: DeploymentRow): string | undefined {
  const before = deployments.list(stack, 2).find((one) => one.id !== id)
  return before?.state === 'failed' ? before.error?.detail : undefined
}
