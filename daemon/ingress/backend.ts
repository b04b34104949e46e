/** A backend of HAProxy: how the replicas of a service are chosen among, what they are asked, and what a client is told without them. Pure. */
import { createHash } from 'node:crypto'
import { LOG_OF_BACKEND } from './access-lines.ts'
import { INSIDE } from './inside.ts'
import { type Backend, serverName } from './table.ts'
import { SLOW_MS, SLOW_TABLE } from './traffic.ts'

/**
 * The first request of a client never goes over a connection that was used before. One that rests is closed within about two
 * seconds: a server that is just closing it for its age would lose the request that is sent on it, and servers give it five
 * (Node, Apache, uvicorn) or more.
 */
export function backendHead(backend: Backend, settings: { readonly cookieKey: string }): string {
  const words = serverWords(backend)
  const isTcp = backend.mode === 'tcp'
  return [
    `backend ${backend.name}`,
    `  mode ${isTcp ? 'tcp' : 'http'}`,
    ...balanceLines(backend, settings),
    ...(isTcp ? [] : ['  http-reuse safe', ...LOG_OF_BACKEND, ...httpLines(backend), ...COUNT_SLOW]),
    ...(words === '' ? [] : [`  default-server ${words}`]),
  ].join('\n')
}

/** What each of its servers has. One that is added later takes nothing of `default-server`, and is told it. */
export function serverWords({ mode, proxyProtocol }: Backend): string {
  if (mode === 'tcp') return proxyProtocol ? 'send-proxy' : ''
  return mode === 'h2' ? `proto h2 ${KEPT}` : KEPT
}

/** Each half second, half of what was not needed in the last ones is closed. */
const KEPT = 'pool-purge-delay 500ms pool-max-conn 1000'

/** What drains stays with the worker that it drains from. */
export function serverLines({ servers, target }: Backend): string[] {
  return servers
    .filter(({ state }) => state === 'ready' || state === 'standby')
    .map(({ id, address, state, weight }) => {
      const part = state === 'standby' ? 0 : weight
      return `  server ${serverName(id)} ${hostPort(address, target)}${part === 1 ? '' : ` weight ${part}`}`
    })
}

export const hostPort = (address: string, port: number): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`

/** Its servers are told by cookies. */
export const hasCookies = ({ mode, balance }: Backend): boolean => mode !== 'tcp' && balance === 'sticky'

/** What names of cookies begin with. */
export const COOKIE = 'ek-'

/** A cookie says its server by a hash of the address with a key of this daemon's. One that is not there any more is given anew. */
function balanceLines(backend: Backend, { cookieKey }: { readonly cookieKey: string }): string[] {
  const { name, balance } = backend
  if (balance !== 'sticky') return [`  balance ${balance}`]
  if (!hasCookies(backend)) return ['  balance source', '  hash-type consistent']
  return [
    '  balance roundrobin',
    `  cookie ${COOKIE}${hashOf(name, 8)} insert indirect nocache httponly attr SameSite=Lax dynamic`,
    `  dynamic-cookie-key ${hashOf(`${cookieKey} ${name}`, 32)}`,
  ]
}

/** A body of unknown length could only be measured by keeping it. */
function httpLines({ limits }: Backend): string[] {
  const { maxBodyBytes, timeoutMs, errorPage } = limits
  const refuse = (status: number, text: string, condition: string): string =>
    `  http-request return status ${status} content-type text/plain string "${text}" if ${condition}`
  const page = errorPage === undefined ? PLAIN_PAGE : `text/html;charset=utf-8 file ${INSIDE}/${pageName(errorPage)}`
  return [
    ...(timeoutMs === undefined ? [] : [`  timeout server ${timeoutMs}ms`]),
    ...(maxBodyBytes === undefined
      ? []
      : [
          refuse(413, 'the body is too large', `{ req.hdr_val(content-length) gt ${maxBodyBytes} }`),
          refuse(411, 'the length of the body is needed', '{ req.hdr(transfer-encoding) -m found }'),
          refuse(
            411,
            'the length of the body is needed',
            '{ req.ver 2.0 } !{ req.hdr(content-length) -m found } !{ method GET HEAD OPTIONS CONNECT TRACE }',
          ),
        ]),
    `  http-error status 503 hdr Retry-After 5 content-type ${page}`,
  ]
}

const PLAIN_PAGE = 'text/plain string "This service is not available just now. Try again in a moment.\\n"'

/** No clock of 2.6 tells how long an answer took while it is on its way. */
const IS_SLOW = `if { date(0,ms),sub(txn.begun) gt ${SLOW_MS} }`
const COUNT_SLOW = [
  `  http-response track-sc0 be_name table ${SLOW_TABLE} ${IS_SLOW}`,
  `  http-response sc-inc-gpc0(0) ${IS_SLOW}`,
]

/** By name of the file. What it says is part of the name: another page is another configuration. */
export function errorPages(backends: readonly Backend[]): Map<string, string> {
  return new Map(
    backends.flatMap(({ limits: { errorPage: page } }) => (page === undefined ? [] : [[pageName(page), page]])),
  )
}

const pageName = (page: string): string => `${PAGE}${hashOf(page, 16)}.html`

/** What the names of pages begin with. */
export const PAGE = 'page-'

const hashOf = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits)
