/** Requests as HAProxy tells of them: what its configuration says for that, and what a line means. Pure. */
import type { AccessEntry } from '../../protocol/streams.ts'
import { INSIDE } from './inside.ts'

/** Names of backends whose requests somebody follows. HAProxy reads it when it begins, and is told of changes. */
export const FOLLOWED = 'followed.map'

/** Where HAProxy keeps lines for whoever reads them. */
export const RING = 'access'

/** What is longer is cut: a line has an end. */
const LONGEST = { path: 1024, host: 255, line: 8192 } as const

export const RING_SECTION = `ring ${RING}
  format raw
  maxlen ${LONGEST.line}
  size ${1024 ** 2}
`

const text = (name: string): string => `%[var(txn.${name}),json(utf8s)]`
const FORMAT = [
  '"at":%[var(txn.begun)]',
  '"backend":"%b"',
  '"server":"%s"',
  '"client":"%ci"',
  '"method":"%HM"',
  `"host":"${text('host')}"`,
  `"path":"${text('path')}"`,
  '"status":%ST',
  '"bytes":%B',
  '"ms":%Ta',
  '"retries":"%rc"',
].join(',')

/** Nothing is written of a request, unless its backend says so. */
export const LOG_OF_FRONTEND = [
  `  log ring@${RING} len ${LONGEST.line} format raw local0 info`,
  `  log-format '{${FORMAT}}'`,
  '  http-request set-log-level silent',
]

/** The query of a request may hold secrets, and so may its headers: of those there is the host alone. */
export const LOG_OF_BACKEND = [
  `  acl is_followed be_name,map_str(${INSIDE}/${FOLLOWED}) -m found`,
  `  http-request set-var(txn.path) path,bytes(0,${LONGEST.path}) if is_followed`,
  `  http-request set-var(txn.host) req.hdr(host),bytes(0,${LONGEST.host}) if is_followed`,
  '  http-request set-log-level info if is_followed',
]

/** A request, with whose it is. `container`: the first digits of its id, where one answered. */
export interface AccessLine {
  readonly stack: string
  readonly entry: AccessEntry
}

/** Undefined: it tells of no request, or not in full. */
export function accessLineOf(line: string): AccessLine | undefined {
  let told: Record<string, unknown>
  try {
    told = JSON.parse(line)
  } catch {
    return undefined
  }
  const { backend, server, at, client, method, host, path, status, bytes, ms, retries } = told
  const [stack, service] = String(backend).split(':')
  if (stack === undefined || service === undefined || typeof at !== 'number') return undefined
  const hasServer = typeof server === 'string' && /^[0-9a-f]{12}$/.test(server)
  return {
    stack,
    entry: {
      at: new Date(at).toISOString(),
      client: String(client),
      method: String(method),
      host: String(host),
      path: String(path),
      // HAProxy says -1 where the client went before there was an answer.
      ...(Number(status) > 0 && { status: Number(status) }),
      bytes: Number(bytes),
      durationMs: Math.max(Number(ms), 0),
      service,
      ...(hasServer && { container: server }),
      retries: Number(String(retries).replace('+', '')),
    },
  }
}
