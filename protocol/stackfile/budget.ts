/**
 * What one load may cost. A few lines of YAML aliases or nested variables can stand for gigabytes; Compose has no limit
 * and grows until it is killed. The limits lie far above any file that people write.
 */
import { invalidStackFile } from './findings.ts'
import { placeOf, type Span } from './source-text.ts'

export const LIMITS = {
  fileBytes: 5 * 1024 * 1024,
  /** Maps and lists inside one another. */
  depth: 500,
  /** Values of all files together, aliases expanded. */
  nodes: 300_000,
  /** Words, marks and blanks of one file. */
  tokens: 1_000_000,
  /** Text that interpolation reads and writes. */
  interpolatedCharacters: 32 * 1024 * 1024,
  /** Files that are loaded by include and extends. */
  files: 1000,
  /** Published ports of all services, ranges expanded: each is a binding for the Engine to set up. */
  ports: 32_768,
} as const

export class Budget {
  #nodes = 0
  #ports = 0
  #characters = 0
  #files = 0

  spendNode(at: Span): void {
    this.#nodes += 1
    if (this.#nodes > LIMITS.nodes) this.checkNodes(this.#nodes, at)
  }

  /** Refuses a part of a file that stands for too many values by itself. */
  checkNodes(count: number, at: Span): void {
    if (count > LIMITS.nodes) {
      refuse(
        `stands for more than ${LIMITS.nodes} values`,
        at,
        'Aliases of aliases and long ranges multiply: use fewer.',
      )
    }
  }

  checkTokens(count: number, at: Span): void {
    if (count > LIMITS.tokens)
      refuse('has too many keys and values', at, 'Split it, or move data into files of its own.')
  }

  spendPorts(count: number, at: Span): void {
    this.#ports += count
    if (this.#ports > LIMITS.ports) refuse(`publishes more than ${LIMITS.ports} ports`, at, 'Publish a shorter range.')
  }

  spendCharacters(count: number, at: Span | undefined): void {
    this.#characters += count
    if (this.#characters > LIMITS.interpolatedCharacters) {
      refuse(
        'grows beyond 32 MB when variables are filled in',
        at,
        'A variable that repeats other variables multiplies.',
      )
    }
  }

  spendFile(at: Span | undefined): void {
    this.#files += 1
    if (this.#files > LIMITS.files) refuse(`loads more than ${LIMITS.files} files`, at, 'Merge some of the files.')
  }

  checkDepth(depth: number, at: Span): void {
    if (depth > LIMITS.depth) refuse(`nests deeper than ${LIMITS.depth} levels`, at, undefined)
  }
}

function refuse(what: string, at: Span | undefined, hint: string | undefined): never {
  throw invalidStackFile([
    {
      message: `The file ${what}`,
      ...(hint === undefined ? {} : { hint }),
      ...(at === undefined ? {} : { place: placeOf(at) }),
    },
  ])
}
