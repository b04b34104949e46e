/** The client: reads the command line, runs one command, answers with its exit code. */
import { Problem } from '../../protocol/problems.ts'
import { nearest } from '../../protocol/stackfile/suggest.ts'
import { daemonAddress } from '../address.ts'
import { Api } from '../api.ts'
import type { StackSelection } from '../stack-source.ts'
import type { Context, Values } from './command.ts'
import { COMMANDS, GROUPS } from './commands/index.ts'
import { stackTable } from './commands/ls.ts'
import type { GLOBAL_OPTIONS } from './global-options.ts'
import { LEFT_OUT } from './left-out.ts'
import { Output } from './output.ts'
import { parseCommandLine } from './parse.ts'
import { renderProblem } from './render/problem.ts'
import { uploadReport } from './render/uploads.ts'
import { unwritable } from './unwritable.ts'

declare const EVENKEEL_VERSION: string

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === '__complete') {
    const { complete } = await import('./completion/main.ts')
    return complete(argv.slice(1), COMMANDS, (words) =>
      contextOf(parseCommandLine(words, COMMANDS).globals as unknown as Values<typeof GLOBAL_OPTIONS>),
    )
  }
  const parsed = parseCommandLine(argv, COMMANDS)
  if (parsed.version) {
    process.stdout.write(`evenkeel ${EVENKEEL_VERSION}\n`)
    return 0
  }
  if (parsed.unknown !== undefined) {
    if (parsed.unknown === 'help') return help(COMMANDS.find((command) => command.name === argv.slice(1).join(' ')))
    const known = Object.hasOwn(LEFT_OUT.commands, parsed.unknown) ? LEFT_OUT.commands[parsed.unknown] : undefined
    if (known !== undefined)
      throw new Problem('bad-request', `there is no ${parsed.unknown} here: ${known.why}`, {
        hint: 'see what there is: evenkeel --help',
      })
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
    if (!parsed.help && parsed.group === undefined)
      return overview(contextOf(parsed.globals as unknown as Values<typeof GLOBAL_OPTIONS>))
    return help(parsed.command, parsed.group)
  }
  if (parsed.error !== undefined) {
    throw new Problem('bad-request', parsed.error, { hint: `see evenkeel ${parsed.command.name} --help` })
  }
  const context = contextOf(parsed.globals as unknown as Values<typeof GLOBAL_OPTIONS>)
  try {
    return await parsed.command.run(context, parsed.values as never, parsed.words)
  } finally {
    context.api.takeBackLoans()
  }
}

/** The program alone: what there is, and where to go on. */
async function overview(context: Context): Promise<number> {
  const { stacks } = await context.api.call('stacks')
  const { output } = context
  if (stacks.length > 0) output.line(stackTable(stacks))
  output.note(
    stacks.length > 0
      ? '\nevenkeel -p NAME ps shows the containers of one; evenkeel --help lists the commands.'
      : 'No stacks yet. evenkeel up brings one up from the compose.yaml here; evenkeel --help lists the commands.',
  )
  return 0
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
    allResources: globals['all-resources'] === true,
  }
  let api: Api | undefined
  return {
    output,
    selection,
    /** Made when first used: what names no daemon, or a wrong one, need not fail for it. */
    get api() {
      api ??= new Api(
        daemonAddress({ host: globals.host, context: globals.context }, process.env, process.getuid?.()),
        uploadReport(output.progress, (text) => process.stderr.write(text)),
      )
      return api
    },
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
  process.stderr.write(`${renderProblem(unwritable(error))}\n`)
  process.exit(1)
})

main(process.argv.slice(2)).then(end, (error: unknown) => {
  process.stderr.write(`${renderProblem(error)}\n`)
  end(error instanceof Problem ? error.exitCode : 1)
})

/**
 * Ends at once where all is written: left to end by itself, Node takes its heap apart first, 4 ms of each command that nobody
 * has a use for. What a slow reader has yet to take goes out before.
 */
function end(code: number): void {
  process.exitCode = code
  // A write that failed says so before the next turn of the loop.
  setImmediate(() => {
    if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit()
  })
}
