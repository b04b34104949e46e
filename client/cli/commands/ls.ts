import { Problem } from '../../../protocol/problems.ts'
import type { StackSummary } from '../../../protocol/resources/stack.ts'
import { command } from '../command.ts'
import { table } from '../render/table.ts'
import { trialMark } from '../render/trial.ts'

export default command({
  name: 'ls',
  describe: 'List the stacks of the daemon',
  options: {
    all: { type: 'boolean', alias: 'a', describe: 'Show all stacks, also those of which nothing runs' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only display names' },
    filter: { type: 'string', describe: 'Filter output (name=REGEX)', placeholder: 'KEY=VALUE' },
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run(context, values) {
    const { stacks } = await context.api.call('stacks')
    const name = nameFilter(values.filter)
    const shown = stacks.filter(
      (stack) =>
        name.test(stack.name) &&
        (values.all === true ||
          stack.held !== undefined ||
          stack.condition !== 'steady' ||
          // As when nobody knows what runs, for the Engine does not answer.
          stack.reason !== undefined ||
          (stack.containers.running ?? 0) > 0),
    )
    const { output } = context
    if (values.quiet === true) for (const stack of shown) output.line(stack.name)
    else if (values.format === 'json') {
      output.line(
        JSON.stringify(
          shown.map((stack) => ({
            Name: stack.name,
            Status: statusOf(stack),
            ConfigFiles: stack.configFiles.join(','),
            Condition: stack.condition,
            Revision: stack.revision,
            ...(stack.reason === undefined ? {} : { Reason: stack.reason }),
            ...(stack.held === undefined ? {} : { Held: stack.held.scope }),
            ...(stack.trial === undefined ? {} : { Trial: stack.trial }),
          })),
        ),
      )
    } else {
      output.line(stackTable(shown))
    }
    return 0
  },
})

export function stackTable(stacks: readonly StackSummary[]): string {
  return table(
    ['NAME', 'STATUS', 'CONDITION', 'REVISION', 'CONFIG FILES'],
    stacks.map((stack) => [
      stack.name,
      statusOf(stack),
      conditionOf(stack),
      String(stack.revision ?? ''),
      stack.configFiles.join(','),
    ]),
  )
}

/** Compose's words: `running(2), exited(1)`. */
function statusOf({ containers }: StackSummary): string {
  return Object.entries(containers)
    .map(([state, count]) => `${state}(${count})`)
    .join(', ')
}

/** What is held goes first: whatever else is said of it, nothing is done about it. */
function conditionOf({ condition, reason, held, trial }: StackSummary): string {
  const tried = trial === undefined ? '' : `, ${trialMark(trial)}`
  const words = `${reason === undefined ? condition : `${condition}: ${oneLine(reason)}`}${tried}`
  return held === undefined ? words : `held, ${words}`
}

const oneLine = (text: string): string => {
  const line = text.split('\n')[0]!
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}

function nameFilter(filter: string | undefined): RegExp {
  if (filter === undefined) return /^/
  const match = /^name=(.*)$/.exec(filter)
  if (match === null) throw new Problem('bad-request', `unknown filter: ${filter}`, { hint: 'write name=REGEX' })
  try {
    return new RegExp(match[1]!)
  } catch (cause) {
    throw new Problem('bad-request', `not a regular expression: ${match[1]}`, { cause })
  }
}
