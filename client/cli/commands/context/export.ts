import { writeFileSync } from 'node:fs'
import { Problem } from '../../../../protocol/problems.ts'
import { readContexts } from '../../../contexts.ts'
import { command } from '../../command.ts'
import { contextName, noContext } from '../../context-name.ts'

export default command({
  name: 'context export',
  positional: 'NAME [FILE|-]',
  describe:
    'Write a context with its token and keys IN THE CLEAR to a new file (mode 0600), for `context import` elsewhere',
  options: {},
  async run({ output }, _, [word = '', ...more]) {
    const name = contextName([word])
    const context = readContexts(process.env).contexts[name]
    if (context === undefined) throw noContext(name)
    const text = `${JSON.stringify({ name, ...context }, undefined, 2)}\n`
    const [file = `${name}.evenkeel-context.json`, ...others] = more
    if (others.length > 0) throw new Problem('bad-request', 'this takes a name and a file', { hint: 'see its --help' })
    if (file === '-') {
      await output.write(text)
      return 0
    }
    try {
      writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
    } catch (error) {
      throw new Problem('bad-request', `${file} cannot be written: ${(error as NodeJS.ErrnoException).code}`, {
        hint: 'give another file',
        cause: error,
      })
    }
    output.line(`Wrote ${file}`)
    return 0
  },
})
