/** A route or a port leads to one service. Pure. */
import { Problem } from '../../protocol/problems.ts'
import type { ServiceRouting } from '../stack/routing.ts'
import type { IngressSettings } from './config.ts'
import { refuseTakenByHttps } from './ingress-tls.ts'
import type { IngressService } from './table.ts'

interface Wanted {
  readonly stack: string
  readonly service: string
  readonly routing: ServiceRouting
}

/** Throws where `wanted` asks for what another service has. `apart`: those of its stack that change with it. */
export function refuseTaken(
  table: readonly IngressService[],
  { stack, service, routing }: Wanted,
  settings: Pick<IngressSettings, 'http' | 'https'>,
  apart: ReadonlySet<string> = new Set([service]),
): void {
  const others = table.filter((other) => other.stack !== stack || !apart.has(other.service))
  for (const other of others) {
    const whose = `service ${other.service} of stack ${other.stack}`
    const route = routing.routes.find(({ host, path }) =>
      other.routing.routes.some((one) => one.host === host && one.path === path),
    )
    if (route !== undefined)
      throw new Problem('conflict', `the route ${route.host ?? '*'}${route.path} of ${service} is that of ${whose}`, {
        hint: `choose another host or path in services.${service}.x-evenkeel.routes`,
      })
    const port = routing.ports.find(({ port }) => other.routing.ports.some((one) => one.port === port))
    if (port !== undefined)
      throw new Problem('port-taken', `port ${port.port}/tcp of service ${service} is that of ${whose}`, {
        hint: `publish services.${service}.ports on another port`,
      })
  }
  refuseTakenByHttps([...others, { stack, service, routing, servers: [] }], settings.https.port)
  const own = routing.ports.find(({ port }) => port === settings.http.port)
  if (own !== undefined)
    throw new Problem('port-taken', `port ${own.port}/tcp of service ${service} is where the ingress serves routes`, {
      hint: `give services.${service}.x-evenkeel.routes in place of the port, or move them: evenkeeld --ingress-http`,
    })
}
