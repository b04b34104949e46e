/**
 * The configuration of HAProxy for what the ingress is to serve. Pure: the same table gives the same text. Names and paths
 * have been read by the stack language, which lets nothing through that HAProxy would take apart.
 */
import { createHash } from 'node:crypto'
import type { HttpRoute } from '../stack/routing.ts'
import { backendHead, errorPages, serverLines } from './backend.ts'
import { holdHttp, holdsAny, holdTcp, LOAD_SCRIPT } from './hold.ts'
import { INSIDE } from './inside.ts'
import { backendName, backendsOf, type IngressService } from './table.ts'
import { SLOW_TABLE } from './traffic.ts'

export interface IngressSettings {
  /** Where routes by host and path are served. */
  readonly http: { readonly host: string; readonly port: number }
  /** Whether this machine has addresses of IPv6 to listen on. */
  readonly ipv6: boolean
  /** What cookies of sticky clients are made with. */
  readonly cookieKey: string
}

export interface RenderedConfig {
  readonly text: string
  /** Of all but the servers, which come and go without a reload: HAProxy shows it as its description. */
  readonly structure: string
  /** Files beside it, by name. */
  readonly pages: ReadonlyMap<string, string>
}

export function renderConfig(services: readonly IngressService[], settings: IngressSettings): RenderedConfig {
  const backends = services.flatMap(backendsOf)
  const holds = holdsAny(services)
  const frontends = [
    ...services.flatMap((service) => portFrontends(service, settings, holds)),
    ...routeFrontend(services, settings, holds),
  ]
  const bare = [DEFAULTS, IDLE, SLOW, ...frontends, ...backends.map((backend) => backendHead(backend, settings))].join(
    '\n',
  )
  const structure = createHash('sha256').update(bare).digest('hex').slice(0, 16)
  const text = [
    globalOf(structure) + (holds ? LOAD_SCRIPT : ''),
    DEFAULTS,
    IDLE,
    SLOW,
    ...frontends,
    ...backends.map((backend) => [backendHead(backend, settings), ...serverLines(backend)].join('\n')),
    '',
  ].join('\n')
  return { text, structure, pages: errorPages(backends) }
}

/** `expose-fd` hands the listeners to the next worker. The limit of connections follows from that of files. */
const globalOf = (structure: string): string => `global
  description ${structure}
  stats socket ${INSIDE}/worker.sock mode 600 level admin expose-fd listeners
  fd-hard-limit 100000
`

/**
 * An open connection of TCP lives as long as its ends want, as it does through the Engine. What fails before a byte was sent
 * is tried again, elsewhere where there is an elsewhere; nothing else is.
 */
const DEFAULTS = `defaults
  timeout connect 5s
  timeout client 7d
  timeout server 7d
  timeout client-fin 30s
  timeout tunnel 7d
  timeout http-request 30s
  timeout http-keep-alive 60s
  retries 3
  retry-on conn-failure
  option redispatch 1
  option clitcpka
  option srvtcpka
`

/** HAProxy does not run without something to listen on, and is to run before there is. */
const IDLE = `frontend idle
  mode http
  bind ${INSIDE}/idle.sock mode 600
  http-request return status 204
`

const SLOW = `backend ${SLOW_TABLE}
  stick-table type string len 512 size 10k store gpc0
`

/** `holds`: what is new for some services is to wait. */
function portFrontends(
  { stack, service, routing }: IngressService,
  settings: IngressSettings,
  holds: boolean,
): string[] {
  return routing.ports.flatMap(({ ip, port, target, mode }) => {
    const name = `port:${ip === '' ? 'any' : ip.replaceAll(':', '_')}:${port}`
    const binds = bindsOf(ip, port, settings)
    const last = [`  default_backend ${backendName(stack, service, target, mode)}`, ''].join('\n')
    if (mode === 'http') return httpFrontend(name, binds, holds ? holdHttp([{ stack, service }]) : [], last)
    // What waited in a worker of before comes to one that holds nothing any more as well.
    const head = [`frontend ${name}`, '  mode tcp', ...binds, bindOfNewest(name)]
    if (!holds) return [[...head, last].join('\n')]
    return [[...head, ...holdTcp({ stack, service }), toNewest(name), last].join('\n'), newest(name, ['  mode tcp'])]
  })
}

function bindsOf(ip: string, port: number, { ipv6 }: IngressSettings): string[] {
  if (ip !== '' && ip !== '0.0.0.0' && ip !== '::') return [`  bind ${ip.includes(':') ? `[${ip}]` : ip}:${port}`]
  const four = ip === '::' ? [] : [`  bind 0.0.0.0:${port}`]
  const six = ip === '0.0.0.0' || !ipv6 ? [] : [`  bind [::]:${port} v6only`]
  return [...four, ...six]
}

/** Backends that are the ingress's own begin with it; no name of a stack has a dot. */
export const TO_NEWEST = 'newest.'

/** What a client says of itself there is replaced; what is not set here is taken away. */
const FORWARDED = [
  '  http-request set-header X-Forwarded-For %[src]',
  '  http-request set-header X-Forwarded-Host %[req.hdr(host)]',
  '  http-request del-header Forwarded',
]

/**
 * A reload is not to close a connection on which a client may be about to send its next request. When that comes, the worker of
 * before the reload hands it to the newest one: it does not itself know of what has come and gone since, nor can it be told.
 */
function httpFrontend(name: string, binds: readonly string[], hold: readonly string[], last: string): string[] {
  const frontend = [
    `frontend ${name}`,
    '  mode http',
    ...binds,
    bindOfNewest(name),
    '  option idle-close-on-response',
    ...hold,
    '  http-request set-var(txn.begun) date(0,ms)',
    '  http-request set-header X-Forwarded-Proto http',
    ...FORWARDED,
    toNewest(name),
    last,
  ]
  return [frontend.join('\n'), newest(name, ['  mode http', '  option http-server-close'])]
}

const pathOfNewest = (frontend: string): string => `${INSIDE}/${frontend.replaceAll(':', '-')}.sock`
const bindOfNewest = (frontend: string): string => `  bind ${pathOfNewest(frontend)} mode 600 accept-proxy`
const toNewest = (frontend: string): string => `  use_backend ${TO_NEWEST}${frontend} if { stopping }`

const newest = (frontend: string, how: readonly string[]): string =>
  [`backend ${TO_NEWEST}${frontend}`, ...how, `  server newest unix@${pathOfNewest(frontend)} send-proxy-v2`, ''].join(
    '\n',
  )

/** The longest path of the very host first. */
function routeFrontend(services: readonly IngressService[], settings: IngressSettings, holds: boolean): string[] {
  const routes = services
    .flatMap(({ stack, service, routing }) =>
      routing.routes.map((route) => ({
        ...route,
        stack,
        service,
        backend: backendName(stack, service, route.target, 'http'),
        condition: conditionOf(route),
      })),
    )
    .sort(
      (a, b) =>
        Number(a.host === undefined) - Number(b.host === undefined) ||
        b.path.length - a.path.length ||
        compare(`${a.host}${a.path}`, `${b.host}${b.path}`),
    )
  if (routes.length === 0) return []
  const rules = routes.map(({ backend, condition }) => `  use_backend ${backend}${condition}`)
  const last = [...rules, '  default_backend none', ''].join('\n')
  const hold = holds ? holdHttp([...routes].reverse()) : []
  return [...httpFrontend('routes', bindsOf(settings.http.host, settings.http.port, settings), hold, last), NO_ROUTE]
}

/** Empty: it takes all. */
function conditionOf({ host, path }: HttpRoute): string {
  const isHost = host === undefined ? [] : [`{ req.hdr(host),host_only,lower -m str ${host} }`]
  const isPath = path === '/' ? [[]] : [[`{ path ${path} }`], [`{ path_beg ${path}/ }`]]
  const ways = isPath.map((one) => [...isHost, ...one].join(' ')).filter((way) => way !== '')
  return ways.length === 0 ? '' : ` if ${ways.join(' or ')}`
}

const NO_ROUTE = `backend none
  mode http
  http-request return status 404 content-type text/plain string "no service has this route"
`

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
