/** What is desired of a stack, as the store has it, and as a request makes it. */
import type { ServiceState } from '../stack/desired.ts'
import type { StackRow } from '../store/stacks.ts'
import type { TrialRow } from '../store/trials.ts'

export interface StackState {
  readonly stack: StackRow
  readonly services: readonly ServiceState[]
  /** A revision that is tried beside these. */
  readonly trial?: TrialRow | undefined
}

export interface AppliedState extends StackState {
  /** Services that the request is about: with their dependencies where wanted. */
  readonly scope: ReadonlySet<string> | 'all'
  /** What one-off containers are to be made of. It is no part of the state: it lasts as long as the request. */
  readonly oneOffs: readonly ServiceState[]
}
