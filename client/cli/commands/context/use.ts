import { readContexts, writeContexts } from '../../../contexts.ts'
import { command } from '../../command.ts'
import { contextName, noContext } from '../../context-name.ts'

export default command({
  name: 'context use',
  positional: 'NAME|default',
  describe: 'Talk to this daemon from now on; `default` is the one here',
  options: {},
  async run({ output }, _, words) {
    const name = contextName(words)
    const { contexts } = readContexts(process.env)
    if (name !== 'default' && contexts[name] === undefined) throw noContext(name)
    writeContexts(process.env, { current: name === 'default' ? undefined : name, contexts })
    output.line(name)
    return 0
  },
})
