/** What an action is given when it is carried out. */
import type { ActionBody, ActionKind } from '../stack/actions.ts'
import type { Collaborators, RunContext } from './run-context.ts'

/** What an action needs, whichever it is. */
export interface Setting {
  readonly context: RunContext
  readonly with: Collaborators
  readonly signal: AbortSignal
  /** What it is doing just now, for people. */
  readonly report: (detail: string) => void
  /** What became of the object, where that is not what the action is there for. */
  readonly became: (label: string) => void
}

export interface Performance<K extends ActionKind = ActionKind> extends Setting {
  readonly body: Extract<ActionBody, { kind: K }>
}

export type Performer<K extends ActionKind> = (performance: Performance<K>) => Promise<void>
