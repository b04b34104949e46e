import { command } from '../command.ts'
import { DECISION_OPTIONS, decideTrial } from '../decide-trial.ts'

export default command({
  name: 'abort',
  describe: `Take the version that is on trial back

What is new goes to what served before at once; the containers of the new version end what they have begun, and go. What it wrote to volumes and databases stays.`,
  options: DECISION_OPTIONS,
  examples: [['evenkeel abort', 'after: evenkeel deploy --canary 10%']],
  run: (context, values) => decideTrial(context, 'abort', values),
})
