import type { AccessEntry, AccessFrame } from '../../../protocol/streams.ts'
import { command } from '../command.ts'
import { liveFrames } from '../live-frames.ts'

export default command({
  name: 'access-log',
  positional: '[SERVICE...]',
  describe: `Follow the requests that the ingress brings to the stack, as they end

Time, client, method, host and path, status, bytes, duration, container, and how often it was tried again. The query of a request is left out, and so are its headers: they may hold secrets. Nothing is written of requests while nobody follows, so that there is none of before.`,
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' },
  },
  examples: [['evenkeel access-log web', 'until it is interrupted']],
  async run(context, values, services) {
    const stack = await context.stackName()
    const query = services.length === 0 ? {} : { services: services.join(',') }
    const stream = await context.api.stream<AccessFrame>('access', { stack }, query)
    for await (const frame of liveFrames(stream, context)) {
      if (frame.type !== 'requests') continue
      const lines = frame.requests.map((one) => (values.format === 'json' ? JSON.stringify(one) : lineOf(one)))
      await context.output.write(`${lines.join('\n')}\n`)
    }
    return 0
  },
})

/** What a client sends is shown, and moves no cursor. */
function lineOf({
  at,
  client,
  method,
  host,
  path,
  status,
  bytes,
  durationMs,
  service,
  container,
  retries,
}: AccessEntry) {
  const again = retries === 0 ? '' : ` (tried ${retries} more)`
  const line = `${at} ${client} ${method} ${host}${path} ${status ?? '-'} ${bytes}B ${durationMs}ms ${container ?? `${service}: no container`}${again}`
  return line.replace(/\p{Cc}/gu, '?')
}
