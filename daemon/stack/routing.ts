/** What of a service the ingress serves: published TCP ports, and routes by host and path. Pure. */

import { isHttp, isHttp2 } from '../../protocol/stackfile/app-protocol.ts'
import type { IngressPolicy, Model, Service } from '../../protocol/stackfile/model.ts'
import { isReleased } from '../../protocol/stackfile/release-policy.ts'
import { type RouteTls, tlsOf } from '../../protocol/stackfile/tls-policy.ts'
import { parseDuration, parseSize } from '../../protocol/stackfile/units.ts'
import { type IngressReach, orderOf } from './replacement-order.ts'

/** What its containers are spoken to in. `h2`: HTTP/2 without TLS, which gRPC needs; `http`: HTTP/1.1, whatever the client speaks. */
export const BACKEND_MODES = ['tcp', 'http', 'h2'] as const
export type BackendMode = (typeof BACKEND_MODES)[number]

export interface RoutedPort {
  /** Empty: all addresses. */
  readonly ip: string
  readonly port: number
  /** In the container. */
  readonly target: number
  readonly mode: BackendMode
}

export interface HttpRoute {
  /** Undefined: whichever is asked for. */
  readonly host: string | undefined
  /** A prefix, in whole segments; `/` is all. */
  readonly path: string
  readonly target: number
  /** Undefined: `http`. */
  readonly mode?: 'h2'
  /** Undefined: over HTTP alone. */
  readonly tls?: RouteTls
}

export interface ServiceRouting {
  readonly ports: readonly RoutedPort[]
  readonly routes: readonly HttpRoute[]
  readonly balance: 'roundrobin' | 'leastconn' | 'sticky'
  readonly drainMs: number
  readonly limits?: HttpLimits | undefined
  /** Connections of TCP begin with a line that says whose they are. */
  readonly proxyProtocol?: boolean | undefined
}

/** Of HTTP. */
export interface HttpLimits {
  readonly maxBodyBytes?: number | undefined
  /** For which nothing may come of an answer, nor of the body of its request. */
  readonly timeoutMs?: number | undefined
  /** HTML for whoever asks while no replica can be reached. */
  readonly errorPage?: string | undefined
}

export const DRAIN_MS = 30_000

/** A container in the ingress, by its id: written down before the ingress is told. */
export interface Routed {
  readonly service: string
  /** On the network that the ingress reaches it by. */
  readonly address: string
  /** Of its service, when it was admitted. */
  readonly revision?: number | undefined
  /** `draining`: nothing new comes to it. `out`: that is over, whatever is left of its connections. */
  readonly state: 'ready' | 'draining' | 'out'
  /** Its probe fails: nothing new comes to it for as long. */
  readonly isUnready?: boolean | undefined
  /** When what serves knew of it: Unix milliseconds. */
  readonly drainSinceMs?: number | undefined
}

/** Of what is new for a service, a part goes to its containers of one revision, the rest to the others. */
export interface Split {
  readonly revision: number
  /** Percent. 0: those of that revision stand by; 100: the others do. */
  readonly share: number
  /** That revision is to take over: its part is no smaller than its part of the containers. */
  readonly isPromoted?: boolean | undefined
  /** Since when the share is this: Unix milliseconds. */
  readonly sinceMs: number
}

/** What stands in memory of a stack's part in the ingress. */
export interface Routings {
  /** Services that the ingress has, as they were last told to it. */
  readonly published: Readonly<Record<string, ServiceRouting>>
  readonly routed: Readonly<Record<string, Routed>>
  readonly splits?: Readonly<Record<string, Split>>
}

export const NO_ROUTINGS: Routings = { published: {}, routed: {} }

/** Undefined where the ingress has nothing of it. */
export function routingOf(model: Model, service: string, reach: IngressReach): ServiceRouting | undefined {
  const spec = model.services[service]!
  if (reach.kind === 'none') return undefined
  const policy = spec['x-evenkeel']
  const ports = portsOf(spec, reach, isReleased(model, service) ? 'atomic' : 'rolling')
  const routes = (policy?.routes ?? []).map(
    ({ host, path = '/', port, app_protocol, tls }): HttpRoute => ({
      host: host?.toLowerCase(),
      path: path.length > 1 ? path.replace(/\/+$/, '') : path,
      ...targetOf(spec, port ?? onlyPortOf(spec) ?? 80, app_protocol),
      ...encrypted(host === undefined ? undefined : tlsOf(tls ?? policy?.tls)),
    }),
  )
  if (ports.length === 0 && routes.length === 0) return undefined
  if (Object.keys(spec.networks ?? {}).length === 0) return undefined
  const drainNs = policy?.drain === undefined ? undefined : parseDuration(policy.drain)
  return {
    ports,
    routes,
    balance: BALANCE[policy?.balance ?? 'round-robin'],
    drainMs: drainNs === undefined ? DRAIN_MS : drainNs / 1e6,
    ...limitsOf(policy?.ingress),
  }
}

function modeOf(protocol: string | undefined): BackendMode {
  if (isHttp2(protocol)) return 'h2'
  return isHttp(protocol) ? 'http' : 'tcp'
}

/** A route that does not say itself what is spoken there has it of the port that it leads to. */
function targetOf(spec: Service, target: number, written: string | undefined): Pick<HttpRoute, 'target' | 'mode'> {
  const said =
    written ?? spec.ports?.find((port) => port.target === target && port.app_protocol !== undefined)?.app_protocol
  return modeOf(said) === 'h2' ? { target, mode: 'h2' } : { target }
}

const BALANCE = { 'round-robin': 'roundrobin', 'least-connections': 'leastconn', sticky: 'sticky' } as const

function limitsOf(ingress: IngressPolicy | undefined): Pick<ServiceRouting, 'limits' | 'proxyProtocol'> {
  const { max_body, timeout, error_page, proxy_protocol } = ingress ?? {}
  const limits: HttpLimits = {
    ...(max_body !== undefined && { maxBodyBytes: parseSize(String(max_body)) }),
    ...(timeout !== undefined && { timeoutMs: parseDuration(timeout)! / 1e6 }),
    // The loader has put the page in the place of its path.
    ...(typeof error_page === 'object' && { errorPage: error_page.content }),
  }
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(proxy_protocol === true && { proxyProtocol: true }),
  }
}

const encrypted = (tls: RouteTls | undefined): Pick<HttpRoute, 'tls'> => (tls === undefined ? {} : { tls })

/**
 * A port that two containers at once are to serve can be the Engine's no longer. A service that stops first keeps its ports
 * where Compose has them.
 */
function portsOf(spec: Service, reach: IngressReach, release: 'atomic' | 'rolling'): RoutedPort[] {
  if (orderOf(spec, spec.deploy?.update_config?.order, reach, release).order !== 'start-first') return []
  return (spec.ports ?? []).flatMap(({ published, target, host_ip, protocol = 'tcp', app_protocol }) =>
    protocol === 'tcp' && published !== undefined && /^[1-9]\d*$/.test(published) && isAddress(host_ip ?? '')
      ? [
          {
            ip: host_ip ?? '',
            port: Number(published),
            target,
            mode: modeOf(app_protocol),
          } as const,
        ]
      : [],
  )
}

/** What else is written there the Engine refuses. */
const isAddress = (text: string): boolean => /^[0-9a-fA-F.:]*$/.test(text)

export function onlyPortOf(spec: Service): number | undefined {
  const targets = new Set([
    ...(spec.ports ?? []).map(({ target }) => target),
    ...(spec.expose ?? []).map((port) => Number.parseInt(String(port), 10)),
  ])
  return targets.size === 1 ? [...targets][0] : undefined
}

/** Where the ingress finds a container: the first of its service's networks on which it has an address. */
export function addressOf(
  addresses: Readonly<Record<string, string>> | undefined,
  networks: readonly string[],
): string | undefined {
  return networks.map((name) => addresses?.[name]).find((address) => address !== undefined && address !== '')
}
