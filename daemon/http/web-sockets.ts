/** The WebSocket endpoints beside the HTTP routes: found in the same table, admitted by the same rule. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { Problem } from '../../protocol/problems.ts'
import {
  LOANS,
  type LoanName,
  type Permission,
  SESSIONS,
  type SessionName,
  STREAMS,
  type StreamName,
} from '../../protocol/routes.ts'
import { FRAME_LIMIT_BYTES } from '../../protocol/session.ts'
import type { Caller } from '../reconcile/control.ts'
import { FrameSocket } from './frame-socket.ts'
import { SessionSocket } from './session-socket.ts'

export interface Stream {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly caller: Caller
  readonly socket: FrameSocket
}

export interface Session {
  readonly params: Readonly<Record<string, string>>
  readonly caller: Caller
  readonly socket: SessionSocket
}

export interface Loan {
  readonly socket: WebSocket
  readonly frames: FrameSocket
}

export interface StreamHost {
  readonly admit: (request: IncomingMessage, permission: Permission, stack: string | undefined) => Caller
  readonly streams: { readonly [S in StreamName]: (stream: Stream) => Promise<void> }
  readonly sessions: { readonly [S in SessionName]: (session: Session) => Promise<void> }
  readonly loans: { readonly [L in LoanName]: (loan: Loan) => Promise<void> }
  readonly log: { warn(fields: object, message: string): void }
}

/** Followers and sessions at once. Each holds a connection to the Engine, followers of logs one per container. */
const FOLLOWERS_LIMIT = 1000
/** A follower only listens. */
const INCOMING_LIMIT_BYTES = 1024

export function serveWebSockets(server: Server, host: StreamHost): { close(): void } {
  const options = { noServer: true, perMessageDeflate: false }
  const followers = new WebSocketServer({ ...options, maxPayload: INCOMING_LIMIT_BYTES })
  const speakers = new WebSocketServer({ ...options, maxPayload: FRAME_LIMIT_BYTES })
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const accept = () => {
      const url = new URL(request.url ?? '/', 'http://evenkeel')
      const found = match(url.pathname)
      if (found === undefined) throw new Problem('not-found', `there is no stream ${url.pathname}`)
      if (followers.clients.size + speakers.clients.size >= FOLLOWERS_LIMIT) {
        throw new Problem('conflict', `the daemon serves at most ${FOLLOWERS_LIMIT} followers at once`)
      }
      const caller = host.admit(request, PERMISSIONS[found.name], found.params.stack)
      return { ...found, caller, query: Object.fromEntries(url.searchParams) }
    }
    let accepted: ReturnType<typeof accept>
    try {
      accepted = accept()
    } catch (error) {
      refuse(connection, error)
      return
    }
    const { name, ...stream } = accepted
    const server = isStream(name) ? followers : speakers
    server.handleUpgrade(request, connection, head, (webSocket) => {
      const socket = new FrameSocket(webSocket)
      const work = isStream(name)
        ? host.streams[name]({ ...stream, socket })
        : isSession(name)
          ? host.sessions[name]({ ...stream, socket: new SessionSocket(webSocket, socket) })
          : host.loans[name]({ socket: webSocket, frames: socket })
      work
        .catch(async (error: unknown) => {
          if (socket.signal.aborted) return
          if (!(error instanceof Problem)) host.log.warn({ err: error, stream: name }, 'a stream failed')
          const problem =
            error instanceof Problem ? error : new Problem('internal', 'the stream failed inside the daemon')
          await socket.send({ type: 'end', problem: problem.toDetails() })
        })
        .finally(() => socket.close())
    })
  })
  return {
    close() {
      for (const server of [followers, speakers]) {
        for (const client of server.clients) client.close(1001)
        server.close()
      }
    },
  }
}

type EndpointName = StreamName | SessionName | LoanName

const ENDPOINTS = { ...STREAMS, ...SESSIONS, ...LOANS }

const PERMISSIONS = Object.fromEntries(
  Object.entries(ENDPOINTS).map(([name, { permission }]) => [name, permission]),
) as Record<EndpointName, Permission>

const isStream = (name: EndpointName): name is StreamName => Object.hasOwn(STREAMS, name)
const isSession = (name: SessionName | LoanName): name is SessionName => Object.hasOwn(SESSIONS, name)

function match(path: string): { name: EndpointName; params: Record<string, string> } | undefined {
  for (const [name, { path: template }] of Object.entries(ENDPOINTS)) {
    const pattern = template.replace(/:([a-z]+)/g, '(?<$1>[^/]+)')
    const found = new RegExp(`^${pattern}$`).exec(path)
    if (found === null) continue
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decode(value)])
    return { name: name as EndpointName, params: Object.fromEntries(params) }
  }
  return undefined
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new Problem('bad-request', 'the path is not valid')
  }
}

/** No WebSocket yet: the refusal is a plain HTTP answer. */
function refuse(connection: Duplex, error: unknown): void {
  const problem = error instanceof Problem ? error : new Problem('internal', 'something went wrong inside the daemon')
  const body = JSON.stringify(problem.toDetails())
  connection.end(
    `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
