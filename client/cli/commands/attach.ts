import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'

export default command({
  name: 'attach',
  positional: 'SERVICE',
  describe: "Attach standard input, output and error to a service's running container",
  options: {
    'detach-keys': {
      type: 'string',
      describe: 'Override the key sequence for detaching from a container',
      placeholder: 'KEYS',
    },
    index: { type: 'number', describe: 'Index of the container if service has multiple replicas', placeholder: 'N' },
    'no-stdin': { type: 'boolean', describe: 'Do not attach STDIN' },
    'sig-proxy': { type: 'boolean', describe: 'Proxy all received signals to the process', default: true },
  },
  async run(context, values, [service, ...others]) {
    if (service === undefined || others.length > 0) {
      throw new Problem('bad-request', 'requires exactly 1 argument: the service', {
        hint: 'write evenkeel attach SERVICE',
      })
    }
    const stack = await context.stackName()
    const { converse, terminalSize } = await import('../converse.ts')
    const stdin = values['no-stdin'] !== true
    const size = terminalSize()
    return converse(context.api, {
      name: 'attach',
      stack,
      stdin,
      detachKeys: values['detach-keys'],
      signals: values['sig-proxy'] ? 'proxy' : 'leave',
      open: {
        type: 'attach',
        target: { service, ...(values.index === undefined ? {} : { index: values.index }) },
        stdin,
        ...(size === undefined ? {} : { size }),
        ...(values['detach-keys'] === undefined ? {} : { detachKeys: values['detach-keys'] }),
      },
    })
  },
})
