/** The use cases around jobs: begins them, knows them for a while after their end, ends them with the daemon. */
import { Problem } from '../../protocol/problems.ts'
import type {
  BuildRequest,
  Job as JobResource,
  JobStarted,
  PullRequest,
  PushRequest,
} from '../../protocol/resources/job.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ImageBuilder } from '../build/builder.ts'
import type { ContextStore } from '../build/context-store.ts'
import type { SshLoans } from '../build/ssh-loans.ts'
import type { Engine } from '../engine/types.ts'
import type { Clock } from '../reconcile/clock.ts'
import type { Caller } from '../reconcile/control.ts'
import { asProblem, execute, type Outcome } from '../reconcile/executor.ts'
import { toAuth } from '../reconcile/registry-auth.ts'
import { failureOf } from '../reconcile/run-plan.ts'
import { buildTasks } from './build.ts'
import { Job } from './job.ts'
import type { JobTask } from './job-task.ts'
import { pullDecisions, pullTask } from './pull.ts'
import { pushDecisions, pushTask } from './push.ts'
import { selectedServices } from './selection.ts'

/** Jobs at once; each has up to 8 pulls, pushes or builds going. */
const RUNNING = 16
/** Jobs that ended and are still told of, each with up to a MiB of output. */
const KEPT = 20
const KEPT_MS = 10 * 60_000

export interface JobCollaborators {
  readonly engine: Engine
  readonly builder: ImageBuilder
  readonly contexts: ContextStore
  readonly sshLoans: SshLoans
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void }
}

/** Draws a job's tasks, once it has begun. */
type Draw = (job: Job) => Promise<readonly JobTask[]>
/** What the outcome means: undefined is a success. */
type Judge = (outcome: Outcome<JobTask>, job: Job) => Problem | undefined

export class JobControl {
  readonly #with: JobCollaborators
  readonly #jobs = new Map<string, Job>()
  readonly #running = new Map<string, Promise<void>>()

  constructor(collaborators: JobCollaborators) {
    this.#with = collaborators
  }

  async build(stack: string, request: BuildRequest, caller: Caller): Promise<JobStarted> {
    const model = await this.#checked(stack, request, caller)
    selectedServices(model, request.options)
    for (const id of Object.values(request.contexts)) {
      if (await this.#with.contexts.has(id)) continue
      throw new Problem('bad-request', 'a build context of this request was not uploaded', {
        hint: 'upload it first: PUT /v1/contexts/:id',
      })
    }
    const credentials = {
      registryAuth: toAuth(request.registryAuth),
      agents: this.#with.sshLoans.agentsOf(request.ssh),
    }
    const draw: Draw = async (job) => buildTasks({ ...request, model }, job, this.#with, credentials)
    return this.#begin({ stack, kind: 'build', requestedBy: caller.name }, draw, failureOf)
  }

  async pull(stack: string, request: PullRequest, caller: Caller): Promise<JobStarted> {
    const model = await this.#checked(stack, request, caller)
    const { options } = request
    const { engine } = this.#with
    selectedServices(model, options)
    const auth = toAuth(request.registryAuth)
    const draw: Draw = async (job) => {
      const present = await this.#present(model, job.signal)
      return pullDecisions(model, options, (reference) => present.has(reference)).flatMap((decision) => {
        if (decision.kind === 'pull') return [pullTask(decision, engine, auth)]
        job.skip(decision.service, decision.why)
        return []
      })
    }
    return this.#begin({ stack, kind: 'pull', requestedBy: caller.name }, draw, (outcome, job) => {
      const buildable = outcome.failures.flatMap(({ action }) => (action.failure === 'Warning' ? [action.service] : []))
      if (buildable.length > 0) {
        job.warn(
          `Some service image(s) must be built from source by running:\n    evenkeel build ${buildable.join(' ')}`,
        )
      }
      return judged(options.failures, outcome, job)
    })
  }

  async push(stack: string, request: PushRequest, caller: Caller): Promise<JobStarted> {
    const model = await this.#checked(stack, request, caller)
    const { options } = request
    const decisions = pushDecisions(model, options)
    const auth = toAuth(request.registryAuth)
    const draw: Draw = async (job) =>
      decisions.flatMap((decision) => {
        if (decision.kind === 'push') return [pushTask({ ...decision, after: [] }, this.#with.engine, auth)]
        job.skip(decision.service, '')
        return []
      })
    return this.#begin({ stack, kind: 'push', requestedBy: caller.name }, draw, (outcome, job) =>
      judged(options.failures, outcome, job),
    )
  }

  find(id: string): Job {
    const job = this.#jobs.get(id)
    if (job !== undefined) return job
    throw new Problem('job-not-found', `there is no job ${id}`, {
      hint: 'jobs end with the daemon, and are forgotten some minutes after their end',
    })
  }

  /** Undefined where there is no such job. */
  stackOf(id: string): string | undefined {
    return this.#jobs.get(id)?.stack
  }

  job(id: string): JobResource {
    return this.find(id).view
  }

  /** Answers it as it ended; one that has ended stays as it is. */
  async cancel(id: string): Promise<JobResource> {
    const job = this.find(id)
    if (this.#running.has(id)) job.cancel(`the ${job.kind} was cancelled`)
    await this.#running.get(id)
    return job.view
  }

  async stop(): Promise<void> {
    for (const id of this.#running.keys()) this.#jobs.get(id)?.cancel('the daemon ended')
    await Promise.all(this.#running.values())
  }

  #begin(of: ConstructorParameters<typeof Job>[0], draw: Draw, judge: Judge): JobStarted {
    this.#forget()
    if (this.#running.size >= RUNNING) {
      throw new Problem('conflict', `the daemon has ${RUNNING} jobs going already`, { hint: 'wait for one to end' })
    }
    const job = new Job(of, this.#with.clock)
    this.#jobs.set(job.id, job)
    const work = this.#run(job, draw, judge).finally(() => this.#running.delete(job.id))
    this.#running.set(job.id, work)
    return { job: job.id }
  }

  /** Never rejects: how it ended is what the job says. */
  async #run(job: Job, draw: Draw, judge: Judge): Promise<void> {
    let problem: Problem | undefined
    try {
      const tasks = await draw(job)
      job.expect(tasks)
      const outcome = await execute({
        actions: tasks,
        signal: job.signal,
        perform: (task, signal) => task.perform((detail) => job.detail(task, detail), signal),
        onChange: (task, change) => job.change(task, change),
      })
      problem = judge(outcome, job)
    } catch (error) {
      problem = asProblem(error)
    }
    if (job.signal.aborted) problem = job.signal.reason as Problem
    job.end(problem)
    if (problem !== undefined && problem.code !== 'cancelled') {
      const { log } = this.#with
      log.warn({ stack: job.stack, job: job.id, code: problem.code }, `${job.kind} failed: ${problem.message}`)
    }
  }

  async #checked(
    stack: string,
    { model, source }: Pick<PullRequest, 'model' | 'source'>,
    caller: Caller,
  ): Promise<Model> {
    if (model.name !== stack) throw new Problem('bad-request', `the model is named ${model.name}, not ${stack}`)
    const { checkModel } = await import('../reconcile/check-model.ts')
    const checked = checkModel(model, source.workingDir)
    caller.policy?.check(checked)
    return checked
  }

  async #present(model: Model, signal: AbortSignal): Promise<Set<string>> {
    const references = new Set(
      Object.values(model.services).flatMap(({ image }) => (image === undefined ? [] : [image])),
    )
    const found = await Promise.all(
      [...references].map(async (reference) =>
        (await this.#with.engine.images.inspect(reference, { signal })) === undefined ? [] : [reference],
      ),
    )
    return new Set(found.flat())
  }

  /** What ended too long ago, and the oldest of too many. */
  #forget(): void {
    const now = this.#with.clock.now().getTime()
    const ended = [...this.#jobs.values()].filter((job) => !this.#running.has(job.id))
    for (const [index, job] of ended.entries()) {
      const isOld = now - Date.parse(job.endedAt ?? '') > KEPT_MS
      if (isOld || ended.length - index > KEPT) this.#jobs.delete(job.id)
    }
  }
}

/** Failures that do not matter are told as warnings. */
function judged(failures: 'fail' | 'ignore', outcome: Outcome<JobTask>, job: Job): Problem | undefined {
  if (failures === 'fail') return failureOf(outcome)
  for (const { error } of outcome.failures) job.warn(error.message)
  return undefined
}
