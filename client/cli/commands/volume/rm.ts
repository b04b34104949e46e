import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { renderProblem } from '../../render/problem.ts'

export default command({
  name: 'volume rm',
  aliases: ['volume remove'],
  positional: 'VOLUME...',
  describe: 'Remove volumes with their data. Those that are protected or in use stay',
  options: {},
  async run({ api, output }, _, names) {
    if (names.length === 0)
      throw new Problem('bad-request', 'this takes names of volumes', { hint: 'see: evenkeel volume ls' })
    let code = 0
    for (const volume of names) {
      try {
        await api.call('removeVolume', { volume })
        output.line(volume)
      } catch (error) {
        if (!(error instanceof Problem) || error.code === 'daemon-unreachable') throw error
        output.note(renderProblem(error))
        code = error.exitCode
      }
    }
    return code
  },
})
