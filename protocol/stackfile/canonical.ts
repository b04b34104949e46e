/** Short forms to long forms, key by key: after this a port is a map, a dependency has a condition, a build a context. */
import type { LoadContext } from './context.ts'
import { cleanPath } from './file-paths.ts'
import { parsePorts } from './ports.ts'
import {
  boolNode,
  intNode,
  type KeyPath,
  type ListNode,
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
import { parseVolume, type VolumeSpec } from './volume-spec.ts'

type Form = (node: Node, path: KeyPath, context: LoadContext) => Node

/** Malformed nodes pass unchanged: the schema has said what is wrong with them. */
export function makeCanonical(root: MapNode, context: LoadContext): void {
  const services = root.entries.get('services')
  if (services?.kind === 'map') {
    for (const [name, service] of services.entries) {
      if (service.kind === 'map') applyForms(service, SERVICE_FORMS, ['services', name], context)
    }
  }
  for (const section of ['volumes', 'networks', 'secrets', 'configs']) {
    const resources = root.entries.get(section)
    if (resources?.kind !== 'map') continue
    for (const [name, resource] of resources.entries) {
      if (resource.kind === 'map') adoptExternalName(resource, [section, name], context)
    }
  }
}

function applyForms(map: MapNode, forms: Readonly<Record<string, Form>>, path: KeyPath, context: LoadContext): void {
  for (const [key, node] of map.entries) {
    if (!Object.hasOwn(forms, key)) continue
    const long = forms[key]!(node, [...path, key], context)
    long.keyAt ??= node.keyAt
    map.entries.set(key, long)
  }
}

const eachItem =
  (form: Form): Form =>
  (node, path, context) => {
    if (node.kind === 'list') {
      node.items = node.items.map((item, index) => form(item, [...path, index], context))
    }
    return node
  }

const eachValue =
  (forms: Readonly<Record<string, Form>>): Form =>
  (node, path, context) => {
    if (node.kind === 'map') applyForms(node, forms, path, context)
    return node
  }

const textToList: Form = (node) => (textOf(node) === undefined ? node : listNode([node], node.at))

const textToMap =
  (key: string): Form =>
  (node) =>
    textOf(node) === undefined ? node : mapNode([[key, textNode(textOf(node)!, node.at)]], node.at)

/** A list of names as a map of names without values; undefined where an item is no name. */
function namesAsMap(list: ListNode): MapNode | undefined {
  const map = mapNode([], list.at)
  for (const item of list.items) {
    const name = textOf(item)
    if (name === undefined) return undefined
    map.entries.set(name, { ...nullNode(item.at), keyAt: item.at })
  }
  return map
}

const namesToMap: Form = (node) => (node.kind === 'list' ? (namesAsMap(node) ?? node) : node)

const dependsOn: Form = (node, _path, { budget }) => {
  const map = node.kind === 'list' ? namesAsMap(node) : node
  if (map?.kind !== 'map') return node
  for (const [name, given] of map.entries) {
    if (given.kind !== 'map' && node.kind === 'map') continue
    const dependency = given.kind === 'map' ? given : mapNode([], given.at)
    if (!dependency.entries.has('condition')) {
      budget.spendDependency(dependency.at)
      dependency.entries.set('condition', textNode('service_started', dependency.at))
    }
    if (!dependency.entries.has('required')) dependency.entries.set('required', boolNode(true, dependency.at))
    dependency.keyAt ??= given.keyAt
    map.entries.set(name, dependency)
  }
  return map
}

const envFile: Form = (node) => {
  const entry = (item: Node): Node => {
    const path = textOf(item)
    if (path !== undefined) {
      return mapNode(
        [
          ['path', textNode(path, item.at)],
          ['required', boolNode(true, item.at)],
        ],
        item.at,
      )
    }
    if (item.kind === 'map' && !item.entries.has('required')) item.entries.set('required', boolNode(true, item.at))
    return item
  }
  if (node.kind === 'list') {
    node.items = node.items.map(entry)
    return node
  }
  return textOf(node) === undefined ? node : listNode([entry(node)], node.at)
}

const keyValues: Form = (node, path, context) => {
  if (node.kind !== 'list') return node
  const map = mapNode([], node.at)
  for (const [index, item] of node.items.entries()) {
    const text = textOf(item)
    const equals = text?.indexOf('=') ?? -1
    if (text === undefined || equals === -1) {
      if (context.interpolate) context.findings.add('Must be written as NAME=VALUE', item, { path: [...path, index] })
      return node
    }
    map.entries.set(text.slice(0, equals), { ...textNode(text.slice(equals + 1), item.at), keyAt: item.at })
  }
  return map
}

const ssh: Form = (node, path, context) => {
  if (node.kind !== 'list') return node
  const map = mapNode([], node.at)
  for (const [index, item] of node.items.entries()) {
    const text = textOf(item) ?? ''
    const equals = text.indexOf('=')
    if (equals === -1 && text !== 'default') {
      context.findings.add(`"${text}" must be "default" or ID=PATH`, item, { path: [...path, index] })
      return node
    }
    if (equals === -1) map.entries.set(text, { ...nullNode(item.at), keyAt: item.at })
    else map.entries.set(text.slice(0, equals), { ...textNode(text.slice(equals + 1), item.at), keyAt: item.at })
  }
  return map
}

const gpus: Form = (node) =>
  textOf(node) === undefined ? node : listNode([mapNode([['count', textNode('all', node.at)]], node.at)], node.at)

const boolToText: Form = (node) =>
  node.kind === 'scalar' && node.type === 'bool' ? textNode(String(node.value), node.at) : node

const device: Form = (node, path, context) => {
  const spec = textOf(node)
  if (spec === undefined) return node
  const [source = '', target = '', permissions = 'rwm', ...more] = spec.split(':')
  if (more.length > 0) {
    if (context.interpolate) {
      context.findings.add(`"${spec}" has too many colons for a device`, node, {
        path,
        hint: 'Write it as a mapping with source, target and permissions.',
      })
    }
    return node
  }
  return mapNode(
    [
      ['source', textNode(source, node.at)],
      ['target', textNode(target || source, node.at)],
      ['permissions', textNode(permissions, node.at)],
    ],
    node.at,
  )
}

const ports: Form = (node, path, context) => {
  if (node.kind !== 'list') return node
  const long: Node[] = []
  for (const [index, item] of node.items.entries()) {
    if (item.kind === 'map') {
      long.push(item)
      continue
    }
    const spec = textOf(item) ?? (item.kind === 'scalar' && item.type === 'int' ? String(item.value) : undefined)
    const bindings = spec === undefined ? 'A port must be a whole number, text or a mapping' : parsePorts(spec)
    if (typeof bindings === 'string') {
      if (!context.interpolate) return node
      context.findings.add(bindings, item, { path: [...path, index] })
      continue
    }
    context.budget.spendPorts(bindings.length, item.at)
    for (const { target, published, hostIp, protocol } of bindings) {
      const port = mapNode([['mode', textNode('ingress', item.at)]], item.at)
      if (hostIp !== '') port.entries.set('host_ip', textNode(hostIp, item.at))
      if (target !== 0) port.entries.set('target', intNode(target, item.at))
      if (published !== '') port.entries.set('published', textNode(published, item.at))
      port.entries.set('protocol', textNode(protocol, item.at))
      long.push(port)
    }
  }
  node.items = long
  return node
}

const mount: Form = (node, path, context) => {
  const spec = textOf(node)
  if (spec === undefined) return node
  const volume = parseVolume(spec)
  if (typeof volume === 'string') {
    if (context.interpolate) context.findings.add(volume, node, { path })
    return node
  }
  const { at } = node
  warnOfVolume(spec, volume, node, context)
  const long = mapNode([['type', textNode(volume.type, at)]], at)
  if (volume.source !== '') long.entries.set('source', textNode(volume.source, at))
  long.entries.set('target', textNode(cleanPath(volume.target), at))
  if (volume.readOnly) long.entries.set('read_only', boolNode(true, at))
  const hasBind = volume.type === 'bind' || volume.propagation !== '' || volume.selinux !== ''
  if (hasBind) {
    const bind = mapNode([], at)
    if (volume.selinux !== '') bind.entries.set('selinux', textNode(volume.selinux, at))
    if (volume.propagation !== '') bind.entries.set('propagation', textNode(volume.propagation, at))
    if (volume.type === 'bind') bind.entries.set('create_host_path', boolNode(true, at))
    long.entries.set('bind', bind)
  }
  if (volume.noCopy || (volume.type === 'volume' && !volume.isBare)) {
    long.entries.set('volume', mapNode(volume.noCopy ? [['nocopy', boolNode(true, at)]] : [], at))
  }
  return long
}

/** What Compose takes without a word and the Engine refuses, or does otherwise than it looks. */
function warnOfVolume(spec: string, volume: VolumeSpec, node: Node, { findings }: LoadContext): void {
  if (volume.unknownOptions.length > 0) {
    findings.warn(`Volume options ${volume.unknownOptions.join(', ')} are not known and have no effect`, node)
  }
  if (volume.source === '' && /^[a-zA-Z]:/.test(volume.target)) {
    findings.warn(`"${spec}" reads as a Windows path: a volume name needs two letters or more`, node)
  } else if (!/^([/\\]|[a-zA-Z]:)/.test(volume.target)) {
    findings.warn(`The target "${volume.target}" is no absolute path`, node)
  }
}

const fileReferences = eachItem(textToMap('source'))

const SERVICE_FORMS: Readonly<Record<string, Form>> = {
  build: (node, path, context) =>
    eachValue({
      secrets: fileReferences,
      provenance: boolToText,
      sbom: boolToText,
      additional_contexts: keyValues,
      ssh,
    })(textToMap('context')(node, path, context), path, context),
  configs: fileReferences,
  depends_on: dependsOn,
  develop: eachValue({ watch: eachItem(eachValue({ ignore: textToList, include: textToList })) }),
  devices: eachItem(device),
  dns: textToList,
  env_file: envFile,
  extends: textToMap('service'),
  gpus,
  label_file: textToList,
  models: namesToMap,
  networks: namesToMap,
  ports,
  secrets: fileReferences,
  volumes: eachItem(mount),
}

/** `external: {name: x}` is the old form of `external: true` with `name: x`. */
function adoptExternalName(resource: MapNode, path: KeyPath, context: LoadContext): void {
  const external = resource.entries.get('external')
  if (external?.kind !== 'map') return
  put(resource, 'external', boolNode(true, external.at))
  const oldName = external.entries.get('name')
  if (oldName === undefined) return
  context.warn(`${path.join('.')}: external.name is deprecated. Please set name and external: true`)
  const name = resource.entries.get('name')
  if (name === undefined) resource.entries.set('name', oldName)
  else if (!sameNode(name, oldName)) {
    context.findings.add('name and external.name differ; use name only', oldName, {
      path: [...path, 'external', 'name'],
    })
  }
}
