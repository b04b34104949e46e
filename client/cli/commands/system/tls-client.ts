import { join } from 'node:path'
import { defaultState } from '../../../../protocol/default-paths.ts'
import { makeClientCertificate } from '../../certificates.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

export default command({
  name: 'system tls client',
  positional: 'USER',
  describe: 'Make a client certificate by which the daemon knows a user (`user set`)',
  options: {
    days: {
      type: 'number',
      describe: 'How long it lasts; a user that is removed is out at once',
      default: 365,
      placeholder: 'N',
    },
    state: { type: 'string', describe: "Folder of the daemon's state", placeholder: 'DIR' },
  },
  async run({ output }, values, words) {
    const user = oneWord(words, 'the name of a user')
    const state = values.state ?? (process.env.EVENKEEL_STATE || defaultState(process.env, process.getuid?.()))
    const made = await makeClientCertificate(join(state, 'tls'), user, values.days)
    output.line(`Certificate: ${made.certificate}`)
    output.line(`Key:         ${made.key}`)
    return 0
  },
})
