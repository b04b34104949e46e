/** client/README.md: each command and flag of Docker Compose with how ours stands to it, and what only we have. */
import { readFileSync } from 'node:fs'
import type { Command, Options } from '../../client/cli/command.ts'
import { COMMANDS } from '../../client/cli/commands/index.ts'
import { GLOBAL_OPTIONS } from '../../client/cli/global-options.ts'
import { readCases } from '../engine/parity/cases.ts'
import { STATUS, type Status } from './status.ts'

export interface Flag {
  readonly name: string
  readonly letter?: string
  readonly value?: string
}

interface ComposeFlags {
  readonly version: string
  readonly global: readonly Flag[]
  readonly commands: Readonly<Record<string, readonly Flag[]>>
}

/** Made by read-compose.mjs of the Compose that is named in it. */
export const COMPOSE = JSON.parse(
  readFileSync(new URL('./compose-flags.json', import.meta.url), 'utf8'),
) as ComposeFlags

/** One command of Compose, or one of its flags. */
export interface Row {
  readonly key: string
  readonly command: string | undefined
  readonly flag: Flag | undefined
  readonly status: Status
}

const SAME: Status = { word: 'same' }

export const ROWS: readonly Row[] = [
  ...COMPOSE.global.map((flag) => rowOf(undefined, flag)),
  ...Object.entries(COMPOSE.commands).flatMap(([command, flags]) => [
    rowOf(command, undefined),
    ...flags.map((flag) => rowOf(command, flag)),
  ]),
]

function rowOf(command: string | undefined, flag: Flag | undefined): Row {
  const key = [command, flag === undefined ? undefined : `--${flag.name}`]
    .filter((part) => part !== undefined)
    .join(' ')
  const whole = command === undefined ? undefined : STATUS[command]
  const inherited: Status = whole?.word === 'left out' ? { word: whole.word, why: `with \`${command}\`` } : SAME
  return { key, command, flag, status: STATUS[key] ?? (flag === undefined ? SAME : inherited) }
}

export const isPresent = ({ status }: Row): boolean => status.word !== 'left out'

export const ourCommand = (name: string): Command | undefined => COMMANDS.find((command) => command.name === name)

/** Options of a command of ours, or without one those of all. */
export const ourOptions = (command: string | undefined): Options =>
  command === undefined ? GLOBAL_OPTIONS : (ourCommand(command)?.options ?? {})

export function readme(): string {
  const { version } = COMPOSE
  const count = (word: Status['word']) => ROWS.filter(({ status }) => status.word === word).length
  return `# The client

\`evenkeel\`, short \`ek\`, speaks to the daemon over its socket and does nothing by itself. This file is written by
\`npx vitest run --project unit test/unit/cli/parity.test.ts -u\`, out of \`test/parity\`.

\`ek\` alone shows the stacks of the daemon. \`source <(ek completion bash)\` (or \`zsh\`, \`fish\`) has the shell complete
commands, flags, and the names of stacks and services as they are just then.

## What an operation means to a daemon that heals

| command | what is meant afterwards |
| --- | --- |
| \`stop\`, \`kill\` | the services are stopped: what ends stays down whatever its restart policy, until \`start\`, \`restart\` or \`up\`. For \`kill\` that goes for SIGKILL, SIGTERM, SIGINT and a service's own stop signal. A program that lets such a signal pass is let run |
| \`kill -s HUP\` and other signals | nothing else than before: the signal is delivered. A program that ends of it is one that has crashed |
| \`pause\` | the services are paused: until \`unpause\`, \`start\`, \`restart\` or \`up\`, also when daemon or Engine start anew |
| \`rm\` | those replicas stay away until \`up\`, \`start\` or \`scale\` of their services; all others are kept as declared |

## Beside Docker Compose ${version}

Each command and flag of \`docker compose --help\` and \`docker compose COMMAND --help\`: ${count('same')} the same,
${count('better')} better, ${count('different')} different, ${count('left out')} left out on purpose, which each says when it is typed. \`--dry-run\`, which each command repeats, is named once.

| Docker Compose | here | |
| --- | --- | --- |
${ROWS.map(line).join('\n')}

## Keys of the file

Each key of the language is made once by \`docker compose create\` and once by us (\`npm run prove -- parity\`). What comes out
otherwise:

| key | outcome | reason |
| --- | --- | --- |
${keyDifferences().join('\n')}

Made ready by the client, before it sends the stack: \`provider\` and \`models\` run programs of the client's machine, as in Compose.
All providers run before the first container is made, in the order of \`depends_on\`; those of \`down\` run once the containers are
gone, by what the daemon keeps of the stack. \`plan\` runs none: it shows with the variables of the last \`up\`. \`adopt\` runs none
either: what depends on a provider counts as different until the next \`up\`. \`models\` need a daemon on this machine.
\`use_api_socket\` hands the container the Engine and the credentials of this user, as they were at \`up\`; new ones make no
container anew. \`credential_spec\` is named in a warning, since no container of Linux can have one.

Refused, where Compose goes on: \`credential_spec\` of a Windows container, which Compose makes without it.

## Only here

| | |
| --- | --- |
${extras().join('\n')}
`
}

function line({ key, flag, status }: Row): string {
  const name = flag?.letter === undefined ? key : `${key}, -${flag.letter}`
  const text = `\`${name}\``
  return `| ${flag === undefined ? `**${text}**` : text} | ${status.word} | ${'why' in status ? status.why : ''} |`
}

function extras(): string[] {
  const known = new Set(ROWS.map(({ key }) => key))
  const optionsOf = (prefix: string, options: Options) =>
    Object.entries(options)
      .filter(([name]) => !known.has(`${prefix}--${name}`))
      .map(([name, option]) => `| \`${prefix}--${name}\` | ${sentence(option.describe)} |`)
  return [
    ...optionsOf('', GLOBAL_OPTIONS),
    ...COMMANDS.flatMap((command) =>
      known.has(command.name)
        ? optionsOf(`${command.name} `, command.options)
        : [`| **\`${command.name}\`** | ${sentence(command.describe)} |`],
    ),
  ]
}

/** What the cases of the parity suite say of themselves. */
function keyDifferences(): string[] {
  return readCases().flatMap(({ name, expectations }) =>
    expectations
      .filter(({ outcome }) => outcome !== 'equal' && outcome !== 'both refuse')
      .map(({ outcome, below, reason = '' }) => {
        const [key, which] = name.split('--')
        const engines = below === undefined ? '' : `, Engines below API ${below}`
        const what = which === undefined ? '' : ` ${which.replaceAll('-', ' ')}`
        return `| \`${key}\`${what} | ${outcome}${engines} | ${sentence(reason)} |`
      }),
  )
}

const sentence = (text: string): string => text.split('\n')[0]!.replaceAll('|', '\\|')
