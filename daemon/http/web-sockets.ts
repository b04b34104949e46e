/** The WebSocket endpoints beside the HTTP routes: found in the same table, admitted by the same rule. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { Problem } from '../../protocol/problems.ts'
import { StackName } from '../../protocol/resources/common.ts'
import { SESSIONS, type SessionName, STREAMS, type StreamName } from '../../protocol/routes.ts'
import { FRAME_LIMIT_BYTES } from '../../protocol/session.ts'
import type { Admitted, Target } from '../access/gate.ts'
import { FrameSocket } from './frame-socket.ts'
import { targetOf } from './route-target.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import type { AskedRoute, Noted } from './server.ts'
import { SessionSocket } from './session-socket.ts'

export interface Stream {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly caller: Admitted
  readonly socket: FrameSocket
}

export interface Session {
  readonly params: Readonly<Record<string, string>>
  readonly caller: Admitted
  readonly socket: SessionSocket
}

export interface StreamHost {
  readonly admit: (request: IncomingMessage, route: AskedRoute, target: Target) => Promise<Admitted>
  /** Calls `end` once the caller may no longer do it; answers how to stop watching. */
  readonly watch: (caller: Admitted, route: AskedRoute, target: Target, end: (problem: Problem) => void) => () => void
  readonly note: (caller: Admitted, what: Noted) => void
  readonly streams: { readonly [S in StreamName]: (stream: Stream) => Promise<void> }
  readonly sessions: { readonly [S in SessionName]: (session: Session) => Promise<void> }
  readonly log: { warn(fields: object, message: string): void }
}

/** Followers and sessions at once. Each holds a connection to the Engine, followers of logs one per container. */
const FOLLOWERS_LIMIT = 1000
/** A follower only listens. */
const INCOMING_LIMIT_BYTES = 1024

export interface WebSockets {
  /** For the `upgrade` event of each listener. */
  readonly upgrade: (request: IncomingMessage, connection: Duplex, head: Buffer) => void
  close(): void
}

export function serveWebSockets(host: StreamHost): WebSockets {
  const options = { noServer: true, perMessageDeflate: false }
  const followers = new WebSocketServer({ ...options, maxPayload: INCOMING_LIMIT_BYTES })
  const speakers = new WebSocketServer({ ...options, maxPayload: FRAME_LIMIT_BYTES })
  const accept = async (request: IncomingMessage) => {
    const url = new URL(request.url ?? '/', 'http://evenkeel')
    const found = match(url.pathname)
    if (found === undefined) throw new Problem('not-found', `there is no stream ${url.pathname}`)
    const { name, params } = found
    if (params.stack !== undefined && !StackName.safeParse(params.stack).success)
      throw new Problem('bad-request', 'the name of the stack is not valid')
    const route = { name, permission: ENDPOINTS[name].permission }
    const target = targetOf(ENDPOINTS[name].path, params)
    const caller = await host.admit(request, route, target)
    if (followers.clients.size + speakers.clients.size >= FOLLOWERS_LIMIT) {
      throw new Problem('conflict', `the daemon serves at most ${FOLLOWERS_LIMIT} followers at once`)
    }
    return { name, params, caller, route, target, query: Object.fromEntries(url.searchParams) }
  }
  const serve = ({ name, route, target, ...stream }: Awaited<ReturnType<typeof accept>>, webSocket: WebSocket) => {
    const socket = new FrameSocket(webSocket)
    const release = host.watch(stream.caller, route, target, (problem) => socket.cut(problem))
    webSocket.once('close', release)
    if (isSession(name)) host.note(stream.caller, { action: name, object: stream.params.stack!, outcome: 'done' })
    // What it throws at once is to reach the caller as well, and nobody else.
    const work = async () =>
      isSession(name)
        ? host.sessions[name]({ ...stream, socket: new SessionSocket(webSocket, socket) })
        : host.streams[name]({ ...stream, socket })
    work()
      .catch(async (error: unknown) => {
        if (socket.signal.aborted) return
        if (!(error instanceof Problem)) host.log.warn({ err: error, stream: name }, 'a stream failed')
        const problem =
          error instanceof Problem ? error : new Problem('internal', 'the stream failed inside the daemon')
        if (isSession(name))
          host.note(stream.caller, { action: name, object: stream.params.stack!, outcome: 'failed', problem })
        await socket.send({ type: 'end', problem: problem.toDetails() })
      })
      .finally(() => socket.close())
  }
  return {
    upgrade(request, connection, head) {
      // Between the request and its answer nobody else listens to the connection.
      connection.on('error', ignore)
      accept(request).then(
        (accepted) => {
          connection.off('error', ignore)
          const server = isSession(accepted.name) ? speakers : followers
          server.handleUpgrade(request, connection, head, (webSocket) => serve(accepted, webSocket))
        },
        (error: unknown) => refuse(connection, error),
      )
    },
    close() {
      for (const server of [followers, speakers]) {
        for (const client of server.clients) client.close(1001)
        server.close()
      }
    },
  }
}

const ENDPOINTS = { ...STREAMS, ...SESSIONS }

/** A caller that went away before it was answered is owed nothing. */
const ignore = (): void => {}

const isSession = (name: StreamName | SessionName): name is SessionName => Object.hasOwn(SESSIONS, name)

function match(path: string): { name: StreamName | SessionName; params: Record<string, string> } | undefined {
  for (const [name, { path: template }] of Object.entries(ENDPOINTS)) {
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

/** No WebSocket yet: the refusal is a plain HTTP answer. */
function refuse(connection: Duplex, error: unknown): void {
  const problem = error instanceof Problem ? error : new Problem('internal', 'something went wrong inside the daemon')
  const body = JSON.stringify(problem.toDetails())
  connection.end(
    [
      `HTTP/1.1 ${problem.status} Refused`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
