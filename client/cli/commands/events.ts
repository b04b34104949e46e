import type { EventFrame } from '../../../protocol/streams.ts'
import { command } from '../command.ts'
import { liveFrames } from '../live-frames.ts'

export default command({
  name: 'events',
  positional: '[SERVICE...]',
  describe: 'Follow what happens to the stack',
  options: {
    json: { type: 'boolean', describe: 'Output events as a stream of json objects' },
    format: { type: 'string', describe: 'Format the output', choices: ['text', 'json'], default: 'text' },
    since: { type: 'string', describe: 'Show all events created since a time or a duration back', placeholder: 'TIME' },
    until: { type: 'string', describe: 'Stream events until this time', placeholder: 'TIME' },
    all: { type: 'boolean', alias: 'a', describe: 'Events of all stacks' },
  },
  async run(context, values, services) {
    const stack = values.all === true ? undefined : await context.stackName()
    const stream = await context.api.stream<EventFrame>(
      'events',
      {},
      { stack, since: values.since, until: values.until },
    )
    for await (const frame of liveFrames(stream, context)) {
      if (frame.type !== 'event') continue
      const { event } = frame
      if (services.length > 0 && !services.includes(event.service ?? '')) continue
      if (values.json === true || values.format === 'json') await context.output.write(`${JSON.stringify(event)}\n`)
      else {
        const attributes = Object.entries(event.attributes).map(([key, value]) => `${key}=${value}`)
        await context.output.write(
          `${event.at} ${event.stack} ${event.type} ${event.message} (${attributes.join(', ')})\n`,
        )
      }
    }
    return 0
  },
})
