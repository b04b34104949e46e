/**
 * How a later file changes an earlier one: maps merge, scalars replace, lists append, with Compose's exceptions per key.
 * A null changes nothing, except where null is a value (`command`, `entrypoint`).
 */
import type { Findings } from './findings.ts'
import { PathRules } from './path-rules.ts'
import {
  boolNode,
  cloneNode,
  formatScalar,
  identityOf,
  isNull,
  type KeyPath,
  listNode,
  type MapNode,
  mapNode,
  type Node,
  nullNode,
  put,
  sameNode,
  textNode,
  textOf,
} from './tree.ts'

type Merge = (base: Node, over: Node, path: KeyPath, findings: Findings) => Node

const replace: Merge = (_base, over) => over

const asSequence: Merge = (base, over) => listNode([...toSequence(base), ...toSequence(over)], base.at)

const extraHosts: Merge = (base, over) => {
  const items = toSequence(base)
  const known = new Set(items.map(identityOf))
  const added = toSequence(over).filter((host) => !known.has(identityOf(host)))
  return listNode([...items, ...added], base.at)
}

/** Options of one driver mean nothing to another, so they merge only where the driver stays. */
const logging: Merge = (base, over, path, findings) => {
  if (base.kind !== 'map' || over.kind !== 'map') return mergePlainly(base, over, path, findings)
  const before = base.entries.get('driver')
  const after = over.entries.get('driver')
  if (before !== undefined && after !== undefined && !sameNode(before, after)) return over
  return mergeMaps(base, over, path, findings)
}

const build: Merge = (base, over, path, findings) => {
  const toBuild = (node: Node): Node => {
    if (textOf(node) === undefined) return node
    const map = mapNode([['context', cloneNode(node)]], node.at)
    map.keyAt = node.keyAt
    return map
  }
  return mergePlainly(toBuild(base), toBuild(over), path, findings)
}

/** Lists of names as maps of names, each with the value that `make` gives. */
const asMap =
  (make: (at: Node) => Node): Merge =>
  (base, over, path, findings) => {
    const toMap = (node: Node): Node => {
      if (node.kind !== 'list') return node
      const entries: [string, Node][] = []
      for (const item of node.items) {
        const name = textOf(item)
        if (name === undefined) return node
        const value = make(item)
        value.keyAt = item.at
        entries.push([name, value])
      }
      const map = mapNode(entries, node.at)
      map.keyAt = node.keyAt
      return map
    }
    return mergePlainly(toMap(base), toMap(over), path, findings)
  }

const defaultDependency = (item: Node): Node =>
  mapNode(
    [
      ['condition', textNode('service_started', item.at)],
      ['required', boolNode(true, item.at)],
    ],
    item.at,
  )

const MAX_POOL_PAIRS = 10_000

/** Pools are the same if their subnet is. Each pair is looked at, as Compose does, so order follows the first match. */
const ipamConfig: Merge = (base, over, path, findings) => {
  if (base.kind !== 'list' || over.kind !== 'list') return mergePlainly(base, over, path, findings)
  if (base.items.length * over.items.length > MAX_POOL_PAIRS) {
    findings.add('There are too many address pools to merge', over, { path, hint: 'Use !override to replace them.' })
    return base
  }
  const result: Node[] = []
  const subnet = (node: Node): string | undefined =>
    node.kind === 'map' ? textOf(node.entries.get('subnet')) : undefined
  for (const left of base.items) {
    for (const right of over.items) {
      if (subnet(left) !== subnet(right) && !result.some((known) => subnet(known) === subnet(right))) {
        result.push(cloneNode(right))
        continue
      }
      const merged = mergePlainly(left, cloneNode(right), path, findings)
      const known = result.findIndex((node) => subnet(node) === subnet(merged))
      if (known === -1) result.push(merged)
      else result[known] = merged
    }
  }
  return listNode(result, base.at)
}

const byName = asMap((item) => nullNode(item.at))

const MERGES = new PathRules<Merge>({
  'networks.*.ipam.config': ipamConfig,
  'networks.*.labels': asSequence,
  'volumes.*.labels': asSequence,
  'services.*.annotations': asSequence,
  'services.*.build': build,
  'services.*.build.args': asSequence,
  'services.*.build.additional_contexts': asSequence,
  'services.*.build.extra_hosts': extraHosts,
  'services.*.build.labels': asSequence,
  'services.*.command': replace,
  'services.*.depends_on': asMap(defaultDependency),
  'services.*.deploy.labels': asSequence,
  'services.*.dns': asSequence,
  'services.*.dns_opt': asSequence,
  'services.*.dns_search': asSequence,
  'services.*.entrypoint': replace,
  'services.*.env_file': asSequence,
  'services.*.label_file': asSequence,
  'services.*.environment': asSequence,
  'services.*.extra_hosts': extraHosts,
  'services.*.healthcheck.test': replace,
  'services.*.labels': asSequence,
  'services.*.volumes.*.volume.labels': asSequence,
  'services.*.logging': logging,
  'services.*.models': byName,
  'services.*.networks': byName,
  'services.*.sysctls': asSequence,
  'services.*.tmpfs': asSequence,
  'services.*.ulimits.*': replace,
})

/** `over` on top of `base`. Both may be changed; the result stands in for both. */
export function mergeNodes(base: Node, over: Node, path: KeyPath, findings: Findings): Node {
  const rule = MERGES.at(path)
  return rule === undefined ? mergePlainly(base, over, path, findings) : rule(base, over, path, findings)
}

function mergePlainly(base: Node, over: Node, path: KeyPath, findings: Findings): Node {
  if (isNull(over)) return base
  if (base.kind === 'scalar') return over
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, path, findings)
  if (base.kind === 'list' && over.kind === 'list') {
    for (const item of over.items) base.items.push(item)
    return base
  }
  const { file, line } = base.at.source.place(base.at.start, base.at.end)
  findings.addAtKey(`${KINDS[over.kind]} cannot override ${KINDS[base.kind].toLowerCase()} (${file}:${line})`, over, {
    path,
    hint: 'Use !override to replace instead of merge.',
  })
  return base
}

const KINDS: Readonly<Record<Node['kind'], string>> = { scalar: 'A single value', list: 'A list', map: 'A mapping' }

function mergeMaps(base: MapNode, over: MapNode, path: KeyPath, findings: Findings): MapNode {
  for (const [key, value] of over.entries) {
    const before = base.entries.get(key)
    put(base, key, before === undefined ? value : mergeNodes(before, value, [...path, key], findings))
  }
  return base
}

/** A mapping as a list of `K=V`, sorted; a list as it is; text as a list of one. */
function toSequence(node: Node): Node[] {
  if (node.kind === 'list') return node.items
  if (node.kind === 'scalar') return node.type === 'string' ? [node] : []
  const items: Node[] = []
  for (const [key, value] of node.entries) {
    const values = value.kind === 'list' ? value.items : [value]
    for (const one of values) {
      // What is no scalar stays as it is, for the schema to refuse.
      if (one.kind !== 'scalar') items.push(one)
      else
        items.push({
          ...textNode(one.type === 'null' ? key : `${key}=${formatScalar(one)}`, one.at),
          keyAt: value.keyAt,
        })
    }
  }
  const textual = (node: Node): string => textOf(node) ?? ''
  return items.sort((a, b) => (textual(a) < textual(b) ? -1 : textual(a) > textual(b) ? 1 : 0))
}
