/** Relative paths of the model become absolute, each by the rule of its key. */

import type { LoadContext } from './context.ts'
import { isAbsolute, isWindowsAbsolute, joinPath } from './file-paths.ts'
import type { MapNode, Node } from './tree.ts'
import { listAt, mapAt, textOf } from './tree.ts'

/** `~`, and where binds are noted that a file names relative to itself or to the home of who reads it. */
type Surroundings = Pick<LoadContext, 'home' | 'localBinds'>

/** @param base what paths are joined with; a relative base gives relative paths, for an including project to resolve. */
export function resolvePaths(root: MapNode, base: string, surroundings: Surroundings): void {
  const resolver = new PathResolver(base, surroundings)
  for (const service of mapsIn(mapAt(root, 'services'))) resolver.service(service)
  for (const section of ['configs', 'secrets']) {
    for (const object of mapsIn(mapAt(root, section))) resolver.set(object, 'file', 'host')
  }
  for (const volume of mapsIn(mapAt(root, 'volumes'))) resolver.volume(volume)
}

function mapsIn(map: MapNode | undefined): MapNode[] {
  return map === undefined ? [] : [...map.entries.values()].filter((node) => node.kind === 'map')
}

/** `plain`: a path of this machine. `host`: a path of the Engine's host, maybe a Windows one. `context`: maybe a URL. */
type PathKind = 'plain' | 'host' | 'context'

const REMOTE = ['https://', 'http://', 'git://', 'ssh://', 'github.com/', 'git@']

export const isRemoteContext = (context: string): boolean =>
  context.includes('://') || context.startsWith('service:') || REMOTE.some((prefix) => context.startsWith(prefix))

class PathResolver {
  readonly #base: string
  readonly #home: string | undefined
  readonly #localBinds: Set<string>

  constructor(base: string, { home, localBinds }: Surroundings) {
    this.#base = base
    this.#home = home
    this.#localBinds = localBinds
  }

  service(service: MapNode): void {
    const build = mapAt(service, 'build')
    if (build !== undefined) {
      this.set(build, 'context', 'context')
      this.#setAll(mapAt(build, 'additional_contexts'), 'context')
      this.#setAll(mapAt(build, 'ssh'), 'host')
    }
    for (const item of listAt(service, 'env_file')?.items ?? [])
      if (item.kind === 'map') this.set(item, 'path', 'plain')
    const policy = mapAt(service, 'x-evenkeel')
    const ingress = policy === undefined ? undefined : mapAt(policy, 'ingress')
    if (ingress !== undefined) this.set(ingress, 'error_page', 'plain')
    for (const item of listAt(service, 'label_file')?.items ?? []) this.#replace(item, 'plain')
    const extension = mapAt(service, 'extends')
    if (extension !== undefined) this.set(extension, 'file', 'plain')
    const watch = mapAt(service, 'develop')
    if (watch !== undefined) {
      for (const item of listAt(watch, 'watch')?.items ?? []) if (item.kind === 'map') this.set(item, 'path', 'plain')
    }
    for (const item of listAt(service, 'volumes')?.items ?? []) {
      if (item.kind === 'map' && textOf(item.entries.get('type')) === 'bind') this.#bind(item)
    }
  }

  #bind(mount: MapNode): void {
    const written = textOf(mount.entries.get('source'))
    this.set(mount, 'source', 'host')
    const resolved = textOf(mount.entries.get('source'))
    if (resolved !== undefined && resolved !== written) this.#localBinds.add(resolved)
  }

  /** A local volume with `o: bind` is a bind mount in disguise. */
  volume(volume: MapNode): void {
    const options = mapAt(volume, 'driver_opts')
    if (options === undefined || textOf(volume.entries.get('driver')) !== 'local') return
    if (textOf(options.entries.get('o')) === 'bind') this.set(options, 'device', 'host')
  }

  set(map: MapNode, key: string, kind: PathKind): void {
    const node = map.entries.get(key)
    if (node !== undefined) this.#replace(node, kind)
  }

  #setAll(map: MapNode | undefined, kind: PathKind): void {
    for (const node of map?.entries.values() ?? []) this.#replace(node, kind)
  }

  #replace(node: Node, kind: PathKind): void {
    const path = textOf(node)
    if (path !== undefined && node.kind === 'scalar') node.value = this.#resolve(path, kind)
  }

  #resolve(path: string, kind: PathKind): string {
    if (kind === 'context' && isRemoteContext(path)) return path
    const expanded = path.startsWith('~') && this.#home !== undefined ? joinPath(this.#home, path.slice(1)) : path
    if (isAbsolute(expanded)) return expanded
    if (kind === 'host' && isWindowsAbsolute(expanded)) return expanded
    if (expanded === '' && kind !== 'host') return expanded
    return joinPath(this.#base, expanded)
  }
}
