/** A stack between the tree and the finished model: decoded, with services on and off, and the way back to the text. */
import type { Model, Service } from './model.ts'
import type { MapNode, Node } from './tree.ts'

export interface EnvFile {
  readonly path: string
  readonly required: boolean
  readonly format?: string
}

/** What a service still holds until its files of variables and labels are read. */
export type LoadedService = Service & { env_file?: EnvFile[]; label_file?: string[] }

export interface Project {
  readonly model: Model & { services: Record<string, LoadedService> }
  /** Services that no active profile turns on. */
  readonly disabled: Record<string, LoadedService>
  readonly root: MapNode
}

/** The node at a path, or the nearest one above it that a file wrote. */
export function locate(root: MapNode, path: readonly (string | number)[]): Node {
  let node: Node = root
  for (const part of path) {
    const next: Node | undefined =
      node.kind === 'map' ? node.entries.get(String(part)) : node.kind === 'list' ? node.items[Number(part)] : undefined
    if (next === undefined) return node
    node = next
  }
  return node
}
