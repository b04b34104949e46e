/**
 * Folds list entries that mean the same thing: of two environment values of one name, two ports with one binding, two
 * mounts at one target the later wins, at the place of the earlier.
 */
import type { Findings } from './findings.ts'
import { type Branch, branchAt, PathRules } from './path-rules.ts'
import { formatPath, formatScalar, type KeyPath, type ListNode, type MapNode, type Node, textOf } from './tree.ts'
import { parseVolume } from './volume-spec.ts'

/** The identity of an entry; undefined after the error was reported. */
type Identity = (entry: Node, path: KeyPath, findings: Findings | undefined) => string | undefined

const keyOfPair: Identity = (entry, path, findings) => {
  const text = textOf(entry)
  if (text === undefined) {
    findings?.add(`${formatPath(path)} must be text`, entry, { path, hint: 'Put it in quotes.' })
    return undefined
  }
  const equals = text.indexOf('=')
  return equals === -1 ? text : text.slice(0, equals)
}

const volumeTarget: Identity = (entry, path, findings) => {
  if (entry.kind === 'map') {
    const target = textOf(entry.entries.get('target'))
    if (target === undefined) findings?.add('The volume has no target', entry, { path })
    return target
  }
  const spec = textOf(entry)
  if (spec === undefined) return ''
  const parsed = parseVolume(spec)
  // With variables left as they are a spec may be unreadable; the canonical form decides then.
  return typeof parsed === 'string' ? spec : parsed.target
}

const deviceTarget: Identity = (entry, path, findings) => {
  if (entry.kind === 'map') {
    const target = textOf(entry.entries.get('target'))
    if (target === undefined) findings?.add('The device has no target', entry, { path })
    return target
  }
  const parts = (textOf(entry) ?? '').split(':')
  return parts[1] ?? parts[0]
}

const exposed: Identity = (entry, path, findings) => {
  if (entry.kind === 'scalar' && (entry.type === 'string' || entry.type === 'int')) return formatScalar(entry)
  findings?.add('An exposed port must be a whole number or text', entry, { path })
  return undefined
}

const mountPath =
  (folder: string): Identity =>
  (entry) => {
    if (entry.kind !== 'map') return `${folder}/${textOf(entry) ?? ''}`
    return textOf(entry.entries.get('target')) ?? `${folder}/${textOf(entry.entries.get('source')) ?? ''}`
  }

/** A published port as a number and the same as text are different ports to Compose. */
const portBinding: Identity = (entry, path, findings) => {
  if (entry.kind === 'scalar') return formatScalar(entry)
  if (entry.kind === 'list') return ''
  const part = (key: string, otherwise: string): string => {
    const node = entry.entries.get(key)
    return node?.kind === 'scalar' ? `${node.type === 'string' ? '' : node.type}${formatScalar(node)}` : otherwise
  }
  if (!entry.entries.has('target')) {
    findings?.add('The port has no target', entry, { path, hint: 'target is the port inside of the container.' })
    return undefined
  }
  return `${part('host_ip', '0.0.0.0')}:${part('published', '')}:${part('target', '')}/${part('protocol', 'tcp')}`
}

const envFilePath: Identity = (entry, path, findings) => {
  if (entry.kind !== 'map') return textOf(entry) ?? ''
  const file = textOf(entry.entries.get('path'))
  if (file === undefined) findings?.add('The env_file has no path', entry, { path })
  return file
}

const IDENTITIES = new PathRules<Identity>({
  'networks.*.ipam.options': keyOfPair,
  'networks.*.labels': keyOfPair,
  'services.*.annotations': keyOfPair,
  'services.*.build.additional_contexts': keyOfPair,
  'services.*.build.args': keyOfPair,
  'services.*.build.labels': keyOfPair,
  'services.*.build.tags': keyOfPair,
  'services.*.cap_add': keyOfPair,
  'services.*.cap_drop': keyOfPair,
  'services.*.configs': mountPath(''),
  'services.*.deploy.labels': keyOfPair,
  'services.*.devices': deviceTarget,
  'services.*.dns': keyOfPair,
  'services.*.dns_opt': keyOfPair,
  'services.*.dns_search': keyOfPair,
  'services.*.env_file': envFilePath,
  'services.*.environment': keyOfPair,
  'services.*.expose': exposed,
  'services.*.labels': keyOfPair,
  'services.*.links': keyOfPair,
  'services.*.networks.*.aliases': keyOfPair,
  'services.*.networks.*.link_local_ips': keyOfPair,
  'services.*.ports': portBinding,
  'services.*.profiles': keyOfPair,
  'services.*.secrets': mountPath('/run/secrets'),
  'services.*.sysctls': keyOfPair,
  'services.*.tmpfs': keyOfPair,
  'services.*.volumes': volumeTarget,
})

/** @param findings where entries without identity are reported; before the schema ran nobody is told. */
export function foldDuplicates(root: MapNode, findings?: Findings): void {
  visit(root, IDENTITIES.root, [], findings)
}

function visit(
  node: Node,
  identities: Branch<Identity> | undefined,
  path: (string | number)[],
  findings: Findings | undefined,
): void {
  if (identities === undefined) return
  if (node.kind === 'map') {
    for (const [key, value] of node.entries) {
      path.push(key)
      visit(value, branchAt(identities, key), path, findings)
      path.pop()
    }
  } else if (node.kind === 'list' && identities.rule !== undefined) fold(node, identities.rule, path, findings)
}

function fold(list: ListNode, identity: Identity, path: KeyPath, findings: Findings | undefined): void {
  const kept: Node[] = []
  const places = new Map<string, number>()
  for (const [index, entry] of list.items.entries()) {
    const key = identity(entry, [...path, index], findings)
    const place = key === undefined ? undefined : places.get(key)
    if (place === undefined) {
      if (key !== undefined) places.set(key, kept.length)
      kept.push(entry)
    } else {
      kept[place] = entry
    }
  }
  list.items = kept
}
