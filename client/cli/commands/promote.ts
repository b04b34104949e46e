import { command } from '../command.ts'
import { DECISION_OPTIONS, decideTrial } from '../decide-trial.ts'

export default command({
  name: 'promote',
  describe: `Have the version that is on trial everywhere

Of a canary: the rollout goes on to all replicas, and to services that waited for it. Of a blue-green deployment what served before goes; where the new version stands by (--by-hand) it gets the traffic first.`,
  options: DECISION_OPTIONS,
  examples: [['evenkeel promote', 'after: evenkeel deploy --canary 10%']],
  run: (context, values) => decideTrial(context, 'promote', values),
})
