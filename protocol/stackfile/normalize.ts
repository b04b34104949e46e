/**
 * The last step on the tree: implicit networks and dependencies, names on the Engine, values that come from the
 * environment by name alone.
 */
import { cleanPath } from './file-paths.ts'
import {
  boolNode,
  isNull,
  listAt,
  type MapNode,
  mapAt,
  mapNode,
  type Node,
  nullNode,
  put,
  textNode,
  textOf,
} from './tree.ts'

type Environment = ReadonlyMap<string, string>

/** A bare `NAME` in a list of environment values takes its value from the environment of the file that says so. */
export function resolveListedEnvironment(root: MapNode, environment: Environment): void {
  for (const service of mapAt(root, 'services')?.entries.values() ?? []) {
    const list = service.kind === 'map' ? listAt(service, 'environment') : undefined
    for (const item of list?.items ?? []) {
      const name = textOf(item)
      const value = name === undefined ? undefined : environment.get(name)
      if (value !== undefined && item.kind === 'scalar') item.value = `${name}=${value}`
    }
  }
}

export function normalize(root: MapNode, projectName: string, environment: Environment): void {
  connectToDefaultNetwork(root)
  for (const service of mapAt(root, 'services')?.entries.values() ?? []) {
    if (service.kind === 'map') normalizeService(service, environment)
  }
  nameResources(root, projectName)
}

function connectToDefaultNetwork(root: MapNode): void {
  let isUsed = false
  for (const service of mapAt(root, 'services')?.entries.values() ?? []) {
    if (service.kind !== 'map' || service.entries.has('provider') || service.entries.has('network_mode')) continue
    const networks = service.entries.get('networks')
    if (networks === undefined || (networks.kind === 'map' && networks.entries.size === 0)) {
      put(service, 'networks', mapNode([['default', nullNode(service.at)]], service.at))
      isUsed = true
    } else if (networks.kind === 'map' && networks.entries.has('default')) {
      isUsed = true
    }
  }
  if (!isUsed) return
  let networks = root.entries.get('networks')
  if (networks?.kind !== 'map') {
    networks = mapNode([], root.at)
    root.entries.set('networks', networks)
  }
  if (!networks.entries.has('default')) networks.entries.set('default', nullNode(root.at))
}

function normalizeService(service: MapNode, environment: Environment): void {
  if (textOf(service.entries.get('pull_policy')) === 'if_not_present') {
    put(service, 'pull_policy', textNode('missing', service.entries.get('pull_policy')!.at))
  }
  const build = mapAt(service, 'build')
  if (build !== undefined) {
    if (!build.entries.has('context')) build.entries.set('context', textNode('.', build.at))
    if (!build.entries.has('dockerfile') && !build.entries.has('dockerfile_inline')) {
      build.entries.set('dockerfile', textNode('Dockerfile', build.at))
    }
    resolveByName(build.entries.get('args'), environment, 'drop')
  }
  resolveByName(service.entries.get('environment'), environment, 'keep')
  for (const mount of listAt(service, 'volumes')?.items ?? []) {
    const target = mount.kind === 'map' ? mount.entries.get('target') : undefined
    if (target?.kind === 'scalar' && typeof target.value === 'string') target.value = cleanPath(target.value)
  }
  addImpliedDependencies(service)
}

/** `NAME` alone takes the value of the environment; `unset` says what becomes of a name that is not there either. */
function resolveByName(node: Node | undefined, environment: Environment, unset: 'keep' | 'drop'): void {
  if (node?.kind === 'map') {
    for (const [name, value] of [...node.entries]) {
      if (!isNull(value)) continue
      const found = environment.get(name)
      if (found !== undefined) put(node, name, textNode(found, value.at))
      else if (unset === 'drop') node.entries.delete(name)
    }
  } else if (node?.kind === 'list') {
    node.items = node.items.filter((item) => {
      const name = textOf(item)
      if (name === undefined || name.includes('=') || item.kind !== 'scalar') return true
      const found = environment.get(name)
      if (found !== undefined) item.value = `${name}=${found}`
      return found !== undefined || unset === 'keep'
    })
  }
}

const SHARED_NAMESPACES = ['network_mode', 'ipc', 'pid', 'uts', 'cgroup']

function addImpliedDependencies(service: MapNode): void {
  const dependencies = mapAt(service, 'depends_on') ?? mapNode([], service.at)
  const depend = (name: string, restart: boolean, at: Node): void => {
    if (dependencies.entries.has(name)) return
    const dependency = mapNode(
      [
        ['condition', textNode('service_started', at.at)],
        ['restart', boolNode(restart, at.at)],
        ['required', boolNode(true, at.at)],
      ],
      at.at,
    )
    dependencies.entries.set(name, dependency)
  }
  for (const link of listAt(service, 'links')?.items ?? []) {
    const parts = (textOf(link) ?? '').split(':')
    depend(parts.length === 2 ? parts[0]! : parts.join(':'), true, link)
  }
  for (const key of SHARED_NAMESPACES) {
    const mode = service.entries.get(key)
    const other = textOf(mode)
    if (mode !== undefined && other?.startsWith('service:')) depend(other.slice('service:'.length), true, mode)
  }
  for (const from of listAt(service, 'volumes_from')?.items ?? []) {
    const spec = textOf(from) ?? ''
    if (!spec.startsWith('container:')) depend(spec.split(':')[0]!, false, from)
  }
  if (dependencies.entries.size > 0) service.entries.set('depends_on', dependencies)
}

function nameResources(root: MapNode, projectName: string): void {
  for (const section of ['networks', 'volumes', 'configs', 'secrets']) {
    for (const [key, node] of mapAt(root, section)?.entries ?? []) {
      const resource = node.kind === 'map' ? node : mapNode([], node.at)
      resource.keyAt ??= node.keyAt
      const name = resource.entries.get('name')
      if (name === undefined || isNull(name)) {
        const external = resource.entries.get('external')
        const isExternal = external?.kind === 'scalar' && external.value === true
        resource.entries.set('name', textNode(isExternal ? key : `${projectName}_${key}`, resource.at))
      }
      mapAt(root, section)!.entries.set(key, resource)
    }
  }
}
