/** What the Engine says now, in the planner's words. Read again for every plan, never stored. */

import type { ContainerSummary, NetworkInfo, VolumeInfo } from '../engine/types.ts'
import type { AddressSpace } from './address-space.ts'
import { containerName } from './container-name.ts'
import { COMPOSE, OURS } from './labels.ts'

export type Ownership = 'ours' | 'foreign'
export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy'

export interface ObservedContainer {
  readonly id: string
  readonly name: string
  readonly ownership: Ownership
  readonly service: string
  readonly replica: number
  readonly oneOff: boolean
  readonly revision: number | undefined
  readonly specHash: string | undefined
  /** Compose's own hash of the service that it was made from. */
  readonly composeHash?: string | undefined
  readonly recreate: number
  readonly restart: number
  /** Undefined: it was made on the networks of the file. */
  readonly release?: number | undefined
  readonly image: string
  readonly imageId: string
  readonly state: ContainerSummary['State']
  /** The Engine cannot start it any more, and it may be made anew. */
  readonly unstartable?: boolean
  readonly health: Health
  readonly exitCode: number | undefined
  /** Unix seconds. */
  readonly created: number
  /** `container:ID` where it lives in the network of another one. */
  readonly networkMode?: string | undefined
  /** Name on the Engine -> id. */
  readonly networks: Readonly<Record<string, string>>
  /** Name on the Engine -> address, of one that runs. */
  readonly addresses?: Readonly<Record<string, string>>
  /** Anonymous volumes by mount target: they move on to the container that takes this one's place. */
  readonly anonymousVolumes: Readonly<Record<string, string>>
  /** Where it can write what outlives it: mount targets of volumes and binds. */
  readonly writableMounts?: readonly string[]
}

export interface ObservedNetwork {
  readonly id: string
  readonly name: string
  readonly ownership: Ownership
  /** Key in a Compose file, where Compose or we made it for this stack. */
  readonly key: string | undefined
  readonly specHash: string | undefined
  /** Undefined: it is one of the file. */
  readonly release?: number | undefined
}

export interface ObservedVolume {
  readonly name: string
  /** Undefined where nobody asked for it, or the Engine does not know it. */
  readonly sizeBytes?: number | undefined
  readonly ownership: Ownership
  /** The project that it was made for, whoever made it; undefined where its labels name none. */
  readonly project: string | undefined
  /** Key in a Compose file, where it was made for this stack. */
  readonly key: string | undefined
  readonly specHash: string | undefined
}

/** A host port that some running container of this Engine publishes, ours or not. */
export interface PublishedPort {
  readonly containerId: string
  readonly containerName: string
  readonly ip: string
  readonly port: number
  readonly protocol: string
}

export interface Observed {
  readonly containers: readonly ObservedContainer[]
  /** All networks and volumes that the stack names, and those that carry its label. */
  readonly networks: readonly ObservedNetwork[]
  readonly volumes: readonly ObservedVolume[]
  readonly ports: readonly PublishedPort[]
  /** Asked for where a network is to be made. */
  readonly addresses?: AddressSpace | undefined
}

/**
 * Health and exit code of a list entry stand only in its text for people (`Up 5 minutes (healthy)`, `Exited (137) ...`),
 * unchanged since Engine 1.12. It saves one inspect per container, which is what makes `ps` of others slow.
 */
export function healthOf(status: string): Health {
  if (status.includes('(healthy)')) return 'healthy'
  if (status.includes('(unhealthy)')) return 'unhealthy'
  return status.includes('(health: starting)') ? 'starting' : 'none'
}

export function exitCodeOf(status: string): number | undefined {
  const match = /^(?:Exited|Restarting) \((-?\d+)\)/.exec(status)
  return match ? Number(match[1]) : undefined
}

const ANONYMOUS_NAME = /^[0-9a-f]{64}$/

export function observeContainer(summary: ContainerSummary, instance: string): ObservedContainer {
  const labels = summary.Labels
  const networks: Record<string, string> = {}
  const addresses: Record<string, string> = {}
  for (const [name, endpoint] of Object.entries(summary.NetworkSettings?.Networks ?? {})) {
    networks[name] = endpoint.NetworkID
    if (endpoint.IPAddress) addresses[name] = endpoint.IPAddress
  }
  const anonymousVolumes: Record<string, string> = {}
  for (const mount of summary.Mounts) {
    if (mount.Type === 'volume' && mount.Name !== undefined && ANONYMOUS_NAME.test(mount.Name)) {
      anonymousVolumes[mount.Destination] = mount.Name
    }
  }
  return {
    id: summary.Id,
    name: containerName(summary),
    ownership: labels[OURS.instance] === instance ? 'ours' : 'foreign',
    service: labels[COMPOSE.service] ?? '',
    replica: Number(labels[COMPOSE.number] ?? 0),
    oneOff: labels[COMPOSE.oneOff] === 'True',
    revision: labels[OURS.revision] === undefined ? undefined : Number(labels[OURS.revision]),
    specHash: labels[OURS.spec],
    composeHash: labels[COMPOSE.configHash],
    recreate: Number(labels[OURS.recreate] ?? 0),
    restart: Number(labels[OURS.restart] ?? 0),
    release: releaseOf(labels),
    image: summary.Image,
    imageId: summary.ImageID,
    state: summary.State,
    health: healthOf(summary.Status),
    exitCode: exitCodeOf(summary.Status),
    created: summary.Created,
    networkMode: summary.HostConfig?.NetworkMode,
    networks,
    addresses,
    anonymousVolumes,
    writableMounts: summary.Mounts.filter(({ Type, RW }) => Type !== 'tmpfs' && RW !== false).map(
      ({ Destination }) => Destination,
    ),
  }
}

/** Made by this daemon for this very stack. What it made for another one is as strange to it as a stranger's. */
const isOurs = (labels: Readonly<Record<string, string>>, instance: string, stack: string): boolean =>
  labels[OURS.instance] === instance && labels[OURS.stack] === stack

export function observeNetwork(info: NetworkInfo, instance: string, stack: string): ObservedNetwork {
  const labels = info.Labels ?? {}
  return {
    id: info.Id,
    name: info.Name,
    ownership: isOurs(labels, instance, stack) ? 'ours' : 'foreign',
    key: labels[COMPOSE.project] === stack ? labels[COMPOSE.network] : undefined,
    specHash: labels[OURS.spec],
    release: releaseOf(labels),
  }
}

const releaseOf = (labels: Readonly<Record<string, string>>): number | undefined =>
  labels[OURS.release] === undefined ? undefined : Number(labels[OURS.release])

export function observeVolume(info: VolumeInfo, instance: string, stack: string): ObservedVolume {
  const labels = info.Labels ?? {}
  return {
    name: info.Name,
    ownership: isOurs(labels, instance, stack) ? 'ours' : 'foreign',
    project: labels[COMPOSE.project],
    key: labels[COMPOSE.project] === stack ? labels[COMPOSE.volume] : undefined,
    specHash: labels[OURS.spec],
  }
}

export function publishedPorts(summaries: readonly ContainerSummary[]): PublishedPort[] {
  return summaries.flatMap((summary) =>
    summary.Ports.filter((port) => port.PublicPort !== undefined).map((port) => ({
      containerId: summary.Id,
      containerName: containerName(summary),
      ip: port.IP ?? '0.0.0.0',
      port: port.PublicPort!,
      protocol: port.Type,
    })),
  )
}
