/** A plan for people: each object with what happens to it and why, then the counts. */
import type { DriftField } from '../../../protocol/resources/container.ts'
import type { Plan, PlannedAction } from '../../../protocol/resources/plan.ts'
import type { Output } from '../output.ts'
import { trialLine } from './trial.ts'

const SIGNS = { create: '+', change: '~', replace: '-/+', remove: '-', wait: '…' } as const

export function renderPlan(plan: Plan, output: Output): string {
  const { colors } = output
  const drift = driftLines(plan)
  const tried = trialLinesOf(plan)
  if (plan.actions.length === 0) {
    const words = `No changes. ${plan.counts.unchanged} object(s) of stack ${plan.stack} are as declared.`
    return [words, ...tried, ...drift].join('\n')
  }
  const paint = {
    create: colors.green,
    change: colors.yellow,
    replace: colors.magenta,
    remove: colors.red,
    wait: colors.dim,
  }
  const lines = objectsOf(plan.actions).map(({ object, effect, steps, reason }) => {
    const sign = SIGNS[effect].padStart(3)
    return `${paint[effect](`${sign} ${object}`)}  ${steps.join(', ')}  ${colors.dim(`(${reason})`)}`
  })
  const { create, change, replace, remove, unchanged } = plan.counts
  return [
    `Stack ${plan.stack}:`,
    ...lines,
    ...rolloutLines(plan),
    ...tried,
    '',
    `Plan: ${create} to create, ${change} to change, ${replace} to replace, ${remove} to remove, ${unchanged} unchanged.`,
    ...drift,
  ].join('\n')
}

function rolloutLines({ rollouts }: Plan): string[] {
  return rollouts.length === 0
    ? []
    : ['', ...rollouts.map(({ service, order, why }) => `${service}: ${order}, for ${why}`)]
}

function trialLinesOf({ trial }: Plan): string[] {
  if (trial === undefined) return []
  const { waiting } = trial
  return ['', trialLine(trial), ...(waiting.length === 0 ? [] : [`Not until it is promoted: ${waiting.join(', ')}`])]
}

function driftLines({ drift }: Plan): string[] {
  if (drift.length === 0) return []
  const lines = drift.flatMap(({ container, fields }) => fields.map((field) => `  ${container}: ${driftWords(field)}`))
  return ['', 'Drift:', ...lines]
}

/** `mem_limit is 512MiB, declared 256MiB` */
export const driftWords = ({ field, declared, actual }: DriftField): string =>
  `${field} is ${actual}, declared ${declared}`

interface PlannedObject {
  readonly object: string
  readonly effect: PlannedAction['effect']
  readonly steps: string[]
  readonly reason: string
}

/** Actions on one object in one line, in the order in which objects are first touched. */
function objectsOf(actions: readonly PlannedAction[]): PlannedObject[] {
  const objects = new Map<string, PlannedObject>()
  for (const action of actions) {
    const [first = ''] = action.action.split('-')
    const verb = action.effect === 'wait' && first !== 'run' ? 'wait' : first
    const known = objects.get(action.object)
    if (known === undefined)
      objects.set(action.object, { object: action.object, effect: action.effect, steps: [verb], reason: action.reason })
    else if (!known.steps.includes(verb)) known.steps.push(verb)
  }
  return [...objects.values()]
}
