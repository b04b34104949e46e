import { Problem } from '../../../../protocol/problems.ts'
import { Api } from '../../../api.ts'
import { readFileBounded } from '../../../read-file.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

const LIMIT_BYTES = 4096

export default command({
  name: 'invite accept',
  positional: 'ADDRESSEE',
  describe: 'Become the user whom an invitation names, and print the secret of a token, which is shown this once',
  options: {
    file: {
      type: 'string',
      alias: 'f',
      describe: 'Read the invitation from here [standard input]',
      placeholder: 'FILE',
    },
    token: { type: 'string', describe: 'Name of the token [the name of the user]', placeholder: 'NAME' },
  },
  examples: [
    [
      'evenkeel -H https://prod:7443 invite accept ann@example.com < invitation > token',
      'and then: evenkeel context add prod --host https://prod:7443 --token-file token',
    ],
  ],
  async run({ api, output }, { file, token }, words) {
    const addressee = oneWord(words, 'whom the invitation is for')
    const invitation = readFileBounded(file ?? '-', LIMIT_BYTES)
      ?.toString()
      .trim()
    if (invitation === undefined || !/^\S+$/.test(invitation))
      throw new Problem('bad-request', 'the invitation comes from a file or through a pipe', { hint: '--file FILE' })
    const invited = new Api({ ...api.address, token: invitation })
    const joined = await invited.call('acceptInvitation', {}, { addressee, ...(token === undefined ? {} : { token }) })
    output.note(
      `You are ${joined.user.name}. Token ${joined.token}, until ${joined.expiresAt}. Keep it: it is not shown again.`,
    )
    output.line(joined.secret)
    return 0
  },
})
