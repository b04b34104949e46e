import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram } from '../lab/daemon.mjs'

/**
 * Accepted here and refused by Compose: a service named x-..., whose networks it takes for an extension; an alias that it
 * takes for a circle by the likeness of two names; and an SSH key that it cannot print as JSON.
 */
const KNOWN = [
  'literal-loader-TestLoadSSHWithKeyValueInBuildConfig-73',
  'literal-loader-TestResetCycle-9',
  'literal-loader-TestXService-83',
]

export const corpus = {
  name: 'corpus',
  shows: 'the answers that Compose 2.40.3 gave to the files of ../shared/corpus: the same model, or a refusal',
  needsEngine: false,
  async run({ show, note }) {
    const program = join(projectFolder, '../shared/corpus/diff.mjs')
    if (!existsSync(program)) {
      note(`${program} is not here`)
      return
    }
    const candidate = `${join(projectFolder, 'dist/bin/ek')} {args} config --format json`
    const { stdout, stderr } = await runProgram(process.execPath, [program, '--candidate', candidate, '--list'], {
      cwd: join(program, '..'),
      timeoutMs: 900_000,
    })
    const lines = stdout.trim().split('\n')
    const [, equal, accepted, refused, others] =
      /(\d+)\/(\d+) equal, (\d+)\/(\d+) refused/.exec(lines.at(-1) ?? '')?.map(Number) ?? []
    if (equal === undefined) throw new Error(`the corpus gave no answer: ${stderr || stdout}`)
    const strays = lines
      .filter((line) => /^[a-z][a-zA-Z ]+ +[\w.-]+$/.test(line))
      .map((line) => line.trim().split(/ +/).at(-1))
    const unknown = strays.filter((name) => !KNOWN.includes(name))
    for (const line of lines.slice(0, -2)) note(line)
    show('equal', `${equal} of ${accepted}`, String(accepted), equal === accepted)
    show('refused', `${refused} of ${others}`, `>= ${others - 3}`, refused >= others - 3)
    show('not known before', unknown.join(', ') || 'none', 'none', unknown.length === 0)
  },
}
