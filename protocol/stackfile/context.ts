/** What travels through one load: where files come from, what was found, what was spent. */
import type { Budget } from './budget.ts'
import type { Findings } from './findings.ts'
import type { VariableList } from './variables.ts'

/** The file system as the loader sees it; the client reads its own disk, a test reads a map. */
export interface FileSource {
  /** The text of a file (`-` is standard input); undefined where there is none. */
  read(path: string): string | undefined
  isDirectory(path: string): boolean
}

export interface LoadContext {
  readonly source: FileSource
  readonly findings: Findings
  readonly budget: Budget
  readonly variables: VariableList
  readonly warn: (message: string) => void
  /** Warns that a variable is not set and stands for nothing. */
  readonly warnUnset: (name: string) => void
  readonly interpolate: boolean
  /** For `~`. */
  readonly home: string | undefined
}

/** A project, or a project that another one includes: its own directory and its own variables. */
export interface Scope {
  /** Absolute; files of `include` and `extends` are relative to it. */
  readonly directory: string
  /** What relative paths of the model are joined with: the same, or relative to the including project's directory. */
  readonly base: string
  readonly environment: ReadonlyMap<string, string>
}
