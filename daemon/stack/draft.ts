/** A plan while it is written: hands out ids, keeps the order, remembers which actions begin and end a service. */
import type { Effect } from '../../protocol/resources/plan.ts'
import type { Action, ActionBody, Blocked, PlannedRollout, StackPlan } from './actions.ts'

interface Draw {
  readonly body: ActionBody
  readonly key: string
  readonly object: string
  readonly service?: string
  readonly effect: Effect
  readonly reason: string
  readonly after?: readonly (string | undefined)[]
  readonly tolerates?: readonly string[]
}

interface Sheet {
  readonly actions: Map<string, Action>
  readonly warnings: Set<string>
  readonly concerns: Set<string>
  readonly rollouts: Map<string, PlannedRollout>
  lookAgainAtMs: number | undefined
  unchanged: number
  blocked: Blocked | undefined
  trial: StackPlan['trial']
}

const blank = (): Sheet => ({
  actions: new Map(),
  warnings: new Set(),
  concerns: new Set(),
  rollouts: new Map(),
  lookAgainAtMs: undefined,
  unchanged: 0,
  blocked: undefined,
  trial: undefined,
})

export class Draft {
  readonly #sheet: Sheet
  readonly #actions: Sheet['actions']
  readonly #set: Action['set']

  constructor(sheet: Sheet = blank(), set?: Action['set']) {
    this.#sheet = sheet
    this.#actions = sheet.actions
    this.#set = set
  }

  /** The same plan; what is drawn by this is of replicas on trial, and apart from those that serve. */
  forTrial(): Draft {
    return new Draft(this.#sheet, 'trial')
  }

  /** Adds an action and answers its id. The same action drawn twice is one; its conditions add up. */
  add(draw: Draw): string {
    const id = [draw.body.kind, draw.key, ...(this.#set === undefined ? [] : [`(${this.#set})`])].join(' ')
    const before = this.#actions.get(id)
    const after = [...new Set([...(before?.after ?? []), ...(draw.after ?? []).filter((a) => a !== undefined)])]
    this.#actions.set(id, {
      id,
      body: draw.body,
      object: draw.object,
      service: draw.service,
      ...(this.#set !== undefined && { set: this.#set }),
      effect: draw.effect,
      reason: before?.reason ?? draw.reason,
      after,
      tolerates: [...(before?.tolerates ?? []), ...(draw.tolerates ?? [])],
    })
    return id
  }

  /** Puts further actions before one that is there already. */
  order(id: string, after: readonly string[], tolerates: readonly string[] = []): void {
    const action = this.#actions.get(id)
    if (action === undefined) return
    const known = after.filter((a) => a !== id)
    this.#actions.set(id, {
      ...action,
      after: [...new Set([...action.after, ...known])],
      tolerates: [...new Set([...action.tolerates, ...tolerates])],
    })
  }

  /** One action in the place of these: whatever comes after one of them comes after it. Answers its id. */
  merge(ids: readonly string[], draw: Draw): string {
    for (const id of ids) this.#actions.delete(id)
    const merged = this.add(draw)
    for (const action of this.#actions.values()) {
      if (!action.after.some((id) => ids.includes(id))) continue
      const after = [...new Set(action.after.map((id) => (ids.includes(id) ? merged : id)))]
      const tolerates = action.tolerates.filter((id) => !ids.includes(id))
      this.#actions.set(action.id, { ...action, after: after.filter((id) => id !== action.id), tolerates })
    }
    return merged
  }

  /** These wait for those no longer. */
  detach(ids: readonly string[], from: readonly string[]): void {
    for (const id of ids) {
      const action = this.#actions.get(id)
      if (action === undefined) continue
      const kept = (before: string): boolean => !from.includes(before)
      const { after, tolerates } = action
      this.#actions.set(id, { ...action, after: after.filter(kept), tolerates: tolerates.filter(kept) })
    }
  }

  has(id: string): boolean {
    return this.#actions.has(id)
  }

  /** Whether the one is to come after the other, as far as is drawn yet. */
  isAfter(id: string, other: string): boolean {
    const seen = new Set<string>()
    const open = [id]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const before of this.#actions.get(next)?.after ?? []) {
        if (before === other) return true
        if (seen.has(before)) continue
        seen.add(before)
        open.push(before)
      }
    }
    return false
  }

  warn(message: string): void {
    this.#sheet.warnings.add(message)
  }

  rollout(planned: PlannedRollout): void {
    if (!this.#sheet.rollouts.has(planned.service)) this.#sheet.rollouts.set(planned.service, planned)
  }

  /** Something that is not well and is left as it is, for the time being or until a person decides. */
  concern(message: string, lookAgainAtMs?: number): void {
    this.#sheet.concerns.add(message)
    if (lookAgainAtMs !== undefined) this.lookAgain(lookAgainAtMs)
  }

  lookAgain(atMs: number): void {
    this.#sheet.lookAgainAtMs = Math.min(this.#sheet.lookAgainAtMs ?? atMs, atMs)
  }

  /** What becomes of the trial. */
  decide(trial: NonNullable<StackPlan['trial']>): void {
    this.#sheet.trial = trial
    if (trial.kind === 'failed' && trial.remedy === 'pause')
      this.concern(
        `${trial.service} has failed on trial: ${trial.why}; it is out of the traffic: evenkeel abort takes it back, evenkeel promote has it all the same`,
      )
  }

  keep(): void {
    this.#sheet.unchanged += 1
  }

  block(blocked: Blocked): void {
    this.#sheet.blocked ??= blocked
  }

  get rollouts(): readonly PlannedRollout[] {
    return [...this.#sheet.rollouts.values()]
  }

  get actions(): readonly Action[] {
    return [...this.#actions.values()]
  }

  /** The plan in an order that respects `after`. What is blocked is not begun at all. */
  finish(): StackPlan {
    return {
      actions: this.#sheet.blocked === undefined ? sorted(this.#actions) : [],
      warnings: [...this.#sheet.warnings],
      rollouts: this.rollouts,
      concerns: [...this.#sheet.concerns],
      lookAgainAtMs: this.#sheet.lookAgainAtMs,
      unchanged: this.#sheet.unchanged,
      blocked: this.#sheet.blocked,
      ...(this.#sheet.trial !== undefined && { trial: this.#sheet.trial }),
    }
  }
}

/** Throws where actions wait for each other: such a plan would never end. */
function sorted(actions: ReadonlyMap<string, Action>): Action[] {
  const done = new Set<string>()
  const open = new Set<string>()
  const order: Action[] = []
  const visit = (action: Action): void => {
    if (done.has(action.id)) return
    if (open.has(action.id)) throw new Error(`the plan goes in a circle: ${[...open, action.id].join(' -> ')}`)
    open.add(action.id)
    for (const id of action.after) {
      const before = actions.get(id)
      if (before !== undefined) visit(before)
    }
    open.delete(action.id)
    done.add(action.id)
    order.push({ ...action, after: action.after.filter((id) => actions.has(id)) })
  }
  for (const action of actions.values()) visit(action)
  return order
}
