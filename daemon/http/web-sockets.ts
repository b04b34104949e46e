/** The endpoints that leave HTTP, streams as WebSockets and sessions: found in the same table, admitted by the same rule. */
import type { IncomingMessage, Server } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Problem } from '../../protocol/problems.ts'
import { type Permission, SESSIONS, type SessionName, STREAMS, type StreamName } from '../../protocol/routes.ts'
import { SESSION_PROTOCOL } from '../../protocol/session.ts'
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

export interface StreamHost {
  readonly admit: (request: IncomingMessage, permission: Permission, stack: string | undefined) => Caller
  readonly streams: { readonly [S in StreamName]: (stream: Stream) => Promise<void> }
  readonly sessions: { readonly [S in SessionName]: (session: Session) => Promise<void> }
  readonly log: { warn(fields: object, message: string): void }
}

/** Followers and sessions at once. Each holds a connection to the Engine, followers of logs one per container. */
const FOLLOWERS_LIMIT = 1000
const KEEP_ALIVE_MS = 30_000
/** A follower only listens. */
const INCOMING_LIMIT_BYTES = 1024

export function serveWebSockets(server: Server, host: StreamHost): { close(): void } {
  const followers = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: INCOMING_LIMIT_BYTES })
  const speakers = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const accept = () => {
      const url = new URL(request.url ?? '/', 'http://evenkeel')
      const found = match(url.pathname)
      if (found === undefined) throw new Problem('not-found', `there is no stream ${url.pathname}`)
      if (followers.clients.size + speakers.size >= FOLLOWERS_LIMIT) {
        throw new Problem('conflict', `the daemon serves at most ${FOLLOWERS_LIMIT} followers at once`)
      }
      mustSpeak(isSession(found.name) ? SESSION_PROTOCOL : 'websocket', request)
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
    if (isSession(name)) {
      speakers.add(connection)
      connection.once('close', () => speakers.delete(connection))
      const socket = openSession(connection, head)
      serve(host.sessions[name]({ ...stream, socket }), name, socket)
      return
    }
    followers.handleUpgrade(request, connection, head, (webSocket) => {
      const socket = new FrameSocket(webSocket)
      serve(host.streams[name]({ ...stream, socket }), name, socket)
    })
  })
  const serve = (work: Promise<void>, name: string, socket: FrameSocket | SessionSocket): void => {
    work
      .catch(async (error: unknown) => {
        if (!socket.isOpen) return
        if (!(error instanceof Problem)) host.log.warn({ err: error, stream: name }, 'a stream failed')
        const problem =
          error instanceof Problem ? error : new Problem('internal', 'the stream failed inside the daemon')
        await socket.send({ type: 'end', problem: problem.toDetails() })
      })
      .finally(() => socket.close())
  }
  return {
    close() {
      for (const client of followers.clients) client.close(1001)
      followers.close()
      for (const connection of speakers) connection.destroy()
    },
  }
}

const PERMISSIONS = Object.fromEntries(
  Object.entries({ ...STREAMS, ...SESSIONS }).map(([name, { permission }]) => [name, permission]),
) as Record<StreamName | SessionName, Permission>

const isSession = (name: StreamName | SessionName): name is SessionName => Object.hasOwn(SESSIONS, name)

function match(path: string): { name: StreamName | SessionName; params: Record<string, string> } | undefined {
  for (const [name, { path: template }] of Object.entries({ ...STREAMS, ...SESSIONS })) {
    const pattern = template.replace(/:([a-z]+)/g, '(?<$1>[^/]+)')
    const found = new RegExp(`^${pattern}$`).exec(path)
    if (found === null) continue
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decode(value)])
    return { name: name as StreamName | SessionName, params: Object.fromEntries(params) }
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

function mustSpeak(protocol: string, { headers }: IncomingMessage): void {
  if (headers.upgrade?.toLowerCase() === protocol) return
  throw new Problem('bad-request', `this path is for connections with "upgrade: ${protocol}"`)
}

function openSession(connection: Duplex, head: Buffer): SessionSocket {
  // Small frames, such as keys, go at once; and a caller that vanishes without a word is found out.
  if (connection instanceof Socket) connection.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
  connection.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${SESSION_PROTOCOL}\r\n\r\n`)
  return new SessionSocket(connection, head)
}

/** Nothing is upgraded yet: the refusal is a plain HTTP answer. */
function refuse(connection: Duplex, error: unknown): void {
  const problem = error instanceof Problem ? error : new Problem('internal', 'something went wrong inside the daemon')
  const body = JSON.stringify(problem.toDetails())
  connection.end(
    `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
