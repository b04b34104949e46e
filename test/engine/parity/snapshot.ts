/** What a project has on an Engine, as one document that does not depend on which of the two made it. */
import { extract } from 'tar-stream'
import type { ContainerInspect, Engine, NetworkInfo, VolumeInfo } from '../../../daemon/engine/types.ts'
import type { Case } from './cases.ts'

type Fields = Record<string, unknown>

/** Chosen by the Engine for each object, or what has become of it since. */
const DROPPED = {
  container: [
    ...['Id', 'Created', 'State', 'ResolvConfPath', 'HostnamePath', 'HostsPath', 'LogPath', 'GraphDriver', 'Storage'],
  ],
  /** Filled in while the container runs. What the file says about addresses is in IPAMConfig. */
  endpoint: [
    ...['EndpointID', 'Gateway', 'IPAddress', 'IPPrefixLen', 'IPv6Gateway', 'GlobalIPv6Address', 'GlobalIPv6PrefixLen'],
  ],
  network: ['Id', 'Created', 'Containers', 'Status'],
  volume: ['CreatedAt', 'UsageData', 'Status'],
  /** Read by nobody but their writer, like ours (`dev.evenkeel.*`, dropped as well). */
  labels: ['com.docker.compose.config-hash', 'com.docker.compose.version'],
}

/** Names that each of our containers has beside Compose's: `SERVICE.STACK` and `REPLICA.SERVICE.STACK`. On purpose. */
const OUR_NAMES = /^(\d+\.)?[^.]+\.PROJECT$/

/** The Engine stores null, [] and {} as they come, and treats them alike: there are none. */
const NONE_WHEN_EMPTY = {
  hostConfig: ['ExtraHosts', 'PortBindings', 'Links', 'Binds', 'Mounts', 'Tmpfs', 'LogConfig.Config'],
  endpoint: ['IPAMConfig', 'Links', 'DriverOpts'],
}

export async function snapshot(engine: Engine, testCase: Case, project: string): Promise<unknown> {
  const filters = { label: [`com.docker.compose.project=${project}`] }
  const [listed, networkList, volumes] = await Promise.all([
    engine.containers.list({ all: true, filters }),
    engine.networks.list({ filters }),
    engine.volumes.list({ filters }),
  ])
  const [containers, networks] = await Promise.all([
    Promise.all(listed.map(({ Id }) => engine.containers.inspect(Id))),
    Promise.all(networkList.map(({ Id }) => engine.networks.inspect(Id))),
  ])
  const documents = {
    containers: byName(containers, containerDocument),
    networks: byName(networks, (network) => networkDocument(network, testCase)),
    volumes: byName(volumes, volumeDocument),
    files: Object.fromEntries(
      await Promise.all(
        containers.map(async (container) => [container.Name, await filesOf(engine, container.Id, testCase.files)]),
      ),
    ),
  }
  let text = JSON.stringify(documents)
  for (const { Id, Name } of [...containers, ...networks]) {
    text = text.replaceAll(Id, `<id of ${Name}>`).replaceAll(Id.slice(0, 12), `<short id of ${Name}>`)
  }
  return JSON.parse(text.replaceAll(project, 'PROJECT'), (key, value) =>
    key === 'Aliases' || key === 'DNSNames' ? withoutOurNames(value) : value,
  )
}

const withoutOurNames = (names: unknown): unknown =>
  Array.isArray(names) ? names.filter((name) => !OUR_NAMES.test(String(name))) : names

function byName<T extends { readonly Name: string }>(list: readonly T[], document: (item: T) => Fields): Fields {
  return Object.fromEntries(list.map((item) => [item.Name, document(item)]))
}

function containerDocument(container: ContainerInspect): Fields {
  const document = without(structuredClone(container) as unknown as Fields, DROPPED.container)
  const config = document.Config as Fields
  config.Labels = labelsOf(container.Config.Labels)
  // Compose goes through maps of Go, whose order changes from one run to the next.
  config.Env = sorted(config.Env)
  const host = document.HostConfig as Fields
  host.Binds = sorted(host.Binds)
  host.Links = linksOf(host.Links)
  host.ExtraHosts = sorted(host.ExtraHosts)
  host.Mounts = sorted(withoutEmptyOptions(host.Mounts), 'Target')
  host.Ulimits = sorted(host.Ulimits, 'Name')
  noneWhenEmpty(host, NONE_WHEN_EMPTY.hostConfig)
  document.Mounts = sorted(container.Mounts.map(withoutRandomNames), 'Destination')
  const networks = Object.entries(container.NetworkSettings.Networks as unknown as Record<string, Fields>)
  document.NetworkSettings = {
    Networks: Object.fromEntries(networks.map(([name, it]) => [name, endpointDocument(it)])),
  }
  return document
}

function endpointDocument(endpoint: Fields): Fields {
  const document = without(endpoint, DROPPED.endpoint)
  document.Links = linksOf(document.Links)
  document.DNSNames = sorted(document.DNSNames)
  noneWhenEmpty(document, NONE_WHEN_EMPTY.endpoint)
  return document
}

/** Options of a mount that say nothing are as good as none. */
function withoutEmptyOptions(mounts: unknown): unknown {
  if (!Array.isArray(mounts)) return mounts
  const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0
  return mounts.map((mount: Fields) => Object.fromEntries(Object.entries(mount).filter(([, value]) => !isEmpty(value))))
}

/** The same link twice is one link. */
function linksOf(links: unknown): unknown {
  return Array.isArray(links) ? sorted([...new Set(links)]) : links
}

/** The name of an anonymous volume is random, and so is the folder where an image's layers meet. */
function withoutRandomNames(mount: Fields): Fields {
  if (mount.Type === 'image') return without(mount, ['Source'])
  const name = String(mount.Name ?? '')
  if (!/^[0-9a-f]{64}$/.test(name)) return mount
  return { ...mount, Name: '<anonymous>', Source: String(mount.Source).replace(name, '<anonymous>') }
}

function networkDocument(network: NetworkInfo, testCase: Case): Fields {
  const document = without(network as unknown as Fields, DROPPED.network)
  document.Labels = labelsOf(network.Labels ?? {})
  if (!testCase.networksWithPools.has(network.Labels?.['com.docker.compose.network'] ?? '')) {
    document.IPAM = without(network.IPAM as unknown as Fields, ['Config'])
  }
  return document
}

function volumeDocument(volume: VolumeInfo): Fields {
  return { ...without(volume as unknown as Fields, DROPPED.volume), Labels: labelsOf(volume.Labels ?? {}) }
}

function labelsOf(labels: Readonly<Record<string, string>>): Fields {
  const kept = without({ ...labels }, DROPPED.labels)
  const dependencies = labels['com.docker.compose.depends_on']
  if (dependencies !== undefined) kept['com.docker.compose.depends_on'] = dependencies.split(',').sort().join(',')
  return Object.fromEntries(Object.entries(kept).filter(([name]) => !name.startsWith('dev.evenkeel.')))
}

async function filesOf(engine: Engine, id: string, paths: readonly string[]): Promise<Fields> {
  const files: Fields = {}
  for (const path of paths) {
    const { tar } = await engine.containers.getArchive(id, path)
    for await (const entry of tar.pipe(extract())) {
      const { mode, uid, gid } = entry.header
      let content = ''
      for await (const chunk of entry) content += chunk
      files[path] = { mode: mode?.toString(8), uid, gid, content }
    }
  }
  return files
}

function without(document: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !names.includes(name)))
}

function sorted(list: unknown, by?: string): unknown {
  if (!Array.isArray(list)) return list
  const key = (item: unknown) => (by === undefined ? String(item) : String((item as Fields)[by]))
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function noneWhenEmpty(document: Fields, paths: readonly string[]): void {
  for (const path of paths) {
    const names = path.split('.')
    const last = names.pop()!
    const parent = names.reduce<Fields | undefined>((at, name) => at?.[name] as Fields | undefined, document)
    const value = parent?.[last]
    if (parent === undefined || typeof value !== 'object' || value === null) continue
    if (Object.keys(value).length === 0 || Object.values(value).every((item) => item === '')) parent[last] = null
  }
}
