/** What the machine shows, in the words of the Engine's API. */
import type {
  ContainerInspect,
  ContainerSummary,
  Filters,
  ImageInspect,
  NetworkInfo,
  VolumeInfo,
} from '../../daemon/engine/types.ts'
import { matchesLabels } from './event-streams.ts'
import type { Machine } from './machine.ts'
import { Refusal } from './refusal.ts'
import { isUp, type SimulatedContainer, type SimulatedNetwork, type SimulatedVolume } from './simulated-objects.ts'
import { statusText } from './status-text.ts'

/** Lists are of what was written down last (moby's view of its containers), an inspect is of what is. */
export function listContainers(machine: Machine, all: boolean, filters: Filters): ContainerSummary[] {
  const found: ContainerSummary[] = []
  const { id, label, name } = filters
  for (const container of machine.containers.values()) {
    if (!all && !isUp(container.shown ?? container)) continue
    if (label !== undefined && !matchesLabels(container.labels, label)) continue
    if (name !== undefined && !name.some((part) => container.name.includes(part))) continue
    if (id !== undefined && !id.some((start) => container.id.startsWith(start))) continue
    found.push(summaryOf(machine, container))
  }
  // Newest first, as the Engine has it.
  return found.reverse()
}

function summaryOf(machine: Machine, container: SimulatedContainer): ContainerSummary {
  const shown = container.shown ?? container
  const bound = shown.state === 'running' || shown.state === 'paused'
  const networks: Record<string, { NetworkID: string; IPAddress: string; Aliases: string[] | null }> = {}
  for (const [name, endpoint] of container.networks)
    networks[name] = { NetworkID: endpoint.networkId, IPAddress: '', Aliases: null }
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.body.Image,
    ImageID: container.imageId,
    Command: '',
    Created: Math.floor(container.createdAtMs / 1000),
    Labels: container.labels,
    State: shown.state,
    Status: statusText(shown, machine.wall.nowMs()),
    Ports: bound
      ? container.ports.flatMap(({ ip, hostPort, port, protocol }) =>
          (ip === '' ? ['0.0.0.0', '::'] : [ip]).map((IP) => ({
            IP,
            PrivatePort: port,
            PublicPort: hostPort,
            Type: protocol,
          })),
        )
      : [],
    HostConfig: { NetworkMode: String(container.body.HostConfig?.NetworkMode ?? 'bridge') },
    NetworkSettings: { Networks: networks },
    Mounts: container.mounts,
  }
}

const iso = (ms: number): string => (ms === 0 ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString())

export function inspectContainer(machine: Machine, container: SimulatedContainer): ContainerInspect {
  const { body, state } = container
  const runs = isUp(container)
  const entry = { Start: '', End: '', ExitCode: 1, Output: 'simulated: not well' }
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Created: iso(container.createdAtMs),
    Image: container.imageId,
    RestartCount: container.restartCount,
    State: {
      Status: state,
      Running: runs,
      Paused: state === 'paused',
      Restarting: state === 'restarting',
      OOMKilled: false,
      Dead: state === 'dead',
      Pid: runs ? 100 : 0,
      ExitCode: container.exitCode,
      Error: '',
      StartedAt: iso(container.startedAtMs),
      FinishedAt: iso(container.finishedAtMs),
      ...(container.health === undefined
        ? {}
        : {
            Health: {
              Status: container.health,
              FailingStreak: container.failingStreak,
              Log: container.failingStreak > 0 ? [entry] : [],
            },
          }),
    },
    Config: {
      Image: body.Image,
      Labels: container.labels,
      Tty: body.Tty === true,
      OpenStdin: body.OpenStdin === true,
      Env: container.env,
      Cmd: null,
      ...(body.StopSignal === undefined ? {} : { StopSignal: body.StopSignal }),
    },
    HostConfig: {
      ...body.HostConfig,
      RestartPolicy: container.policy,
      NetworkMode: String(body.HostConfig?.NetworkMode ?? 'bridge'),
    },
    Mounts: container.mounts,
    NetworkSettings: {
      Networks: Object.fromEntries(
        [...container.networks].map(([name, { networkId, settings }]) => [
          name,
          {
            NetworkID: networkId,
            EndpointID: '',
            IPAddress: runs ? machine.newAddress() : '',
            Aliases: settings.Aliases ?? null,
          },
        ]),
      ),
      Ports: {},
    },
  }
}

export function inspectImage(machine: Machine, reference: string): ImageInspect | undefined {
  const image = machine.images.get(machine.tags.get(reference) ?? reference)
  if (image === undefined) return undefined
  return {
    Id: image.id,
    RepoTags: [...machine.tags].filter(([, id]) => id === image.id).map(([tag]) => tag),
    RepoDigests: [],
    Created: '2026-01-01T00:00:00Z',
    Size: 1,
    Os: 'linux',
    Architecture: 'amd64',
    Config: {
      Volumes: image.volumes.length === 0 ? null : Object.fromEntries(image.volumes.map((v) => [v, {}])),
      ...(image.entrypoint === undefined ? {} : { Entrypoint: image.entrypoint }),
    },
  }
}

export function listImages(machine: Machine, { reference }: Filters): { Id: string }[] {
  if (reference === undefined) return [...machine.images.keys()].map((Id) => ({ Id }))
  const ids = reference.flatMap((name) => machine.tags.get(name) ?? [])
  return [...new Set(ids)].map((Id) => ({ Id }))
}

export function networkInfo(machine: Machine, network: SimulatedNetwork): NetworkInfo {
  return {
    Id: network.id,
    Name: network.name,
    Driver: network.driver,
    Scope: 'local',
    Internal: network.internal,
    Attachable: false,
    EnableIPv6: false,
    Labels: network.labels,
    Options: {},
    IPAM: { Driver: 'default', Config: [] },
    Containers: Object.fromEntries(
      machine.networks.usersOf(network).map((container) => [container.id, { Name: container.name, EndpointID: '' }]),
    ),
  }
}

/** The name filter matches parts of names. A list has no `Containers`. */
export function listNetworks(machine: Machine, filters: Filters): NetworkInfo[] {
  const found: NetworkInfo[] = []
  for (const network of machine.networks.all()) {
    if (!fits(network, filters)) continue
    const { id, name, driver, internal, labels } = network
    found.push({
      Id: id,
      Name: name,
      Driver: driver,
      Scope: 'local',
      Internal: internal,
      Attachable: false,
      EnableIPv6: false,
      Labels: labels,
      Options: {},
      IPAM: { Driver: 'default', Config: [] },
    })
  }
  return found
}

export const volumeInfo = ({ name, labels }: SimulatedVolume): VolumeInfo => ({
  Name: name,
  Driver: 'local',
  Mountpoint: `/var/lib/docker/volumes/${name}/_data`,
  Labels: labels,
  Options: null,
  Scope: 'local',
})

export function inspectVolume(machine: Machine, name: string): VolumeInfo {
  const volume = machine.volumes.find(name)
  if (volume === undefined) throw new Refusal(404, `get ${name}: no such volume`)
  return volumeInfo(volume)
}

export function listVolumes(machine: Machine, filters: Filters): VolumeInfo[] {
  const found: VolumeInfo[] = []
  for (const volume of machine.volumes.all()) if (fits(volume, filters)) found.push(volumeInfo(volume))
  return found
}

function fits(
  { name, labels }: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  filters: Filters,
): boolean {
  if (filters.label !== undefined && !matchesLabels(labels, filters.label)) return false
  return filters.name === undefined || filters.name.some((part) => name.includes(part))
}
