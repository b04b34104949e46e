import { Problem } from '../../../protocol/problems.ts'
import { parseDuration } from '../../../protocol/stackfile/units.ts'
import { LONGEST_PAUSE_SECONDS } from '../../../protocol/traffic.ts'
import { command } from '../command.ts'

export default command({
  name: 'pause-traffic',
  positional: '[SERVICE...]',
  describe: `Have new requests and connections wait in the ingress, without failing, until resume-traffic

What is under way goes on; open WebSockets and TCP connections stay open. It ends by itself after the time given, also while no daemon runs. Meanwhile services can be deployed, stopped and started. How long a client waits is its own affair.`,
  options: {
    for: {
      type: 'string',
      describe: 'After how long it ends by itself, at most 10m',
      placeholder: 'DURATION',
      default: '30s',
    },
  },
  examples: [
    ['evenkeel pause-traffic --for 1m web', 'then change what web depends on, and: evenkeel resume-traffic web'],
  ],
  async run(context, values, services) {
    const seconds = Math.ceil((parseDuration(values.for) ?? 0) / 1e9)
    if (!(seconds >= 1 && seconds <= LONGEST_PAUSE_SECONDS))
      throw new Problem('bad-request', `"${values.for}" is no time for which traffic can wait`, {
        hint: 'such as 30s or 2m; 10m at most',
      })
    const stack = await context.stackName()
    const paused = await context.api.call('pauseTraffic', { stack }, { services: [...services], seconds })
    context.output.note(
      `Traffic to ${paused.services.join(', ')} waits until ${paused.until}, or until: evenkeel resume-traffic`,
    )
    return 0
  },
})
