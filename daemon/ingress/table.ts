/** What the ingress is to serve, of all stacks: read from memory, where it stands before the ingress is told. */
import type { BackendMode, HttpLimits, Routed, ServiceRouting, Split } from '../stack/routing.ts'
import type { MemoryRepository } from '../store/memory.ts'
import { type Weighed, weigh } from './weights.ts'

export interface IngressServer extends Weighed {
  /** The container's id. */
  readonly id: string
  readonly address: string
}

export interface IngressService {
  readonly stack: string
  readonly service: string
  readonly routing: ServiceRouting
  readonly servers: readonly IngressServer[]
  /** Present while what is new for it is to wait: Unix milliseconds. */
  readonly pausedUntilMs?: number | undefined
}

/** A pool of servers behind one port of their containers. */
export interface Backend {
  readonly name: string
  readonly mode: BackendMode
  readonly target: number
  readonly balance: ServiceRouting['balance']
  readonly limits: HttpLimits
  readonly proxyProtocol: boolean
  readonly servers: readonly IngressServer[]
}

export function readTable(memory: Pick<MemoryRepository, 'everywhere'>): IngressService[] {
  const routed = memory.everywhere('routed')
  const pauses = memory.everywhere('traffic-paused')
  const splits = memory.everywhere('split')
  return memory.everywhere('published').map(({ stack, key, value }) => ({
    stack,
    service: key,
    routing: value as ServiceRouting,
    pausedUntilMs: pauses.find((row) => row.stack === stack && row.key === key)?.value as number | undefined,
    servers: serversOf(
      routed.filter((row) => row.stack === stack && (row.value as Routed).service === key),
      splits.find((row) => row.stack === stack && row.key === key)?.value as Split | undefined,
    ),
  }))
}

function serversOf(
  rows: readonly { readonly key: string; readonly value: unknown }[],
  split: Split | undefined,
): IngressServer[] {
  const containers = rows.map(({ key, value }) => {
    const { address, state, isUnready, revision } = value as Routed
    return { id: key, address, state: isUnready === true && state === 'ready' ? 'draining' : state, revision } as const
  })
  const weighed = weigh(containers, split)
  return containers.map(({ id, address }, index) => ({ id, address, ...weighed[index]! }))
}

/** A host that is served over HTTPS. */
export interface EncryptedHost {
  readonly host: string
  /** `own`: only one that somebody imported is taken, where any of its services says so. */
  readonly certificate: 'auto' | 'own'
  readonly usedBy: readonly { readonly stack: string; readonly service: string }[]
}

export function encryptedHosts(services: readonly IngressService[]): EncryptedHost[] {
  const hosts = new Map<string, EncryptedHost>()
  for (const { stack, service, routing } of services)
    for (const { host, tls } of routing.routes) {
      if (host === undefined || tls === undefined) continue
      const { certificate, usedBy } = hosts.get(host) ?? { certificate: tls.certificate, usedBy: [] }
      const isKnown = usedBy.some((one) => one.stack === stack && one.service === service)
      hosts.set(host, {
        host,
        certificate: tls.certificate === 'own' ? 'own' : certificate,
        usedBy: isKnown ? usedBy : [...usedBy, { stack, service }],
      })
    }
  return [...hosts.values()]
}

/** One for each port and mode that something leads to. Neither names of stacks nor of services have a colon. */
export function backendsOf({ stack, service, routing, servers }: IngressService): Backend[] {
  const backends = new Map<string, Backend>()
  const add = (target: number, mode: Backend['mode']): void => {
    const name = backendName(stack, service, target, mode)
    const { balance, limits = {}, proxyProtocol = false } = routing
    backends.set(name, { name, mode, target, balance, limits, proxyProtocol, servers })
  }
  for (const { target, mode } of routing.ports) add(target, mode)
  for (const { target, mode = 'http' } of routing.routes) add(target, mode)
  return [...backends.values()]
}

export const backendName = (stack: string, service: string, target: number, mode: Backend['mode']): string =>
  `${stack}:${service}:${target}:${mode}`

/** What HAProxy calls a container. */
export const serverName = (id: string): string => id.slice(0, 12)
