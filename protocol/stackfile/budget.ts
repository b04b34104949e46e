/**
 * What one load may cost. A few lines of YAML aliases or nested variables can stand for gigabytes; Compose has no limit
 * and grows until it is killed. They are chosen so that a load stays below a second and 256 MiB; `npm run prove -- limits`
 * measures it.
 */
import { invalidStackFile } from './findings.ts'
import { placeOf, type Span } from './source-text.ts'

const MIB = 1024 * 1024

export const LIMITS = {
  /** Bytes of all files together: stack files, `.env` and what `env_file` and `label_file` name. */
  fileBytes: 10 * MIB,
  /** Characters of all values together, with aliases, bases and `env_file` written out for each that uses them. */
  textCharacters: 10 * MIB,
  /** Characters that filling variables in reads and writes. */
  interpolatedCharacters: 10 * MIB,
  /** Values of all files together, with aliases and bases written out for each that uses them. */
  nodes: 100_000,
  /** Keys and values of one file as they stand in it, before anything is made of them. */
  writtenNodes: 200_000,
  /** Brackets and aliases inside of one another; also `extends` and `include`. */
  depth: 100,
  /** Maps and lists inside of one another, in whatever form: each costs a line, and its indentation. */
  levels: 400,
  /** Files that are loaded by include and extends. */
  files: 1000,
  /** YAML documents of all files together. */
  documents: 1000,
  /** Each is a container at least: a network of the Engine holds a thousand. */
  services: 3000,
  /** Of services on one another, in the short form: what is written out counts by its values. */
  dependencies: 10_000,
  /** Values that are gone over again as documents and files are laid on top of one another. */
  mergedNodes: 1_000_000,
  /** Published ports of all services, ranges expanded: each is a binding for the Engine to set up. */
  ports: 32_768,
} as const

const MULTIPLY = 'Aliases of aliases, and bases of bases, multiply: use fewer.'

export class Budget {
  readonly #depth: number
  #bytes = 0
  #nodes = 0
  #text = 0
  #interpolated = 0
  #merged = 0
  #ports = 0
  #dependencies = 0
  #files = 0
  #documents = 0

  /** @param brackets how deep they may nest: as deep as indentation in what a machine wrote, which has nothing else. */
  constructor(brackets: number = LIMITS.depth) {
    this.#depth = brackets
  }

  /** Bytes of a file, or, which are fewer, its characters. */
  spendFileBytes(count: number, file: string, at: Span | undefined): void {
    this.#bytes += count
    if (this.#bytes <= LIMITS.fileBytes) return
    const what = this.#bytes === count ? `${file} is larger` : `${file} and the files before it are larger`
    refuse(`${what} than 10 MiB`, at, 'Move data into volumes or configs.')
  }

  spendNode(at: Span | undefined): void {
    this.spendNodes(1, at)
  }

  spendNodes(count: number, at: Span | undefined): void {
    this.#nodes += count
    if (this.#nodes > LIMITS.nodes) refuse(`The stack has more than ${LIMITS.nodes} values`, at, MULTIPLY)
  }

  refuseWritten(at: Span): never {
    refuse(`The file has more than ${LIMITS.writtenNodes} keys and values`, at, 'Move data into files of its own.')
  }

  spendText(count: number, at: Span | undefined): void {
    this.#text += count
    if (this.#text > LIMITS.textCharacters) refuse('The values of the stack are larger than 10 MiB', at, MULTIPLY)
  }

  /** Services of one document, or of all that are laid together so far. */
  checkServices(count: number, at: Span): void {
    if (count > LIMITS.services) {
      refuse(`The stack has more than ${LIMITS.services} services`, at, 'Make several stacks of it.')
    }
  }

  spendPorts(count: number, at: Span): void {
    this.#ports += count
    if (this.#ports > LIMITS.ports) {
      refuse(`The stack publishes more than ${LIMITS.ports} ports`, at, 'Publish a shorter range.')
    }
  }

  /** A dependency in the short form, which stands for a condition. */
  spendDependency(at: Span): void {
    this.#dependencies += 1
    if (this.#dependencies > LIMITS.dependencies) {
      refuse(`The stack has more than ${LIMITS.dependencies} dependencies`, at, 'Make several stacks of it.')
    }
  }

  spendInterpolated(count: number, at: Span | undefined): void {
    this.#interpolated += count
    if (this.#interpolated > LIMITS.interpolatedCharacters) {
      refuse(
        'The stack grows beyond 10 MiB when variables are filled in',
        at,
        'A variable that repeats other variables multiplies.',
      )
    }
  }

  spendFile(at: Span | undefined): void {
    this.#files += 1
    if (this.#files > LIMITS.files) {
      refuse(`The stack loads more than ${LIMITS.files} files`, at, 'Merge some of the files.')
    }
  }

  spendDocument(at: Span): void {
    this.#documents += 1
    if (this.#documents > LIMITS.documents) {
      refuse(`The stack has more than ${LIMITS.documents} documents`, at, 'Merge some of them.')
    }
  }

  /** One more document or file is laid on top of all that was read. */
  spendMerge(at: Span): void {
    this.#merged += this.#nodes
    if (this.#merged > LIMITS.mergedNodes) {
      refuse('The stack is laid together from too many documents', at, 'Merge some of them.')
    }
  }

  /** The model itself, with ranges of ports and defaults written out: what loads must load again from its own text. */
  checkResult({ nodes, text }: { readonly nodes: number; readonly text: number }, at: Span): void {
    if (nodes > LIMITS.nodes || text > LIMITS.textCharacters) {
      refuse(`The stack has more than ${LIMITS.nodes} values or 10 MiB once it is written out`, at, undefined)
    }
  }

  checkDepth(levels: number, depth: number, at: Span): void {
    if (depth > this.#depth) refuse(`Brackets and aliases nest deeper than ${this.#depth}`, at, undefined)
    if (levels > LIMITS.levels) refuse(`The file nests deeper than ${LIMITS.levels} levels`, at, undefined)
  }

  /** For files and services that lead to one another. */
  checkChain(length: number, what: string, at: Span): void {
    if (length > LIMITS.depth) refuse(`${what} nests deeper than ${LIMITS.depth}`, at, undefined)
  }
}

function refuse(message: string, at: Span | undefined, hint: string | undefined): never {
  throw invalidStackFile([
    {
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(at === undefined ? {} : { place: placeOf(at) }),
    },
  ])
}
