/**
 * Reads the command line with yargs' own parser, which loads in a few milliseconds. yargs itself is loaded only when
 * there is something to teach: help, or an error. Both work from the same definitions.
 */
import parser from 'yargs-parser'
import type { Command, Options } from './command.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'
import { LEFT_OUT, leftOut } from './left-out.ts'

export interface Parsed {
  readonly command: Command | undefined
  /** The word in the command's place that is no command. */
  readonly unknown?: string
  readonly globals: Readonly<Record<string, unknown>>
  readonly values: Readonly<Record<string, unknown>>
  /** The first words of a command that has several, such as `volume`, where the next is missing or wrong. */
  readonly group?: string
  readonly words: readonly string[]
  readonly help: boolean
  readonly version: boolean
  /** What is wrong with the command line, for people. */
  readonly error?: string
}

const OWN: Options = {
  help: { type: 'boolean', alias: 'h', describe: 'Show help' },
  version: { type: 'boolean', alias: 'v', describe: 'Show version' },
}

export function parseCommandLine(argv: readonly string[], commands: readonly Command[]): Parsed {
  const head = splitAtCommand(argv)
  const before = read(argv.slice(0, head), { ...GLOBAL_OPTIONS, ...OWN }, 'end')
  const { name, command, group, length } = findCommand(argv.slice(head, head + 3), commands)
  const rest = argv.slice(head + length)
  const options = { ...withoutTaken(GLOBAL_OPTIONS, command?.options ?? {}), help: OWN.help!, ...command?.options }
  const after = read(rest, options, command?.stopsAtFirstWord === true ? 'first-word' : 'end')
  const error = before.error ?? (command === undefined ? undefined : after.error)
  return {
    command,
    ...(command === undefined && name !== undefined ? { unknown: name } : {}),
    ...(group === undefined ? {} : { group }),
    globals: together(
      before.values,
      pick(
        after.values,
        Object.keys(GLOBAL_OPTIONS).filter((key) => command?.options[key] === undefined),
      ),
    ),
    values: after.values,
    words: after.words,
    help: before.values.help === true || after.values.help === true,
    version: before.values.version === true,
    ...(error === undefined ? {} : { error }),
  }
}

/** A command has up to three words: `system tls init`. */
function findCommand(
  words: readonly string[],
  commands: readonly Command[],
): { readonly name?: string; readonly command?: Command; readonly group?: string; readonly length: number } {
  const upTo = (length: number) => words.slice(0, length).join(' ')
  for (let length = 1; length <= words.length; length += 1) {
    const name = upTo(length)
    const command = commands.find((candidate) => candidate.name === name || candidate.aliases?.includes(name))
    if (command !== undefined) return { name, command, length }
    if (commands.some((candidate) => candidate.name.startsWith(`${name} `))) continue
    if (length === 1) return { name, length }
    const group = upTo(length - 1)
    return words[length - 1]!.startsWith('-') ? { group, length: length - 1 } : { name, group, length }
  }
  return words.length === 0 ? { length: 1 } : { group: upTo(words.length), length: words.length }
}

/** What stands before and after the command: lists add up, of the rest the later wins. */
function together(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const both: Record<string, unknown> = { ...before }
  for (const [name, value] of Object.entries(after)) {
    const earlier = before[name]
    both[name] = Array.isArray(value) && Array.isArray(earlier) ? [...earlier, ...value] : value
  }
  return both
}

/** Where the command stands: the first word that is neither an option nor the value of one. */
function splitAtCommand(argv: readonly string[]): number {
  const takesValue = new Set<string>()
  for (const [name, option] of Object.entries(GLOBAL_OPTIONS)) {
    if (option.type === 'boolean') continue
    takesValue.add(`--${name}`)
    if ('alias' in option) takesValue.add(`-${option.alias}`)
  }
  for (const [name, { value }] of Object.entries(LEFT_OUT.flags)) if (value === true) takesValue.add(`--${name}`)
  let at = 0
  while (at < argv.length) {
    const word = argv[at]!
    if (!word.startsWith('-') || word === '-') return at
    at += takesValue.has(word) ? 2 : 1
  }
  return at
}

/** A command's own letter wins: `logs -f` follows. */
function withoutTaken(globals: Options, own: Options): Options {
  const letters = new Set(Object.values(own).map((option) => option.alias))
  return Object.fromEntries(
    Object.entries(globals).map(([name, option]) => {
      const { alias, ...rest } = option
      return [name, alias === undefined || letters.has(alias) ? rest : option]
    }),
  )
}

function read(argv: readonly string[], options: Options, until: 'first-word' | 'end') {
  const names = Object.keys(options)
  const ofType = (type: string) => names.filter((name) => options[name]!.type === type && options[name]!.array !== true)
  const parsed = parser.detailed([...argv], {
    string: [...ofType('string'), ...names.filter((name) => options[name]!.array === true)],
    boolean: ofType('boolean'),
    // Numbers are checked below: the parser would turn what is none into NaN in silence.
    alias: Object.fromEntries(
      names.flatMap((name) => (options[name]!.alias === undefined ? [] : [[name, [options[name]!.alias!]]])),
    ),
    default: Object.fromEntries(
      names.flatMap((name) => (options[name]!.default === undefined ? [] : [[name, options[name]!.default]])),
    ),
    configuration: {
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'duplicate-arguments-array': true,
      'boolean-negation': false,
      'short-option-groups': true,
      'populate--': false,
      'unknown-options-as-args': false,
      'greedy-arrays': false,
      'halt-at-non-option': until === 'first-word',
    },
  })
  const values: Record<string, unknown> = {}
  let error = parsed.error === null ? undefined : parsed.error.message
  const known = new Set([...names, ...names.map((name) => options[name]!.alias ?? ''), '_'])
  for (const key of Object.keys(parsed.argv)) {
    if (!known.has(key)) error ??= leftOut(key) ?? `unknown flag: ${key.length === 1 ? `-${key}` : `--${key}`}`
  }
  for (const name of names) {
    const option = options[name]!
    const raw: unknown = parsed.argv[name]
    if (raw === undefined) continue
    const list = (Array.isArray(raw) ? raw : [raw]) as unknown[]
    if (
      option.type !== 'boolean' &&
      list.some(
        (value) => value === true || (value === '' && !argv.some((word) => word === `--${name}=` || word === '')),
      )
    ) {
      error ??= `flag needs an argument: --${name}`
    }
    const last = list.at(-1)
    const value = option.array === true ? list.map(String) : option.type === 'number' ? numberOf(last) : last
    if (option.type === 'number' && !Number.isInteger(value))
      error ??= `--${name} is not a whole number: ${String(last)}`
    const wrong = option.choices === undefined ? undefined : list.find((one) => !option.choices!.includes(String(one)))
    if (wrong !== undefined) error ??= `--${name} is not one of ${option.choices!.join(', ')}: ${String(wrong)}`
    values[name] = value
  }
  return { values, words: parsed.argv._.map(String), error }
}

function pick(values: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  // A default after the command must not undo what stood before it.
  return Object.fromEntries(
    names
      .filter((name) => values[name] !== undefined && values[name] !== (GLOBAL_OPTIONS as Options)[name]?.default)
      .map((name) => [name, values[name]]),
  )
}

/** A flag without its value is no number, though JavaScript takes `true` for one. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
}
