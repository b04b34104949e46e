/** The WebSocket endpoints beside the HTTP routes: found in the same table, admitted by the same rule. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Problem } from '../../protocol/problems.ts'
import { type Permission, STREAMS, type StreamName } from '../../protocol/routes.ts'
import type { Caller } from '../reconcile/control.ts'
import { FrameSocket } from './frame-socket.ts'

export interface Stream {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly caller: Caller
  readonly socket: FrameSocket
}

export interface StreamHost {
  readonly admit: (request: IncomingMessage, permission: Permission, stack: string | undefined) => Caller
  readonly streams: { readonly [S in StreamName]: (stream: Stream) => Promise<void> }
  readonly log: { warn(fields: object, message: string): void }
}

/** Followers at once. Each holds a connection to the Engine per container for logs. */
const FOLLOWERS_LIMIT = 1000
/** A follower only listens. */
const INCOMING_LIMIT_BYTES = 1024

export function serveWebSockets(server: Server, host: StreamHost): { close(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: INCOMING_LIMIT_BYTES, perMessageDeflate: false })
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const accept = () => {
      const url = new URL(request.url ?? '/', 'http://evenkeel')
      const found = match(url.pathname)
      if (found === undefined) throw new Problem('not-found', `there is no stream ${url.pathname}`)
      if (sockets.clients.size >= FOLLOWERS_LIMIT) {
        throw new Problem('conflict', `the daemon serves at most ${FOLLOWERS_LIMIT} followers at once`)
      }
      const caller = host.admit(request, STREAMS[found.name].permission, found.params.stack)
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
    sockets.handleUpgrade(request, connection, head, (webSocket) => {
      const socket = new FrameSocket(webSocket)
      host.streams[name]({ ...stream, socket })
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
      for (const client of sockets.clients) client.close(1001)
      sockets.close()
    },
  }
}

function match(path: string): { name: StreamName; params: Record<string, string> } | undefined {
  for (const [name, { path: template }] of Object.entries(STREAMS)) {
    const pattern = template.replace(/:([a-z]+)/g, '(?<$1>[^/]+)')
    const found = new RegExp(`^${pattern}$`).exec(path)
    if (found === null) continue
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decode(value)])
    return { name: name as StreamName, params: Object.fromEntries(params) }
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
