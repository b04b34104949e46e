import { Problem } from '../../../protocol/problems.ts'
import type { Container } from '../../../protocol/resources/container.ts'
import { command } from '../command.ts'

export default command({
  name: 'port',
  positional: 'SERVICE PRIVATE_PORT',
  describe: 'Print the public port for a port binding',
  options: {
    index: { type: 'number', describe: 'Index of the container if service has multiple replicas', placeholder: 'N' },
    protocol: { type: 'string', describe: 'tcp or udp', default: 'tcp', placeholder: 'PROTOCOL' },
  },
  async run(context, values, words) {
    const [service, text] = words
    if (service === undefined || text === undefined || words.length > 2) {
      throw new Problem('bad-request', `port needs SERVICE and PRIVATE_PORT, and nothing else`, {
        hint: 'for example: evenkeel port web 80',
      })
    }
    const port = Number(text)
    if (!/^\d+$/.test(text) || port > 65_535) throw new Problem('bad-request', `not a port: ${text}`)
    const stack = await context.stackName()
    const { containers } = await context.api.call('containers', { stack })
    const container = containers.find(
      (one) => one.service === service && isUp(one) && (!values.index || one.replica === values.index),
    )
    if (container === undefined) throw await notRunning(context, stack, service, values.index)
    const published = container.publishers.filter((publisher) => publisher.publishedPort > 0)
    const found = published.find((one) => one.targetPort === port && one.protocol === values.protocol)
    if (found === undefined) {
      const others = [...new Set(published.map((one) => `${one.targetPort}/${one.protocol}`))].join(', ')
      throw new Problem('conflict', `no port ${port}/${values.protocol} for container ${container.name}: ${others}`)
    }
    context.output.line(`${found.url.includes(':') ? `[${found.url}]` : found.url}:${found.publishedPort}`)
    return 0
  },
})

const isUp = ({ state, oneOff }: Container): boolean =>
  !oneOff && (state === 'running' || state === 'paused' || state === 'restarting')

async function notRunning(
  { api }: { readonly api: import('../../api.ts').Api },
  stack: string,
  service: string,
  index: number | undefined,
): Promise<Problem> {
  const { serviceStates } = await api.call('stack', { stack })
  if (!serviceStates.some((state) => state.name === service)) {
    return new Problem('service-not-found', `no such service: ${service}`, {
      hint: `stack ${stack} has: ${serviceStates.map(({ name }) => name).join(', ')}`,
    })
  }
  return new Problem('conflict', `service "${service}" is not running${index ? ` container #${index}` : ''}`)
}
