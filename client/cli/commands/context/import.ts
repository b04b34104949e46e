import { Problem } from '../../../../protocol/problems.ts'
import { readPem, wayOf } from '../../../address.ts'
import { contextFrom, parsed, readContexts, writeContexts } from '../../../contexts.ts'
import { command } from '../../command.ts'
import { contextName } from '../../context-name.ts'
import { oneWord } from '../../one-word.ts'

export default command({
  name: 'context import',
  positional: 'NAME FILE|-',
  describe: 'Keep a context that `context export` wrote; - is standard input',
  options: {
    replace: { type: 'boolean', describe: 'Also where there is a context of that name' },
  },
  async run({ output }, values, [word = '', ...more]) {
    const file = oneWord(more, 'a name, and a file, or - for standard input')
    const value = parsed(readPem(file), file)
    const context = contextFrom(value, file)
    wayOf(context.host, context)
    const name = contextName([word])
    const { current, contexts } = readContexts(process.env)
    if (contexts[name] !== undefined && values.replace !== true)
      throw new Problem('conflict', `there is a context ${name} already`, {
        hint: 'give another name, or write over it: --replace',
      })
    writeContexts(process.env, { current, contexts: { ...contexts, [name]: context } })
    output.line(name)
    return 0
  },
})
