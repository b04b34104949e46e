import { ROTATION_SIGNALS } from '../../../../protocol/rotation-signals.ts'
import { command } from '../../command.ts'
import { followDeployment } from '../../follow-deployment.ts'
import { oneWord } from '../../one-word.ts'
import { secretValue } from '../../secret-value.ts'

export default command({
  name: 'secret rotate',
  positional: 'NAME',
  describe: 'Give a secret another value, and restart or signal the services that use it',
  options: {
    file: { type: 'string', alias: 'f', describe: 'Read the value from here [standard input]', placeholder: 'FILE' },
    signal: {
      type: 'string',
      describe: 'Send them this signal instead of restarting them',
      choices: ROTATION_SIGNALS,
      placeholder: 'SIGNAL',
    },
  },
  examples: [
    ['evenkeel secret rotate tls_key --file key.pem --signal SIGHUP', 'for a program that reads it again then'],
  ],
  async run(context, { file, signal }, words) {
    const secret = oneWord(words, 'the name of the secret')
    const stack = await context.stackName()
    const base64 = secretValue(file)
    const afterwards = (signal as (typeof ROTATION_SIGNALS)[number] | undefined) ?? 'restart'
    const { deployment } = await context.api.call(
      'putSecret',
      { stack, secret },
      { base64, which: 'replace', afterwards },
    )
    if (deployment !== undefined) await followDeployment(context, { deployment, changed: true })
    context.output.line(secret)
    return 0
  },
})
