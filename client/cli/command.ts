/** What a command is: its words for people, its options as yargs knows them, and what it does. */
import type { Problem } from '../../protocol/problems.ts'
import type { Api } from '../api.ts'
import type { StackSelection } from '../stack-source.ts'
import type { Output } from './output.ts'

export interface Option {
  readonly type: 'string' | 'boolean' | 'number'
  readonly describe: string
  readonly alias?: string
  /** May be given several times. */
  readonly array?: true
  readonly choices?: readonly string[]
  readonly default?: string | number | boolean
  /** The value's name in help: `--tail N`. */
  readonly placeholder?: string
}

export type Options = Readonly<Record<string, Option>>

type ValueOf<O extends Option> = O['array'] extends true
  ? string[]
  : O['type'] extends 'boolean'
    ? boolean
    : O['type'] extends 'number'
      ? number
      : string

export type Values<O extends Options> = {
  readonly [K in keyof O]: ValueOf<O[K]> | (O[K]['default'] extends string | number | boolean ? never : undefined)
}

export interface Context {
  readonly api: Api
  readonly output: Output
  readonly selection: StackSelection
  /** The stack's name: `-p`, else the file's. Loads the file only where it must. */
  stackName(): Promise<string>
  warn(problem: Problem | string): void
}

export interface Command<O extends Options = Options> {
  readonly name: string
  readonly aliases?: readonly string[]
  /** `[SERVICE...]`, `SERVICE=NUM...`. */
  readonly positional?: string
  readonly describe: string
  readonly options: O
  /** What follows the first word is not for us, but for the command that it names: `exec SERVICE ls -l`. */
  readonly stopsAtFirstWord?: true
  readonly examples?: readonly (readonly [command: string, what: string])[]
  /** Answers the exit code. */
  run(context: Context, values: Values<O>, words: readonly string[]): Promise<number>
}

/** Keeps the types of a command's options for its `run`. */
export const command = <const O extends Options>(definition: Command<O>): Command => definition as unknown as Command
