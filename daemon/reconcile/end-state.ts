import type { Problem } from '../../protocol/problems.ts'
import type { DeploymentState } from '../../protocol/resources/deployment.ts'

/** What a stack is called after a deployment failed: `blocked` where only a person can decide how it goes on. */
export const conditionOf = ({ code }: Problem): 'blocked' | 'failed' =>
  code === 'stack-blocked' ? 'blocked' : 'failed'

/** How a deployment has ended. What a newer request, a hold or the end of the daemon cut short has not failed. */
export function endStateOf(problem: Problem | undefined): DeploymentState {
  switch (problem?.code) {
    case undefined:
      return 'succeeded'
    case 'superseded':
      return 'superseded'
    case 'stack-held':
    case 'cancelled':
      return 'cancelled'
    default:
      return 'failed'
  }
}
