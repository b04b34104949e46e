/** `promote` and `abort`: a person decides about what is on trial. */
import type { Accepted } from '../../protocol/resources/deployment.ts'
import type { Context, Values } from './command.ts'
import { followDeployment } from './follow-deployment.ts'
import { trialLines } from './render/trial.ts'
import { type WAIT_OPTIONS, waitingOf } from './wait-options.ts'

/** Answers what the stack has come to, once it is there. */
export async function decideTrial(
  context: Context,
  route: 'promote' | 'abort',
  values: Values<typeof WAIT_OPTIONS>,
): Promise<number> {
  const { api, output } = context
  const stack = await context.stackName()
  const accepted: Accepted = await api.call(route, { stack }, waitingOf(values))
  await followDeployment(context, accepted)
  const { revision, trial } = await api.call('stack', { stack })
  output.note(trial === undefined ? `Stack ${stack} is at revision ${revision}.` : trialLines(trial))
  return 0
}
