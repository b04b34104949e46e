import { command } from '../command.ts'
import { decideTrial } from '../decide-trial.ts'
import { WAIT_OPTIONS } from '../wait-options.ts'

export default command({
  name: 'promote',
  describe: `Have the version that is on trial everywhere

Of a canary: the rollout goes on to all replicas, and to services that waited for it. Of a blue-green deployment what served before goes; where the new version stands by (--by-hand) it gets the traffic first.`,
  options: WAIT_OPTIONS,
  examples: [['evenkeel promote', 'after: evenkeel deploy --canary 10%']],
  run: (context, values) => decideTrial(context, 'promote', values),
})
