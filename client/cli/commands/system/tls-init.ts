import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { defaultState } from '../../../../protocol/default-paths.ts'
import { makeAuthority, makeServerCertificate } from '../../certificates.ts'
import { command } from '../../command.ts'

export default command({
  name: 'system tls init',
  describe: 'Make an authority and a certificate for the daemon, for evenkeeld --listen (with openssl)',
  options: {
    host: {
      type: 'string',
      array: true,
      alias: 'H',
      describe: 'Name or address by which the daemon is called [the name of this machine]',
      placeholder: 'NAME',
    },
    state: { type: 'string', describe: "Folder of the daemon's state", placeholder: 'DIR' },
  },
  examples: [['evenkeel system tls init --host prod.example.com --host 192.0.2.7', '']],
  async run({ output }, values) {
    const state = values.state ?? (process.env.EVENKEEL_STATE || defaultState(process.env, process.getuid?.()))
    const folder = join(state, 'tls')
    const hosts = values.host ?? [hostname(), 'localhost', '127.0.0.1', '::1']
    const authority = await makeAuthority(folder, `Evenkeel of ${hostname().slice(0, 40)}`)
    const server = await makeServerCertificate(folder, hosts)
    const { fingerprint256 } = new X509Certificate(readFileSync(authority.certificate))
    output.line(`Authority:   ${authority.certificate} (its key: ca.key; whoever has it can make users)`)
    output.line(`Fingerprint: ${fingerprint256}`)
    output.line(`Daemon:      ${server.certificate}, for ${hosts.join(', ')}`)
    output.note(
      `Start it with: evenkeeld --listen 0.0.0.0:7443\nElsewhere: evenkeel context add NAME --host https://${hosts[0]}:7443 --ca ca.crt --token-file FILE`,
    )
    return 0
  },
})
