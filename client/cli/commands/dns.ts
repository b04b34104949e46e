import type { ResolvedName } from '../../../protocol/resources/name.ts'
import { command } from '../command.ts'
import { table } from '../render/table.ts'
import { stackArgument } from '../stack-argument.ts'

export default command({
  name: 'dns',
  positional: '[STACK]',
  describe: 'List names that resolve inside the networks of a stack',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run(context, values, words) {
    const { names } = await context.api.call('names', { stack: await stackArgument(context, words) })
    if (values.format === 'json') for (const name of names) context.output.line(JSON.stringify(name))
    else context.output.line(tableOf(names))
    return 0
  },
})

/** Who is given which answer matters where a name means more than one thing. */
function tableOf(names: readonly ResolvedName[]): string {
  const isAmbiguous = new Set(names.map(({ name }) => name)).size < names.length
  return table(
    ['NAME', 'NETWORK', 'ADDRESSES', 'CONTAINERS', ...(isAmbiguous ? ['ASKED BY'] : [])],
    names.map(({ name, network, targets, askers }) => [
      name,
      network,
      targets.map(({ address }) => address).join(', '),
      targets.map(({ container }) => container).join(', '),
      ...(isAmbiguous ? [askers.join(', ')] : []),
    ]),
  )
}
