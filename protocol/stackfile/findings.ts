/** Collects everything that is wrong with a stack file, so that a person sees all of it in one go. */
import { type Finding, Problem } from '../problems.ts'
import { placeOf, type Span } from './source-text.ts'
import { formatPath, type KeyPath, type Node } from './tree.ts'

interface FindingDetails {
  readonly path?: KeyPath | undefined
  readonly hint?: string | undefined
}

/** More than these nobody reads, and a hostile file could have a hundred thousand. */
const MAX_FINDINGS = 100
const MAX_CHARACTERS = 500

export class Findings {
  readonly #found = new Map<string, Finding>()
  readonly #warnings = new Set<string>()

  get count(): number {
    return this.#found.size
  }

  /** Reports `message` at a node or a stretch of text; the same at the same place counts once. The 100th ends the load. */
  add(message: string, at: Node | Span | undefined, details: FindingDetails = {}): void {
    const span = at === undefined ? undefined : 'kind' in at ? at.at : at
    const place = span === undefined ? undefined : placeOf(span)
    const path = details.path === undefined ? '' : clip(formatPath(details.path))
    const shown = clip(message)
    const key = JSON.stringify([shown, place?.file, place?.line, place?.column, place === undefined ? path : ''])
    if (this.#found.has(key)) return
    this.#found.set(key, {
      message: shown,
      ...(details.hint === undefined ? {} : { hint: clip(details.hint) }),
      ...(path === '' ? {} : { path }),
      ...(place === undefined ? {} : { place }),
    })
    if (this.#found.size >= MAX_FINDINGS) this.throwIfAny()
  }

  /** As {@link add}, at the key that holds the node, where the key and not its value is the error. */
  addAtKey(message: string, node: Node, details: FindingDetails = {}): void {
    this.add(message, node.keyAt ?? node.at, details)
  }

  /** Something that is accepted but surely not meant. */
  warn(message: string, node: Node): void {
    const place = placeOf(node.at)
    this.#warnings.add(`${place.file}:${place.line}:${place.column}: ${clip(message)}`)
  }

  get warnings(): readonly string[] {
    return [...this.#warnings]
  }

  throwIfAny(): void {
    if (this.#found.size > 0) throw invalidStackFile([...this.#found.values()])
  }
}

/** Values stand in messages, and a value can have megabytes. */
const clip = (text: string): string => (text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}...` : text)

export function invalidStackFile(findings: readonly Finding[]): Problem {
  const [first] = findings
  if (first !== undefined && findings.length === 1) {
    const { place } = first
    const where = place === undefined ? (first.path ?? '') : `${place.file}:${place.line}:${place.column}`
    return new Problem('stack-file-invalid', where === '' ? first.message : `${where}: ${first.message}`, {
      hint: first.hint,
      findings,
    })
  }
  return new Problem('stack-file-invalid', `The stack file has ${findings.length} errors`, { findings })
}
