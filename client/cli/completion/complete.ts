/** Candidates for the last word of a command line: commands, flags, values, and names that the daemon knows now. */
import type { Command, Option, Options } from '../command.ts'
import { GLOBAL_OPTIONS } from '../global-options.ts'

export interface Candidate {
  readonly text: string
  readonly describe: string
}

/** What is asked of the daemon. Each answers nothing where it cannot be had: a shell is no place for errors. */
export interface Names {
  stacks(): Promise<readonly string[]>
  /** Of the stack that the words before mean. */
  services(words: readonly string[]): Promise<readonly string[]>
}

const named = (texts: readonly string[], describe: string): Candidate[] => texts.map((text) => ({ text, describe }))

export async function candidates(
  words: readonly string[],
  commands: readonly Command[],
  names: Names,
): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const { command, pending, count } = read(before, commands)
  const options: Options = { ...GLOBAL_OPTIONS, ...command?.options }
  const starting = (found: readonly Candidate[]) => found.filter(({ text }) => text.startsWith(current))
  if (pending !== undefined) return starting(await valuesOf(pending.name, pending.option, before, names))
  const inline = /^--([^=]+)=/.exec(current)
  if (inline !== null) {
    const option = options[inline[1]!]
    if (option === undefined) return []
    const values = await valuesOf(inline[1]!, option, before, names)
    return starting(values.map(({ text, describe }) => ({ text: `--${inline[1]}=${text}`, describe })))
  }
  if (current.startsWith('-')) return starting(flagsOf(options))
  if (command === undefined)
    return starting(commands.map(({ name, describe }) => ({ text: name, describe: line(describe) })))
  return starting(await wordsOf(command, count, before, names))
}

/** Which command stands before the word, the flag whose value the word is, and how many words the command has. */
function read(words: readonly string[], commands: readonly Command[]) {
  let command: Command | undefined
  let pending: { readonly name: string; readonly option: Option } | undefined
  let count = 0
  for (const word of words) {
    if (pending !== undefined) {
      pending = undefined
    } else if (word.startsWith('-') && word !== '-') {
      const found = word.includes('=') ? undefined : optionOf(word, { ...GLOBAL_OPTIONS, ...command?.options })
      if (found !== undefined && found.option.type !== 'boolean') pending = found
    } else if (command === undefined) {
      command = commands.find(({ name, aliases }) => name === word || aliases?.includes(word))
    } else count += 1
  }
  return { command, pending, count }
}

/** A command's own letter wins over one of every command's. */
function optionOf(word: string, options: Options) {
  const entries = Object.entries(options).reverse()
  const found = word.startsWith('--')
    ? entries.find(([name]) => `--${name}` === word)
    : entries.find(([, option]) => option.alias !== undefined && word.endsWith(option.alias))
  return found === undefined ? undefined : { name: found[0], option: found[1] }
}

const flagsOf = (options: Options): Candidate[] =>
  Object.entries({ ...options, help: { describe: 'Show help' } }).map(([name, { describe }]) => ({
    text: `--${name}`,
    describe: line(describe),
  }))

async function valuesOf(
  name: string,
  option: Option,
  before: readonly string[],
  names: Names,
): Promise<readonly Candidate[]> {
  if (name === 'project-name') return named(await names.stacks(), 'stack')
  if (option.choices !== undefined) return named(option.choices, line(option.describe))
  if (option.placeholder === 'SERVICE=NUM') return scales(await names.services(before))
  return option.placeholder === 'SERVICE' ? named(await names.services(before), 'service') : []
}

async function wordsOf(
  { positional = '' }: Command,
  count: number,
  before: readonly string[],
  names: Names,
): Promise<readonly Candidate[]> {
  if (/^[a-z]+(\|[a-z]+)+$/.test(positional)) return count === 0 ? named(positional.split('|'), '') : []
  if (positional.startsWith('SERVICE=NUM')) return scales(await names.services(before))
  const takesMore = /\.\.\.|\[SERVICES\]/.test(positional)
  if (!/\bSERVICES?\b/.test(positional) || (count > 0 && !takesMore)) return []
  return named(await names.services(before), 'service')
}

const scales = (services: readonly string[]): Candidate[] =>
  named(
    services.map((service) => `${service}=`),
    'service',
  )

const line = (text: string): string => text.split('\n')[0]!
