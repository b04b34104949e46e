/** Flags, environment and file as one frozen object. A flag wins over the environment, that over the file. */
import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultSocket, defaultState } from '../protocol/default-paths.ts'
import { Problem } from '../protocol/problems.ts'

export interface Config {
  readonly socket: string
  readonly socketOwner: string | undefined
  readonly socketGroup: string | undefined
  readonly state: string
  /** Undefined: DOCKER_HOST, then the system's socket. */
  readonly engine: string | undefined
  readonly logLevel: string
  /** Touch nothing until told: observe, plan and show alone. */
  readonly hold: boolean
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly config: Config }

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export const HELP = `Usage: evenkeeld [options]

The Evenkeel daemon: owns container stacks on this machine and keeps them as declared.

Options:
  --socket PATH         Unix socket to listen on           [EVENKEEL_SOCKET]
  --socket-owner USER   user that owns the socket (mode 0660)
  --socket-group GROUP  group that may use the socket: its members control
                        every container of the Engine
  --state DIR           folder of the state, mode 0700     [EVENKEEL_STATE]
  --engine URL          Docker Engine: unix:///path, tcp://host:port
                                                           [EVENKEEL_ENGINE, DOCKER_HOST]
  --hold                touch nothing until evenkeel resume --all: observe,
                        plan and show alone                [EVENKEEL_HOLD]
  --log-level LEVEL     ${LEVELS.join(', ')}
  --config FILE         the same as YAML: socket, socketOwner, socketGroup,
                        state, engine, logLevel
  --version             print the version
  --help                print this

Defaults for root: /run/evenkeel/evenkeel.sock and /var/lib/evenkeel; for others
the folders of XDG_RUNTIME_DIR and XDG_STATE_HOME.
`

const KEYS = ['socket', 'socketOwner', 'socketGroup', 'state', 'engine', 'logLevel'] as const
type Key = (typeof KEYS)[number]

export async function readConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): Promise<Invocation> {
  const { values } = parse(argv)
  if (values.help === true) return { kind: 'help' }
  if (values.version === true) return { kind: 'version' }
  const file = values.config === undefined ? {} : await readFile(values.config)
  const pick = (key: Key, flag: string | undefined, variable?: string): string | undefined =>
    flag ?? (variable === undefined ? undefined : environment[variable] || undefined) ?? file[key]
  const logLevel = pick('logLevel', values['log-level']) ?? 'info'
  if (!LEVELS.includes(logLevel))
    throw new Problem('bad-request', `there is no log level ${logLevel}`, { hint: `one of ${LEVELS.join(', ')}` })
  return {
    kind: 'run',
    config: Object.freeze({
      socket: resolve(pick('socket', values.socket, 'EVENKEEL_SOCKET') ?? defaultSocket(environment, uid)),
      socketOwner: pick('socketOwner', values['socket-owner']),
      socketGroup: pick('socketGroup', values['socket-group']),
      state: resolve(pick('state', values.state, 'EVENKEEL_STATE') ?? defaultState(environment, uid)),
      engine: pick('engine', values.engine, 'EVENKEEL_ENGINE'),
      logLevel,
      hold: values.hold === true || isYes('EVENKEEL_HOLD', environment.EVENKEEL_HOLD),
    }),
  }
}

function isYes(variable: string, value: string | undefined): boolean {
  if (value === undefined || /^(|0|no|false)$/i.test(value)) return false
  if (/^(1|yes|true)$/i.test(value)) return true
  throw new Problem('bad-request', `${variable} is "${value}"`, { hint: 'say true or false' })
}

function parse(argv: readonly string[]) {
  try {
    const text = { type: 'string' } as const
    return parseArgs({
      args: [...argv],
      options: {
        socket: text,
        'socket-owner': text,
        'socket-group': text,
        state: text,
        engine: text,
        'log-level': text,
        config: text,
        hold: { type: 'boolean' },
        version: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Problem('bad-request', error instanceof Error ? error.message.split('\n')[0]! : String(error), {
      hint: 'see evenkeeld --help',
    })
  }
}

async function readFile(path: string): Promise<Partial<Record<Key, string>>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Problem('bad-request', `the config file ${path} cannot be read: ${(error as Error).message}`)
  }
  const { parse: parseYaml } = await import('yaml')
  let value: unknown
  try {
    value = parseYaml(text) ?? {}
  } catch (cause) {
    throw new Problem(
      'bad-request',
      `the config file ${path} is not valid YAML: ${(cause as Error).message.split('\n')[0]}`,
      { cause },
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem('bad-request', `the config file ${path} is not a mapping of keys to values`)
  }
  for (const [key, entry] of Object.entries(value)) {
    if (!KEYS.includes(key as Key)) {
      throw new Problem('bad-request', `${path}: there is no key ${key}`, { hint: `known keys: ${KEYS.join(', ')}` })
    }
    if (typeof entry !== 'string') throw new Problem('bad-request', `${path}: ${key} is to be text`)
    if ((key === 'socket' || key === 'state') && !isAbsolute(entry)) {
      throw new Problem('bad-request', `${path}: ${key} is to be an absolute path`)
    }
  }
  return value
}
