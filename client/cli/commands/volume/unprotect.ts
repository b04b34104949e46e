import { command } from '../../command.ts'
import { oneWord } from '../../one-word.ts'

export default command({
  name: 'volume unprotect',
  positional: 'VOLUME',
  describe:
    'Let commands remove a volume again. A file that says `x-evenkeel: {protect: true}` protects it anew with the next `up`',
  options: {},
  async run({ api, output }, _, words) {
    const volume = oneWord(words, 'the name of a volume')
    await api.call('unprotectVolume', { volume })
    output.line(volume)
    return 0
  },
})
