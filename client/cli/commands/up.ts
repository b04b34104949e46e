import { Problem } from '../../../protocol/problems.ts'
import type { UpRequestInput } from '../../../protocol/resources/stack.ts'
import { ATTACH_OPTIONS, attached } from '../attached-services.ts'
import { command } from '../command.ts'
import { declareStack } from '../declare-stack.ts'
import { followDeployment } from '../follow-deployment.ts'
import { attachUntilExit, followLogs, monochrome } from '../follow-logs.ts'
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
    watch: {
      type: 'boolean',
      alias: 'w',
      describe: 'Follow the logs; watch source code and rebuild/refresh containers when files are updated',
    },
    ...ATTACH_OPTIONS,
    'quiet-pull': { type: 'boolean', describe: 'Pull without printing progress information' },
    'quiet-build': { type: 'boolean', describe: 'Suppress the build output' },
    'take-over': { type: 'boolean', describe: 'Take the stack name over from another source' },
    yes: { type: 'boolean', alias: 'y', describe: 'Answer yes to questions' },
  },
  examples: [
    ['evenkeel up', 'bring up the stack of compose.yaml here or in a folder above'],
    ['evenkeel up --wait web', 'web and what it depends on, until healthy'],
    ['evenkeel plan', 'the same, without doing it'],
  ],
  async run(context, values, services) {
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
    const watching = values.watch === true
    const excluded = (['detach', 'wait', 'no-build', 'no-start'] as const).find((name) => values[name] === true)
    if (watching && (attach || excluded !== undefined)) {
      throw new Problem('bad-request', `--${excluded ?? 'abort-on-container-exit'} and --watch are incompatible`, {
        hint: 'watch in a terminal of its own: evenkeel watch --no-up',
      })
    }
    const { loadNamed } = await import('../load-named.ts')
    const loaded = loadNamed(context, services)
    const shown = attached(loaded.model, values, services)
    const watcher = watching ? await import('../watch-stack.ts') : undefined
    const rules = watcher?.rulesOf(context, loaded, services) ?? []
    const options = {
      ...upOptionsOf(values, services),
      wait: values.wait === true ? ('ready' as const) : ('started' as const),
      ...(values['wait-timeout'] === undefined ? {} : { waitTimeoutSeconds: values['wait-timeout'] }),
      takeOver: values['take-over'] === true,
    }
    const request: UpRequestInput = await prepareUp(context, loaded, options)
    const stack = loaded.model.name
    const startedAt = new Date()
    const accepted = await declareStack(context, request, values.yes === true)
    await followDeployment(context, accepted, {
      pullProgress: values['quiet-pull'] === true,
      builds: values['quiet-build'] === true,
    })
    const plain = values['no-color'] === true ? monochrome(context) : context
    if (watcher !== undefined) {
      const ended = new AbortController()
      const following = followLogs(plain, stack, { ...shown, follow: true, since: startedAt, stop: ended.signal })
      const watched = watcher.watchStack(context, loaded, rules, {
        prune: true,
        builds: 'shown',
        prefix: ' ⦿ ',
        stop: ended.signal,
      })
      await Promise.race([watched, following]).finally(() => ended.abort())
      return 130
    }
    if (attach) {
      return attachUntilExit(plain, stack, {
        shown,
        since: startedAt,
        on: values['abort-on-container-failure'] === true ? 'failure' : 'exit',
        exitCodeFrom: values['exit-code-from'],
        timeoutSeconds: values.timeout,
      })
    }
    if (values.follow === true) return followLogs(plain, stack, { ...shown, follow: true, since: startedAt })
    return 0
  },
})
