/** What Compose writes out where a file is silent, and the few rules that hold for one section by itself. */
import type { Findings } from './findings.ts'
import { isIp } from './ports.ts'
import { formatScalar, type KeyPath, listAt, type MapNode, mapAt, type Node, textNode, textOf } from './tree.ts'

export function setDefaults(root: MapNode): void {
  for (const service of mapAt(root, 'services')?.entries.values() ?? []) {
    if (service.kind !== 'map') continue
    const build = mapAt(service, 'build')
    if (build !== undefined) setDefault(build, 'context', '.')
    for (const secret of listAt(service, 'secrets')?.items ?? []) {
      if (secret.kind !== 'map') continue
      setDefault(secret, 'target', `/run/secrets/${textOf(secret.entries.get('source')) ?? ''}`)
    }
    for (const port of listAt(service, 'ports')?.items ?? []) {
      if (port.kind !== 'map') continue
      setDefault(port, 'protocol', 'tcp')
      setDefault(port, 'mode', 'ingress')
    }
    for (const request of deviceRequests(service)) {
      const { node } = request
      if (node.kind === 'map' && !node.entries.has('device_ids')) setDefault(node, 'count', 'all')
    }
  }
}

function setDefault(map: MapNode, key: string, value: string): void {
  if (!map.entries.has(key)) map.entries.set(key, textNode(value, map.at))
}

function* deviceRequests(service: MapNode): Generator<{ node: Node; path: KeyPath }> {
  const resources = mapAt(mapAt(service, 'deploy') ?? service, 'resources')
  const reservations = resources === undefined ? undefined : mapAt(resources, 'reservations')
  const devices = reservations === undefined ? undefined : listAt(reservations, 'devices')
  for (const [index, node] of devices?.items.entries() ?? []) {
    yield { node, path: ['deploy', 'resources', 'reservations', 'devices', index] }
  }
  for (const [index, node] of listAt(service, 'gpus')?.items.entries() ?? []) yield { node, path: ['gpus', index] }
}

export function checkSections(root: MapNode, findings: Findings): void {
  for (const [name, volume] of mapAt(root, 'volumes')?.entries ?? []) {
    if (volume.kind === 'map') checkExternalVolume(volume, ['volumes', name], findings)
  }
  for (const [name, config] of mapAt(root, 'configs')?.entries ?? []) {
    checkFileObject(config, ['file', 'environment', 'content'], ['configs', name], findings)
  }
  for (const [name, secret] of mapAt(root, 'secrets')?.entries ?? []) {
    checkFileObject(secret, ['file', 'environment'], ['secrets', name], findings)
  }
  for (const [name, service] of mapAt(root, 'services')?.entries ?? []) {
    if (service.kind === 'map') checkService(service, ['services', name], findings)
  }
}

function checkExternalVolume(volume: MapNode, path: KeyPath, findings: Findings): void {
  const external = volume.entries.get('external')
  if (external?.kind !== 'scalar' || external.value !== true) return
  for (const [key, value] of volume.entries) {
    if (key === 'name' || key === 'external' || key.startsWith('x-')) continue
    findings.addAtKey(`An external volume cannot have "${key}"`, value, {
      path: [...path, key],
      hint: 'Only name may stand beside external: the volume exists already.',
    })
  }
}

function checkFileObject(object: Node, sources: readonly string[], path: KeyPath, findings: Findings): void {
  if (object.kind !== 'map') return
  const given = sources.filter((key) => object.entries.has(key))
  if (given.length > 1) {
    findings.addAtKey(`"${path.at(-1)}" has ${given.join(' and ')}: only one of them may be set`, object, { path })
  } else if (given.length === 0 && !object.entries.has('driver') && !object.entries.has('external')) {
    findings.addAtKey(`"${path.at(-1)}" needs one of ${sources.join(', ')} or external`, object, { path })
  }
}

function checkService(service: MapNode, path: KeyPath, findings: Findings): void {
  for (const [index, port] of listAt(service, 'ports')?.items.entries() ?? []) {
    const target = port.kind === 'map' ? port.entries.get('target') : undefined
    if (target?.kind === 'scalar' && Number(target.value) > 65535) findings.warn('There is no port above 65535', target)
    const address = port.kind === 'map' ? port.entries.get('host_ip') : undefined
    if (address?.kind !== 'scalar' || isIp(formatScalar(address))) continue
    findings.add(`"${formatScalar(address)}" is no IP address`, address, { path: [...path, 'ports', index, 'host_ip'] })
  }
  const develop = mapAt(service, 'develop')
  const watch = develop === undefined ? undefined : listAt(develop, 'watch')
  for (const [index, trigger] of watch?.items.entries() ?? []) {
    const watched = trigger.kind === 'map' ? trigger.entries.get('path') : undefined
    if (watched === undefined || textOf(watched) !== '') continue
    findings.add('The path to watch is empty', watched, { path: [...path, 'develop', 'watch', index, 'path'] })
  }
  for (const { node, path: at } of deviceRequests(service)) {
    if (node.kind !== 'map' || !node.entries.has('count') || !node.entries.has('device_ids')) continue
    findings.add('Of count and device_ids only one may be set', node, { path: [...path, ...at] })
  }
}
