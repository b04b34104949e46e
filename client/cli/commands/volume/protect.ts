import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

export default command({
  name: 'volume protect',
  positional: 'VOLUME',
  describe: 'Let no command remove a volume (`down -v`, `volume rm`) until it is unprotected',
  options: {},
  async run({ api, output }, _, words) {
    const volume = oneWord(words, 'the name of a volume')
    await api.call('protectVolume', { volume })
    output.line(volume)
    return 0
  },
})
