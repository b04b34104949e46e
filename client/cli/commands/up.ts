import { Problem } from '../../../protocol/problems.ts'
import type { UpRequestInput } from '../../../protocol/resources/stack.ts'
import { command } from '../command.ts'
import { confirm } from '../confirm.ts'
import { followDeployment } from '../follow-deployment.ts'
import { attachUntilExit, followLogs } from '../follow-logs.ts'
import { prepareUp } from '../prepare-up.ts'
import { UP_OPTIONS, upOptionsOf } from '../up-options.ts'

export default command({
  name: 'up',
  positional: '[SERVICE...]',
  describe: 'Bring a stack up and have the daemon keep it',
  options: {
    ...UP_OPTIONS,
    detach: { type: 'boolean', alias: 'd', describe: 'Return when all is started (the default)' },
    wait: { type: 'boolean', describe: 'Wait for services to be running|healthy' },
    'wait-timeout': { type: 'number', describe: 'Maximum duration in seconds to wait', placeholder: 'SECONDS' },
    follow: { type: 'boolean', describe: 'Then follow the logs' },
    'abort-on-container-exit': {
      type: 'boolean',
      describe: 'Follow the logs; stop all containers if any container was stopped',
    },
    'abort-on-container-failure': {
      type: 'boolean',
      describe: 'Follow the logs; stop all containers if any container exited with failure',
    },
    'exit-code-from': {
      type: 'string',
      describe: 'Return the exit code of this service; implies --abort-on-container-exit',
      placeholder: 'SERVICE',
    },
    'take-over': { type: 'boolean', describe: 'Take the stack name over from another source' },
    yes: { type: 'boolean', alias: 'y', describe: 'Answer yes to questions' },
  },
  examples: [
    ['evenkeel up', 'bring up the stack of compose.yaml here or in a folder above'],
    ['evenkeel up --wait web', 'web and what it depends on, until healthy'],
    ['evenkeel plan', 'the same, without doing it'],
  ],
  async run(context, values, services) {
    const { output } = context
    const attach =
      values['abort-on-container-exit'] === true ||
      values['abort-on-container-failure'] === true ||
      values['exit-code-from'] !== undefined
    if (attach && values.detach === true) {
      throw new Problem(
        'bad-request',
        '--detach and --abort-on-container-exit, --abort-on-container-failure or --exit-code-from are incompatible',
      )
    }
    const { loadFromDisk } = await import('../../stack-source.ts')
    const loaded = loadFromDisk(context.selection)
    for (const warning of loaded.warnings) context.warn(warning)
    const options = {
      ...upOptionsOf(values, services),
      wait: values.wait === true ? ('ready' as const) : ('started' as const),
      ...(values['wait-timeout'] === undefined ? {} : { waitTimeoutSeconds: values['wait-timeout'] }),
      takeOver: values['take-over'] === true,
    }
    const request: UpRequestInput = await prepareUp(context.api, loaded, options)
    const stack = loaded.model.name
    const startedAt = new Date()
    const accepted = await context.api.call('up', { stack }, request).catch(async (error: unknown) => {
      const mayAsk = error instanceof Problem && error.code === 'stack-owned-elsewhere' && output.isInteractive
      if (!mayAsk || !(values.yes === true || (await confirm(`${error.message}. Take it over?`)))) throw error
      return context.api.call('up', { stack }, { ...request, options: { ...request.options, takeOver: true } })
    })
    await followDeployment(context, accepted)
    if (attach) {
      return attachUntilExit(context, stack, {
        services,
        since: startedAt,
        on: values['abort-on-container-failure'] === true ? 'failure' : 'exit',
        exitCodeFrom: values['exit-code-from'],
        timeoutSeconds: values.timeout,
      })
    }
    if (values.follow === true) return followLogs(context, stack, { services, follow: true, since: startedAt })
    return 0
  },
})
