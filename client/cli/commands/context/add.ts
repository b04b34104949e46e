import { Problem } from '../../../../protocol/problems.ts'
import { readPem, wayOf } from '../../../address.ts'
import { type DaemonContext, readContexts, writeContexts } from '../../../contexts.ts'
import { command } from '../../command.ts'
import { contextName } from '../../context-name.ts'

export default command({
  name: 'context add',
  positional: 'NAME',
  describe: 'Keep how to reach a daemon, and how to be let in there, under a name',
  options: {
    'token-file': { type: 'string', describe: 'File with a token', placeholder: 'FILE' },
    'token-stdin': { type: 'boolean', describe: 'Take the token from standard input' },
    ca: { type: 'string', describe: 'Certificate of the authority that vouches for the daemon', placeholder: 'FILE' },
    cert: { type: 'string', describe: 'Client certificate', placeholder: 'FILE' },
    key: { type: 'string', describe: 'Its key', placeholder: 'FILE' },
    host: {
      type: 'string',
      alias: 'H',
      describe: 'https://host:port, ssh://user@host, unix:///path',
      placeholder: 'URL',
    },
    replace: { type: 'boolean', describe: 'Also where there is a context of that name' },
    use: { type: 'boolean', describe: 'Use it from now on' },
  },
  examples: [
    ['evenkeel token create laptop --role developer > token', 'there: make a token'],
    ['evenkeel context add prod --host https://prod:7443 --ca ca.crt --token-stdin < token', 'here: keep it'],
  ],
  async run({ output }, values, words) {
    const name = contextName(words)
    const { host } = values
    if (host === undefined) throw new Problem('bad-request', 'where is the daemon?', { hint: '--host URL' })
    if ((values.cert === undefined) !== (values.key === undefined))
      throw new Problem('bad-request', 'a client certificate and its key go together', {
        hint: '--cert FILE --key FILE',
      })
    const known = readContexts(process.env)
    if (known.contexts[name] !== undefined && values.replace !== true)
      throw new Problem('conflict', `there is a context ${name} already`, { hint: 'to write over it: --replace' })
    const file = values['token-stdin'] === true ? '-' : values['token-file']
    const token = file === undefined ? undefined : readPem(file).trim()
    const context: DaemonContext = {
      host,
      ...(token === undefined ? {} : { token }),
      ...(values.ca === undefined ? {} : { authority: readPem(values.ca) }),
      ...(values.cert === undefined ? {} : { certificate: readPem(values.cert) }),
      ...(values.key === undefined ? {} : { key: readPem(values.key) }),
    }
    wayOf(host, context)
    const current = values.use === true ? name : known.current
    writeContexts(process.env, { current, contexts: { ...known.contexts, [name]: context } })
    output.line(name)
    return 0
  },
})
