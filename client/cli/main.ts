/** The client: reads the command line, runs one command, answers with its exit code. */
import { Problem } from '../../protocol/problems.ts'
import { nearest } from '../../protocol/stackfile/suggest.ts'
import { daemonAddress } from '../address.ts'
import { Api } from '../api.ts'
import type { StackSelection } from '../stack-source.ts'
import type { Context, Values } from './command.ts'
import { COMMANDS, GROUPS } from './commands/index.ts'
import type { GLOBAL_OPTIONS } from './global-options.ts'
import { Output } from './output.ts'
import { parseCommandLine } from './parse.ts'
import { renderProblem } from './render/problem.ts'

declare const EVENKEEL_VERSION: string

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(argv, COMMANDS)
  if (parsed.version) {
    process.stdout.write(`evenkeel ${EVENKEEL_VERSION}\n`)
    return 0
  }
  if (parsed.unknown !== undefined) {
    if (parsed.unknown === 'help') return help(COMMANDS.find((command) => command.name === argv.slice(1).join(' ')))
    const near = nearest(
      parsed.unknown,
      COMMANDS.map((command) => command.name),
    )
    throw new Problem('bad-request', `unknown command: "${parsed.unknown}"`, {
      hint: `${near === undefined ? '' : `did you mean "${near}"? `}${near === undefined ? 'see' : 'See'} evenkeel ${parsed.group === undefined ? '' : `${parsed.group} `}--help`,
    })
  }
  if (parsed.help || parsed.command === undefined) {
    if (parsed.error !== undefined) throw new Problem('bad-request', parsed.error, { hint: 'see evenkeel --help' })
    return help(parsed.command, parsed.group)
  }
  if (parsed.error !== undefined) {
    throw new Problem('bad-request', parsed.error, { hint: `see evenkeel ${parsed.command.name} --help` })
  }
  const context = contextOf(parsed.globals as unknown as Values<typeof GLOBAL_OPTIONS>)
  return parsed.command.run(context, parsed.values as never, parsed.words)
}

async function help(command: (typeof COMMANDS)[number] | undefined, group?: string): Promise<number> {
  const { helpText } = await import('./help.ts')
  process.stdout.write(await helpText(command, COMMANDS, { all: GROUPS, shown: group }))
  return 0
}

function contextOf(globals: Values<typeof GLOBAL_OPTIONS>): Context {
  const output = new Output(globals, process.env)
  const selection: StackSelection = {
    files: globals.file ?? [],
    projectName: globals['project-name'],
    projectDirectory: globals['project-directory'],
    profiles: globals.profile ?? [],
    envFiles: globals['env-file'] ?? [],
  }
  return {
    output,
    selection,
    api: new Api(daemonAddress(globals.host, process.env, process.getuid?.())),
    stackName: async () => {
      const named = selection.projectName ?? (process.env.COMPOSE_PROJECT_NAME || undefined)
      if (named !== undefined) return named
      const { loadFromDisk } = await import('../stack-source.ts')
      return loadFromDisk(selection).model.name
    },
    warn: (what) => output.note(`WARN ${typeof what === 'string' ? what : what.message}`),
  }
}

// A reader that went away (`| head`) ends us quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(141)
  throw error
})

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`${renderProblem(error)}\n`)
    process.exitCode = error instanceof Problem ? error.exitCode : 1
  },
)
