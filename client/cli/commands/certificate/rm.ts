import { command } from '../../command.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'certificate rm',
  aliases: ['certificate remove'],
  positional: 'HOST...',
  describe: 'Remove certificates with their keys. An authority is asked again for those that routes want of one',
  options: {},
  async run({ api, output }, _, hosts) {
    return eachName(hosts, 'hosts', output, (host) => api.call('removeCertificate', { host }))
  },
})
