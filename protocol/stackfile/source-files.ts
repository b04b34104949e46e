/** The files of one load: each is read once, and all of them together are bounded. */
import { Problem } from '../problems.ts'
import type { Budget } from './budget.ts'
import { invalidStackFile } from './findings.ts'
import { placeOf, type Span } from './source-text.ts'

/** The file system as the loader sees it; the client reads its own disk, a test reads a map. */
export interface FileSource {
  /** The text of a file (`-` is standard input); undefined where there is none. */
  read(path: string): string | undefined
  isDirectory(path: string): boolean
}

export class SourceFiles {
  readonly #source: FileSource
  readonly #budget: Budget
  readonly #read = new Map<string, string | undefined>()

  constructor(source: FileSource, budget: Budget) {
    this.#source = source
    this.#budget = budget
  }

  /** The text of a file; undefined where there is none, or a directory. `at` is where a stack file names it. */
  read(path: string, at?: Span): string | undefined {
    if (this.#read.has(path)) return this.#read.get(path)
    const text = this.isDirectory(path) ? undefined : this.#open(path, at)
    if (text !== undefined) this.#budget.spendFileBytes(text.length, path, at)
    this.#read.set(path, text)
    return text
  }

  isDirectory(path: string): boolean {
    return path !== '-' && this.#source.isDirectory(path)
  }

  has(path: string): boolean {
    return this.read(path) !== undefined
  }

  #open(path: string, at: Span | undefined): string | undefined {
    try {
      return this.#source.read(path)
    } catch (error) {
      if (!(error instanceof Problem) || at === undefined) throw error
      const { message, hint } = error
      throw invalidStackFile([{ message, place: placeOf(at), ...(hint === undefined ? {} : { hint }) }])
    }
  }
}
