/** `x-evenkeel.deploy` of a service: commands that a deployment runs once, in containers of the new revision. Pure. */
import { splitCommand } from '../../protocol/stackfile/command-line.ts'
import type { DeploySteps, Service } from '../../protocol/stackfile/model.ts'
import { parseDuration } from '../../protocol/stackfile/units.ts'

/** `before` anything is switched, such as the migration of a database; `after` the service has come up. */
export type StepTime = 'before' | 'after'

export interface Steps {
  readonly before: readonly (readonly string[])[]
  readonly after: readonly (readonly string[])[]
  /** For each command. */
  readonly timeoutMs: number
}

/** How far the steps of a service have come that a request brought to a revision. Forgotten once they are done. */
export interface StepsState {
  readonly revision: number
  readonly stage: StepTime
  /** Commands of the stage that have succeeded. */
  readonly done: number
  /** One has failed: only a request tries it again. */
  readonly hasFailed?: boolean
}

const TIMEOUT_MS = 600_000
const NS_PER_MS = 1e6

export function stepsOf(spec: Service): Steps | undefined {
  const declared = spec['x-evenkeel']?.deploy
  if (declared === undefined) return undefined
  const { before = [], after = [], timeout } = declared
  return {
    before: before.map(wordsOf),
    after: after.map(wordsOf),
    timeoutMs: timeout === undefined ? TIMEOUT_MS : (parseDuration(timeout) ?? 0) / NS_PER_MS,
  }
}

/** As `command` of a service is read: without a shell. */
const wordsOf = (command: NonNullable<DeploySteps['before']>[number]): readonly string[] =>
  typeof command === 'string' ? (splitCommand(command)?.arguments ?? []) : command
