import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'

export default command({
  name: 'volume inspect',
  positional: 'VOLUME...',
  describe: 'Display volumes in detail, as JSON',
  options: {},
  async run({ api, output }, _, names) {
    if (names.length === 0)
      throw new Problem('bad-request', 'this takes names of volumes', { hint: 'see: evenkeel volume ls' })
    output.json(await Promise.all(names.map((volume) => api.call('volume', { volume }))))
    return 0
  },
})
