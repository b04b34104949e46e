import { readContexts, writeContexts } from '../../../contexts.ts'
import { command } from '../../command.ts'
import { noContext } from '../../context-name.ts'
import { eachName } from '../../each-name.ts'

export default command({
  name: 'context rm',
  aliases: ['context remove'],
  positional: 'NAME...',
  describe: 'Forget contexts. Tokens in them stay valid: revoke those with `token rm`',
  options: {},
  run: ({ output }, _, names) =>
    eachName(names, 'contexts', output, async (name) => {
      const { current, contexts } = readContexts(process.env)
      const { [name]: gone, ...rest } = contexts
      if (gone === undefined) throw noContext(name)
      writeContexts(process.env, { current: current === name ? undefined : current, contexts: rest })
    }),
})
