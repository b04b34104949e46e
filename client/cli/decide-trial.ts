/** `promote` and `abort`: a person decides about what is on trial. */
import type { Accepted } from '../../protocol/resources/deployment.ts'
import type { Context, Options, Values } from './command.ts'
import { followDeployment } from './follow-deployment.ts'
import { trialLines } from './render/trial.ts'

export const DECISION_OPTIONS = {
  timeout: { type: 'number', alias: 't', describe: 'Seconds to wait for containers to stop', placeholder: 'SECONDS' },
  wait: { type: 'boolean', describe: 'Wait for services to be running|healthy' },
  'wait-timeout': {
    type: 'number',
    describe: 'Maximum duration in seconds to wait (implies --wait)',
    placeholder: 'SECONDS',
  },
} as const satisfies Options

/** Answers what the stack has come to, once it is there. */
export async function decideTrial(
  context: Context,
  route: 'promote' | 'abort',
  values: Values<typeof DECISION_OPTIONS>,
): Promise<number> {
  const { api, output } = context
  const stack = await context.stackName()
  const request = {
    ...(values.timeout === undefined ? {} : { timeoutSeconds: values.timeout }),
    ...(values['wait-timeout'] === undefined ? {} : { waitTimeoutSeconds: values['wait-timeout'] }),
    wait: values.wait === true || values['wait-timeout'] !== undefined ? ('ready' as const) : ('started' as const),
  }
  const accepted: Accepted = await api.call(route, { stack }, request)
  await followDeployment(context, accepted)
  const { revision, trial } = await api.call('stack', { stack })
  output.note(trial === undefined ? `Stack ${stack} is at revision ${revision}.` : trialLines(trial))
  return 0
}
