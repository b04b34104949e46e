/** What travels through one load: where files come from, what was found, what was spent. */
import type { Budget } from './budget.ts'
import type { Findings } from './findings.ts'
import type { SourceFiles } from './source-files.ts'
import type { VariableList } from './variables.ts'

export interface LoadContext {
  readonly source: SourceFiles
  readonly findings: Findings
  readonly budget: Budget
  /** Where variables are listed, if anybody asks for the list. */
  readonly variables: VariableList | undefined
  readonly warn: (message: string) => void
  /** Warns that a variable is not set and stands for nothing. */
  readonly warnUnset: (name: string) => void
  readonly interpolate: boolean
  /** For `~`. */
  readonly home: string | undefined
  /** Sources of binds that were written relative to a file, or to `~`; filled while files are read. */
  readonly localBinds: Set<string>
}

/** A project, or a project that another one includes: its own directory and its own variables. */
export interface Scope {
  /** Absolute; files of `include` and `extends` are relative to it. */
  readonly directory: string
  /** What relative paths of the model are joined with: the same, or relative to the including project's directory. */
  readonly base: string
  readonly environment: ReadonlyMap<string, string>
}
