import { Problem } from '../../../../protocol/problems.ts'
import { readFileBounded } from '../../../read-file.ts'
import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

const LIMIT_BYTES = 200_000

export default command({
  name: 'certificate import',
  positional: 'HOST',
  describe: 'Serve a host with a certificate of your own, from now on and without a gap',
  options: {
    cert: { type: 'string', describe: 'PEM: the certificate, then its chain', placeholder: 'FILE' },
    key: { type: 'string', describe: 'PEM: its key, without a passphrase', placeholder: 'FILE' },
  },
  examples: [['evenkeel certificate import shop.example --cert fullchain.pem --key key.pem', 'for `tls: own`']],
  async run({ api, output }, { cert, key }, words) {
    const host = oneWord(words, 'a host')
    const request = { certificate: textOf(cert, '--cert'), key: textOf(key, '--key') }
    const { notAfter, usedBy } = await api.call('putCertificate', { host }, request)
    output.line(host)
    output.note(`It is good until ${notAfter}.`)
    if (usedBy.length === 0) output.note('No route is served with it as yet: see tls in x-evenkeel of a service.')
    return 0
  },
})

function textOf(file: string | undefined, flag: string): string {
  if (file === undefined || file === '-')
    throw new Problem('bad-request', `${flag} names a file`, {
      hint: 'evenkeel certificate import HOST --cert FILE --key FILE',
    })
  const bytes = readFileBounded(file, LIMIT_BYTES)
  if (bytes !== undefined) return bytes.toString('utf8')
  throw new Problem('bad-request', `there is no file ${file}`, { hint: 'correct the path' })
}
