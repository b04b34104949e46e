/** Carries out one request: makes it the desired state, then brings the stack there, or back where that fails. */
import { Problem } from '../../protocol/problems.ts'
import type { Policy } from '../stack/policy.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import { eject } from './adopt.ts'
import type { Core } from './core.ts'
import { credentialsOf } from './credentials.ts'
import { Enactment } from './enact-request.ts'
import { endDeployment } from './end-deployment.ts'
import { asProblem } from './executor.ts'
import { beginGoingBack, type GoingBack, goingBack, reasonOf } from './go-back.ts'
import { ImageTable } from './images.ts'
import { TrafficMeasure } from './measure-traffic.ts'
import { mustFindRevision } from './must-find.ts'
import { DeploymentProgress } from './progress.ts'
import { isOperation, operationOf, policyOf, type StackRequest, waitTimeoutMs } from './requests.ts'
import type { RolloutWatch } from './rollout-watch.ts'
import { executeRound, failureOf, prepareRound } from './run-plan.ts'

export class DeploymentRun {
  readonly #core: Core
  readonly #row: DeploymentRow
  readonly #request: StackRequest
  readonly #progress: DeploymentProgress
  readonly #warnings = new Set<string>()
  readonly #warn = (message: string): void => {
    this.#warnings.add(message)
  }
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
    const at = this.#now()
    const { id, stack, kind } = this.#row
    this.#core.store.deployments.begin(id, at)
    const attributes = { deployment: id }
    this.#core.recorder.record({ at, stack, type: 'deployment.started', message: `${kind} started`, attributes })
    let problem = await this.#attempt(AbortSignal.any([signal, cancelled]))
    let traffic = cancelled.aborted ? undefined : await this.#traffic?.end()
    if (cancelled.aborted && !signal.aborted) {
      problem = await this.#attempt(signal)
      traffic = await this.#traffic?.end()
    }
    this.#progress.end()
    // The daemon ends: the request stays open in the store, and goes on when the daemon is back.
    if (signal.aborted && problem?.code !== 'superseded' && problem?.code !== 'stack-held') return
    endDeployment(this.#core, this.#row, {
      problem,
      warnings: this.#warnings,
      traffic: traffic ?? [],
      reached: this.#reached,
      unfinished: this.#unfinished,
      tolerated: this.#tolerated,
    })
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
    const enactment = new Enactment(core, this.#row, table, { progress: this.#progress, warn: this.#warn })
    const { scope, observed, oneOffs } = await enactment.enact(signal)
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
        credentials: credentialsOf(core.credentials, this.#row.id),
        warn: this.#warn,
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

  #removal() {
    if (this.#request.kind !== 'down') return undefined
    const { volumes, orphans, images } = this.#request.options
    const desired = this.#core.desired.read(this.#row.stack)
    const services = Object.values(desired?.services ?? {})
    const local = services.filter(
      ({ service, revision }) =>
        mustFindRevision(this.#core.store, this.#row.stack, revision).model.services[service]?.image === undefined,
    )
    const wanted = images === 'all' ? services : images === 'local' ? local : []
    return { volumes, orphans, images: [...new Set(wanted.map((service) => service.image.reference))] }
  }

  #now(): string {
    return this.#core.clock.now().toISOString()
  }
}
