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
    else
      context.output.line(
        table(
          ['NAME', 'NETWORK', 'ADDRESSES', 'CONTAINERS'],
          names.map(({ name, network, targets }) => [
            name,
            network,
            targets.map(({ address }) => address).join(', '),
            targets.map(({ container }) => container).join(', '),
          ]),
        ),
      )
    return 0
  },
})
