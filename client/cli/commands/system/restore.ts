import { spawn } from 'node:child_process'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { daemonProgram } from '../../installation.ts'
import { oneWord } from '../../one-word.ts'

/** No daemon may run meanwhile, so that it is the daemon's own program, and not a call, that does it. */
export default command({
  name: 'system restore',
  positional: 'FILE',
  describe: 'Put a backup in the place of the state, with the daemon stopped (runs evenkeeld --restore FILE)',
  options: {
    state: { type: 'string', describe: 'Folder of the state', placeholder: 'DIR' },
    config: { type: 'string', describe: "The daemon's config file, which may name that folder", placeholder: 'FILE' },
  },
  async run(_, values, words) {
    const file = oneWord(words, 'a backup, or - for standard input')
    const own = (['state', 'config'] as const).flatMap((name) =>
      values[name] === undefined ? [] : [`--${name}`, values[name]],
    )
    const child = spawn(daemonProgram(), ['--restore', file, ...own], { stdio: 'inherit' })
    return new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new Problem('internal', `evenkeeld does not start: ${cause.message}`, { cause })),
      )
      child.once('close', (code) => resolve(code ?? 1))
    })
  },
})
