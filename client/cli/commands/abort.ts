import { command } from '../command.ts'
import { decideTrial } from '../decide-trial.ts'
import { WAIT_OPTIONS } from '../wait-options.ts'

export default command({
  name: 'abort',
  describe: `Take the version that is on trial back

What is new goes to what served before at once; the containers of the new version end what they have begun, and go. What it wrote to volumes and databases stays.`,
  options: WAIT_OPTIONS,
  examples: [['evenkeel abort', 'after: evenkeel deploy --canary 10%']],
  run: (context, values) => decideTrial(context, 'abort', values),
})
