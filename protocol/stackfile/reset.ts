/** `!reset` and `!override`: takes away what earlier files said at the recorded paths. */
import type { MapNode, Node } from './tree.ts'

export type ClearedPaths = readonly (readonly string[])[]

/** The paths that lie in services, by the service. */
export function byService(paths: ClearedPaths): ReadonlyMap<string, ClearedPaths> {
  const found = new Map<string, (readonly string[])[]>()
  for (const path of paths) {
    const [section, service] = path
    if (section !== 'services' || service === undefined) continue
    const known = found.get(service)
    if (known === undefined) found.set(service, [path])
    else known.push(path)
  }
  return found
}

/** Acts on keys of maps only: an item of a list cannot be named from a later file. */
export function clearPaths(root: MapNode, paths: ClearedPaths): void {
  for (const path of paths) clear(root, path)
}

function clear(root: MapNode, path: readonly string[]): void {
  let node: Node | undefined = root
  for (const part of path.slice(0, -1)) {
    node = node?.kind === 'map' ? node.entries.get(part) : undefined
  }
  const last = path.at(-1)
  if (node?.kind === 'map' && last !== undefined) node.entries.delete(last)
}
