/**
 * When what failed is tried again: after a second, then twice as late each time. Each service by itself, so that one that
 * cannot be brought up does not set the pace of healing for the others of its stack.
 */
import type { Problem } from '../../protocol/problems.ts'
import type { Action } from '../stack/actions.ts'
import { isEngineAway } from './perform/engine-answers.ts'

const FIRST_MS = 1000
const LAST_MS = 300_000

/** How long to wait after so many failures in a row, in milliseconds. */
export const backOffMs = (failures: number, lastMs = LAST_MS): number =>
  Math.min(FIRST_MS * 2 ** (failures - 1), lastMs)

interface Wait {
  readonly failures: number
  readonly problem: Problem
  /** How long it was put off: the clock may be set back meanwhile. */
  readonly waitMs: number
  untilMs: number
}

export class Pace {
  readonly #waits = new Map<string, Wait>()

  /**
   * What of a plan is to be done now. A service whose time has not come is left alone, and so is each that something of it
   * would have to wait for it: half a replacement is worse than none.
   */
  due(actions: readonly Action[], nowMs: number): readonly Action[] {
    const planned = new Set(actions.map(({ service }) => service))
    for (const service of this.#waits.keys()) if (!planned.has(service)) this.#waits.delete(service)
    const services = new Set<string>()
    for (const [service, wait] of this.#waits) {
      wait.untilMs = Math.min(wait.untilMs, nowMs + wait.waitMs)
      if (wait.untilMs > nowMs) services.add(service)
    }
    if (services.size === 0) return actions
    const out = new Set<string>()
    for (let known = -1; known !== out.size; ) {
      known = out.size
      for (const action of actions) {
        const isOut =
          (action.service !== undefined && services.has(action.service) && !isWait(action)) || stopsAt(action, out)
        if (!isOut) continue
        out.add(action.id)
        if (action.service !== undefined && !isWait(action)) services.add(action.service)
      }
    }
    const isDue = (id: string): boolean => !out.has(id)
    const left = actions.filter(({ id }) => isDue(id))
    const awaited = new Set(left.flatMap(({ after }) => after))
    return left
      .filter((action) => !isWait(action) || awaited.has(action.id))
      .map((action) => (action.after.every(isDue) ? action : { ...action, after: action.after.filter(isDue) }))
  }

  /**
   * Takes note of a round. A wait that failed is held against those that it was for.
   * @returns how many times in a row it is now; undefined where a failure was that of no service
   */
  took(
    actions: readonly Action[],
    failures: readonly { readonly action: Action; readonly error: Problem }[],
    nowMs: number,
  ): number | undefined {
    const blamed = new Map<string, Problem>()
    for (const { action, error } of failures) {
      const services = isWait(action) ? waitingFor(action, actions) : [action.service]
      for (const service of services) {
        if (service === undefined || isOfTheMachine(error)) return undefined
        blamed.set(service, error)
      }
    }
    for (const { service } of actions) if (service !== undefined && !blamed.has(service)) this.#waits.delete(service)
    let most = 0
    for (const [service, problem] of blamed) {
      const failed = (this.#waits.get(service)?.failures ?? 0) + 1
      const waitMs = backOffMs(failed)
      this.#waits.set(service, { failures: failed, problem, waitMs, untilMs: nowMs + waitMs })
      most = Math.max(most, failed)
    }
    return most
  }

  /** What made them fail may be over. */
  forgive(): void {
    this.#waits.clear()
  }

  /** Why services wait: one for each. */
  get problems(): readonly Problem[] {
    return [...this.#waits.values()].map(({ problem }) => problem)
  }

  /** When the first of them is tried again, Unix milliseconds. */
  get dueAtMs(): number {
    return Math.min(...[...this.#waits.values()].map(({ untilMs }) => untilMs))
  }
}

const isWait = ({ body }: Action): boolean => body.kind === 'await-service'

const isOfTheMachine = (problem: Problem): boolean => isEngineAway(problem) || problem.code === 'state-unwritable'

const stopsAt = ({ after, tolerates }: Action, out: ReadonlySet<string>): boolean =>
  after.some((id) => out.has(id) && !tolerates.includes(id))

const waitingFor = (wait: Action, actions: readonly Action[]): (string | undefined)[] =>
  actions
    .filter(({ after, tolerates }) => after.includes(wait.id) && !tolerates.includes(wait.id))
    .map((a) => a.service)
