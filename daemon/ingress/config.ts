/**
 * The configuration of HAProxy for what the ingress is to serve. Pure: the same table gives the same text. Names and paths
 * have been read by the stack language, which lets nothing through that HAProxy would take apart.
 */
import { createHash } from 'node:crypto'
import type { HttpRoute } from '../stack/routing.ts'
import { LOG_OF_FRONTEND, RING_SECTION } from './access-lines.ts'
import { backendHead, COOKIE, errorPages, serverLines } from './backend.ts'
import { CERTIFIED, CHALLENGE_PATH, CHALLENGES, LIST } from './certificate-files.ts'
import { holdHttp, holdsAny, holdTcp, LOAD_SCRIPT } from './hold.ts'
import { INSIDE } from './inside.ts'
import { backendName, backendsOf, type IngressService } from './table.ts'
import { SLOW_TABLE } from './traffic.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface IngressSettings {
  /** Where routes by host and path are served. */
  readonly http: ListenAddress
  /** The same over HTTPS, where a route asks for that. */
  readonly https: ListenAddress
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
    ...routeFrontends(services, settings, holds),
  ]
  const bare = [
    RING_SECTION,
    DEFAULTS,
    IDLE,
    SLOW,
    ...frontends,
    ...backends.map((backend) => backendHead(backend, settings)),
  ].join('\n')
  const structure = createHash('sha256').update(bare).digest('hex').slice(0, 16)
  const text = [
    globalOf(structure) + (holds ? LOAD_SCRIPT : ''),
    RING_SECTION,
    DEFAULTS,
    IDLE,
    SLOW,
    ...frontends,
    ...backends.map((backend) => [backendHead(backend, settings), ...serverLines(backend)].join('\n')),
    '',
  ].join('\n')
  return { text, structure, pages: errorPages(backends) }
}

/**
 * `expose-fd` hands the listeners to the next worker. `noreuseport`: a port that another HAProxy listens on is refused, and
 * not shared between the two. The limit of connections follows from that of files.
 */
const globalOf = (structure: string): string => `global
  description ${structure}
  stats socket ${INSIDE}/worker.sock mode 600 level admin expose-fd listeners
  noreuseport
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
    if (mode !== 'tcp') {
      const first = holds ? holdHttp([{ stack, service }]) : []
      return httpFrontend({ name, binds, scheme: 'http', speaksH2: mode === 'h2', first, last })
    }
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

interface HttpFrontend {
  readonly name: string
  readonly binds: readonly string[]
  readonly scheme: 'http' | 'https'
  /** To some of its servers. */
  readonly speaksH2: boolean
  /** Rules before it is decided where a request goes. */
  readonly first: readonly string[]
  /** Where it goes. */
  readonly last: string
}

/**
 * A reload is not to close a connection on which a client may be about to send its next request. When that comes, the worker of
 * before the reload hands it to the newest one: it does not itself know of what has come and gone since, nor can it be told.
 */
function httpFrontend({ name, binds, scheme, speaksH2, first, last }: HttpFrontend): string[] {
  const frontend = [
    `frontend ${name}`,
    '  mode http',
    ...binds,
    bindOfNewest(name),
    '  option idle-close-on-response',
    ...LOG_OF_FRONTEND,
    ...first,
    '  http-request set-var(txn.begun) date(0,ms)',
    `  http-request set-header X-Forwarded-Proto ${scheme}`,
    ...FORWARDED,
    ...(speaksH2 ? [`${toNewest(`${H2}${name}`)} { req.ver 2.0 }`] : []),
    toNewest(name),
    last,
  ]
  const how = ['  mode http', '  option http-server-close']
  return [frontend.join('\n'), ...(speaksH2 ? [newest(name, how, 'h2')] : []), newest(name, how)]
}

const pathOfNewest = (frontend: string): string => `${INSIDE}/${frontend.replaceAll(':', '-')}.sock`
const bindOfNewest = (frontend: string): string => `  bind ${pathOfNewest(frontend)} mode 600 accept-proxy`
const toNewest = (frontend: string): string => `  use_backend ${TO_NEWEST}${frontend} if { stopping }`

/** HTTP/1.1 has no room for all that gRPC does. */
const H2 = 'h2.'

function newest(frontend: string, how: readonly string[], proto?: 'h2'): string {
  const name = proto === 'h2' ? `${H2}${frontend}` : frontend
  const server = `  server newest unix@${pathOfNewest(frontend)} send-proxy-v2${proto === 'h2' ? ' proto h2' : ''}`
  return [`backend ${TO_NEWEST}${name}`, ...how, server, ''].join('\n')
}

type BackedRoute = HttpRoute & { readonly stack: string; readonly service: string; readonly backend: string }

/** The longest path of the very host first. What is served over HTTPS leads there once it has a certificate. */
function routeFrontends(services: readonly IngressService[], settings: IngressSettings, holds: boolean): string[] {
  const routes = services
    .flatMap(({ stack, service, routing }) =>
      routing.routes.map(
        (route): BackedRoute => ({
          ...route,
          stack,
          service,
          backend: backendName(stack, service, route.target, route.mode ?? 'http'),
        }),
      ),
    )
    .sort(
      (a, b) =>
        Number(a.host === undefined) - Number(b.host === undefined) ||
        b.path.length - a.path.length ||
        compare(`${a.host}${a.path}`, `${b.host}${b.path}`),
    )
  if (routes.length === 0) return []
  const { http, https } = settings
  const plain = httpFrontend({
    name: 'routes',
    binds: bindsOf(http.host, http.port, settings),
    scheme: 'http',
    speaksH2: routes.some(({ mode }) => mode === 'h2'),
    first: [CHALLENGE, ...(holds ? holdOf(routes) : [])],
    last: rulesOf(routes, (route) => [
      ...(route.tls?.redirect === true ? [useBackend(route, TO_HTTPS, IF_CERTIFIED)] : []),
      useBackend(route, route.backend),
    ]),
  })
  const secured = routes.filter(({ tls }) => tls !== undefined)
  if (secured.length === 0) return [...plain, NO_ROUTE]
  const encrypted = httpFrontend({
    name: 'routes-tls',
    binds: bindsOf(https.host, https.port, settings).map((bind) => `${bind} ${TLS}`),
    scheme: 'https',
    speaksH2: secured.some(({ mode }) => mode === 'h2'),
    first: [...hstsOf(secured), ...secureCookies(services), ...(holds ? holdOf(secured) : [])],
    last: rulesOf(secured, (route) => [useBackend(route, route.backend)]),
  })
  return [...plain, ...encrypted, toHttps(https.port), NO_ROUTE]
}

const rulesOf = (routes: readonly BackedRoute[], rules: (route: BackedRoute) => string[]): string =>
  [...routes.flatMap(rules), '  default_backend none', ''].join('\n')

const holdOf = (routes: readonly BackedRoute[]): string[] =>
  holdHttp([...routes].reverse().map((route) => ({ ...route, condition: conditionOf(route) })))

const useBackend = (route: BackedRoute, backend: string, also: readonly string[] = []): string =>
  `  use_backend ${backend}${conditionOf(route, also)}`

/** `also`: conditions besides host and path. Empty: it takes all. */
function conditionOf({ host, path }: HttpRoute, also: readonly string[] = []): string {
  const isHost = host === undefined ? [] : [`{ ${HOST_ASKED} -m str ${host} }`]
  const isPath = path === '/' ? [[]] : [[`{ path ${path} }`], [`{ path_beg ${path}/ }`]]
  const ways = isPath.map((one) => [...isHost, ...one, ...also].join(' ')).filter((way) => way !== '')
  return ways.length === 0 ? '' : ` if ${ways.join(' or ')}`
}

const HOST_ASKED = 'req.hdr(host),host_only,lower'

/** Answers to an authority that asks whether a host is ours (RFC 8555, 8.3): never led elsewhere, whoever is to answer it. */
const CHALLENGE = `  http-request return status 200 content-type application/octet-stream lf-string "%[path,map_str(${CHALLENGES})]" if { path_beg ${CHALLENGE_PATH} } { path,map_str(${CHALLENGES}) -m found }`
const IF_CERTIFIED = [`{ ${HOST_ASKED},map_str(${CERTIFIED}) -m found }`, `!{ path_beg ${CHALLENGE_PATH} }`]

const TO_HTTPS = 'to-https'
const toHttps = (port: number): string => `backend ${TO_HTTPS}
  mode http
  http-request redirect location https://%[req.hdr(host),host_only]${port === 443 ? '' : `:${port}`}%[pathq] code 308
`

/** The backend gives the same cookie over HTTP, where no browser would take one that is `Secure`. */
function secureCookies(services: readonly IngressService[]): string[] {
  const isSticky = services.some(
    ({ routing: { balance, routes } }) => balance === 'sticky' && routes.some(({ tls }) => tls),
  )
  if (!isSticky) return []
  return [`  http-after-response replace-header Set-Cookie '^(${COOKIE}[0-9a-f]+=[^;]*)(.*)$' '\\1; Secure\\2'`]
}

/** Strict-Transport-Security is a host's: of several routes the longest time holds. */
function hstsOf(routes: readonly BackedRoute[]): string[] {
  const seconds = new Map<string, number>()
  for (const { host, tls } of routes)
    if (host !== undefined && tls?.hstsSeconds !== undefined)
      seconds.set(host, Math.max(seconds.get(host) ?? 0, tls.hstsSeconds))
  if (seconds.size === 0) return []
  return [
    ...[...seconds].map(
      ([host, age]) => `  http-request set-var(txn.hsts) int(${age}) if { ${HOST_ASKED} -m str ${host} }`,
    ),
    '  http-after-response set-header Strict-Transport-Security "max-age=%[var(txn.hsts)]" if { var(txn.hsts) -m found }',
  ]
}

/**
 * A host without a certificate is refused in the handshake: a placeholder would teach people to click warnings away. Ciphers
 * with forward secrecy and authenticated encryption alone, as Mozilla's "intermediate" has them (wiki.mozilla.org/Security/Server_Side_TLS, 5.7);
 * tickets would have all sessions of a worker's life hang on one key.
 */
const TLS = [
  `ssl crt-list ${LIST} strict-sni alpn h2,http/1.1 ssl-min-ver TLSv1.2 no-tls-tickets curves X25519:P-256:P-384`,
  `ciphers ${['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].flatMap((one) => [`ECDHE-ECDSA-${one}`, `ECDHE-RSA-${one}`]).join(':')}`,
  'ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
].join(' ')

const NO_ROUTE = `backend none
  mode http
  http-request return status 404 content-type text/plain string "no service has this route"
`

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
