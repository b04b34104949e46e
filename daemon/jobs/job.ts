/** One job: its steps, its output, how it ended. In memory only: it changes nothing that must be known after a crash. */
import { randomUUID } from 'node:crypto'
import { Channel } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Step } from '../../protocol/resources/deployment.ts'
import type { BuildCheck, Job as JobResource } from '../../protocol/resources/job.ts'
import type { Clock } from '../reconcile/clock.ts'
import type { StepChange } from '../reconcile/executor.ts'
import type { JobTask } from './job-task.ts'
import { OutputLog } from './output-log.ts'

export type JobChange =
  | { readonly type: 'steps'; readonly steps: readonly Step[] }
  | { readonly type: 'output' }
  | { readonly type: 'ended' }

/** A pull reports many times a second; followers need not see each. */
const DETAIL_MS = 100

export class Job {
  readonly id = randomUUID()
  readonly stack: string
  readonly kind: JobResource['kind']
  readonly output = new OutputLog()
  readonly changes = new Channel<JobChange>()
  readonly #clock: Clock
  readonly #requestedBy: string
  readonly #startedAt: string
  readonly #steps = new Map<string, Step>()
  readonly #detailAt = new Map<string, number>()
  readonly #warnings = new Set<string>()
  readonly #checks: BuildCheck[] = []
  readonly #abort = new AbortController()
  #end: Pick<JobResource, 'state' | 'endedAt' | 'error'> | undefined

  constructor(of: { stack: string; kind: JobResource['kind']; requestedBy: string }, clock: Clock) {
    this.stack = of.stack
    this.kind = of.kind
    this.#requestedBy = of.requestedBy
    this.#clock = clock
    this.#startedAt = this.#now()
  }

  /** Ends with a cancellation; its reason is the Problem that the job then ends with. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get endedAt(): string | undefined {
    return this.#end?.endedAt
  }

  get view(): JobResource {
    return {
      id: this.id,
      stack: this.stack,
      kind: this.kind,
      state: this.#end?.state ?? 'running',
      requestedBy: this.#requestedBy,
      startedAt: this.#startedAt,
      ...(this.#end?.endedAt === undefined ? {} : { endedAt: this.#end.endedAt }),
      ...(this.#end?.error === undefined ? {} : { error: this.#end.error }),
      warnings: [...this.#warnings],
      steps: [...this.#steps.values()],
      ...(this.#checks.length === 0 ? {} : { checks: [...this.#checks] }),
    }
  }

  /** A service that nothing is done for, and why. */
  skip(service: string, why: string): void {
    const label = why === '' ? 'Skipped' : `Skipped - ${why}`
    this.#put({ id: `skip ${service}`, action: 'skip', object: service, label, reason: why, service, state: 'done' })
  }

  /** All steps, waiting: a follower sees at once how much there is. */
  expect(tasks: readonly JobTask[]): void {
    for (const { id, action, object, service, reason } of tasks) {
      this.#put({ id, action, object, label: 'Waiting', reason, service, state: 'waiting' })
    }
  }

  change(task: JobTask, change: StepChange): void {
    const before = this.#steps.get(task.id)
    if (before === undefined) return
    const { detail: _, ...rest } = before
    const at = this.#now()
    this.#put({
      ...rest,
      state: change.state,
      label: labelOf(task, change),
      ...(change.state === 'running' ? { startedAt: at } : { endedAt: at }),
      ...(change.state === 'failed' ? { error: detailsOf(change.error) } : {}),
      ...(change.state === 'skipped' ? { detail: change.because } : {}),
    })
  }

  /** What a task is doing just now, such as a pull's bytes. */
  detail(task: JobTask, detail: string): void {
    const now = this.#clock.now().getTime()
    const before = this.#steps.get(task.id)
    if (before === undefined || now - (this.#detailAt.get(task.id) ?? 0) < DETAIL_MS) return
    this.#detailAt.set(task.id, now)
    this.#put({ ...before, detail })
  }

  write(service: string, line: string): void {
    this.output.add(service, line)
    this.changes.publish({ type: 'output' })
  }

  found(check: BuildCheck): void {
    this.#checks.push(check)
  }

  warn(message: string): void {
    this.#warnings.add(message)
  }

  cancel(why: string): void {
    this.#abort.abort(new Problem('cancelled', why))
  }

  end(problem: Problem | undefined): void {
    this.#end = {
      state: this.signal.aborted ? 'cancelled' : problem === undefined ? 'succeeded' : 'failed',
      endedAt: this.#now(),
      error: problem === undefined ? undefined : detailsOf(problem),
    }
    this.changes.publish({ type: 'ended' })
  }

  #put(step: Step): void {
    this.#steps.set(step.id, step)
    this.changes.publish({ type: 'steps', steps: [step] })
  }

  #now(): string {
    return this.#clock.now().toISOString()
  }
}

function labelOf({ words, failure }: JobTask, { state }: StepChange): string {
  switch (state) {
    case 'running':
      return words[0]
    case 'done':
      return words[1]
    case 'failed':
      return failure
    case 'skipped':
      return 'Skipped'
  }
}

const detailsOf = (problem: Problem): NonNullable<JobResource['error']> =>
  problem.toDetails() as NonNullable<JobResource['error']>
