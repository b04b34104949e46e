/** Help and complaints about the command line: here yargs is loaded, and writes them from the same definitions. */
import yargs, { type Options as YargsOptions } from 'yargs'
import type { Command, Option, Options } from './command.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'

/** `shown`: the group whose commands are asked for. */
export interface HelpGroups {
  readonly all: Readonly<Record<string, string>>
  readonly shown: string | undefined
}

export async function helpText(
  command: Command | undefined,
  commands: readonly Command[],
  groups: HelpGroups,
): Promise<string> {
  const program = yargs([])
    .scriptName('evenkeel')
    .wrap(Math.min(process.stdout.columns ?? 100, 110))
    .version(false)
    .help(false)
    .locale('en')
    .updateStrings({ 'Commands:': 'Commands:', 'Options:': 'Options:' })
  if (command === undefined) {
    program.usage(
      groups.shown === undefined
        ? 'Usage: $0 [OPTIONS] COMMAND\n\nBring container stacks up from Compose files, and have the daemon keep them.'
        : `Usage: $0 ${groups.shown} COMMAND\n\n${groups.all[groups.shown] ?? ''}`,
    )
    for (const { name, positional, describe } of listed(commands, groups))
      program.command(`${name}${positional === undefined ? '' : ` ${positional}`}`, describe.split('\n')[0]!)
    declare(program, {
      ...GLOBAL_OPTIONS,
      help: { type: 'boolean', alias: 'h', describe: 'Show help' },
      version: { type: 'boolean', alias: 'v', describe: 'Show version' },
    })
    program.epilogue('evenkeel COMMAND --help tells more about a command. The daemon is started with evenkeeld.')
    return `${await program.getHelp()}\n`
  }
  program.usage(
    `Usage: $0 ${command.name} [OPTIONS]${command.positional === undefined ? '' : ` ${command.positional}`}\n\n${command.describe}`,
  )
  declare(program, command.options, 'Options:')
  const globals = Object.fromEntries(
    Object.entries(GLOBAL_OPTIONS).filter(([name]) => command.options[name] === undefined),
  )
  declare(program, withoutLetters(globals, command.options), 'Global options:')
  for (const [example, what] of command.examples ?? []) program.example(example, what)
  return `${await program.getHelp()}\n`
}

/** The commands of a group, or all, where each group is one line. */
function listed(
  commands: readonly Command[],
  { all, shown }: HelpGroups,
): Pick<Command, 'name' | 'positional' | 'describe'>[] {
  const groupOf = ({ name }: Command) => Object.keys(all).find((group) => name.startsWith(`${group} `))
  if (shown !== undefined) return commands.filter(({ name }) => name.startsWith(`${shown} `))
  return [
    ...commands.filter((command) => groupOf(command) === undefined),
    ...Object.entries(all).map(([name, describe]) => ({ name: `${name} COMMAND`, describe })),
  ]
}

function declare(program: ReturnType<typeof yargs>, options: Options, group?: string): void {
  for (const [name, option] of Object.entries(options)) program.option(name, yargsOption(option, group))
}

function yargsOption(
  { type, describe, alias, array, choices, default: fallback }: Option,
  group: string | undefined,
): YargsOptions {
  return {
    type: array === true ? 'array' : type,
    describe,
    ...(alias === undefined ? {} : { alias }),
    ...(choices === undefined ? {} : { choices }),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(group === undefined ? {} : { group }),
  }
}

function withoutLetters(globals: Options, own: Options): Options {
  const letters = new Set(Object.values(own).map((option) => option.alias))
  return Object.fromEntries(
    Object.entries(globals).map(([name, { alias, ...rest }]) => [
      name,
      alias === undefined || letters.has(alias) ? rest : { ...rest, alias },
    ]),
  )
}
