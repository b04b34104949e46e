/** The endpoints that leave HTTP, streams as WebSockets and sessions: found in the same table, admitted by the same rule. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { Problem, type ProblemDetails } from '../../protocol/problems.ts'
import { redactedJson } from '../../protocol/redacted-json.ts'
import { LOANS, type LoanName, SESSIONS, type SessionName, STREAMS, type StreamName } from '../../protocol/routes.ts'
import { SESSION_PROTOCOL } from '../../protocol/session.ts'
import type { Admitted, Target } from '../access/gate.ts'
import { mustBeNames } from './checked-path.ts'
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

export interface Loan {
  readonly socket: WebSocket
  readonly frames: FrameSocket
}

export interface UpgradeHost {
  readonly admit: (request: IncomingMessage, route: AskedRoute, target: Target) => Promise<Admitted>
  /** Calls `end` once the caller may no longer do it; answers how to stop watching. */
  readonly watch: (caller: Admitted, route: AskedRoute, target: Target, end: (problem: Problem) => void) => () => void
  readonly note: (caller: Admitted, what: Noted) => void
  readonly streams: { readonly [S in StreamName]: (stream: Stream) => Promise<void> }
  readonly sessions: { readonly [S in SessionName]: (session: Session) => Promise<void> }
  readonly loans: { readonly [L in LoanName]: (loan: Loan) => Promise<void> }
  /** Takes values of secrets out of what is sent, but for what containers say themselves. */
  readonly redact: (text: string) => string
  readonly log: { warn(fields: object, message: string): void }
}

/** Followers and sessions at once. Each holds a connection to the Engine, followers of logs one per container. */
const FOLLOWERS_LIMIT = 1000
const SESSION_GREETING = `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${SESSION_PROTOCOL}\r\n\r\n`
/** A follower only listens. */
const INCOMING_LIMIT_BYTES = 1024
/** One who lends an agent answers in messages of the agent's own protocol. */
const LOAN_LIMIT_BYTES = 1024 ** 2

export interface Upgrades {
  /** For the `upgrade` event of each listener. */
  readonly upgrade: (request: IncomingMessage, connection: Duplex, head: Buffer) => void
  close(): void
}

export function serveUpgrades(host: UpgradeHost): Upgrades {
  const options = { noServer: true, perMessageDeflate: false }
  const followers = new WebSocketServer({ ...options, maxPayload: INCOMING_LIMIT_BYTES })
  const lenders = new WebSocketServer({ ...options, maxPayload: LOAN_LIMIT_BYTES })
  const speakers = new Set<Duplex>()
  const accept = async (request: IncomingMessage) => {
    const url = new URL(request.url ?? '/', 'http://evenkeel')
    const found = match(url.pathname)
    if (found === undefined) throw new Problem('not-found', `there is no stream ${url.pathname}`)
    const { name, params } = found
    mustBeNames(params)
    const route = { name, permission: ENDPOINTS[name].permission }
    const target = targetOf(ENDPOINTS[name].path, params)
    const caller = await host.admit(request, route, target)
    mustSpeak(isSession(name) ? SESSION_PROTOCOL : 'websocket', request)
    if (followers.clients.size + lenders.clients.size + speakers.size >= FOLLOWERS_LIMIT) {
      throw new Problem('conflict', `the daemon serves at most ${FOLLOWERS_LIMIT} followers at once`)
    }
    return { name, params, caller, route, target, query: Object.fromEntries(url.searchParams) }
  }
  type Accepted = Awaited<ReturnType<typeof accept>>
  const serve = (
    accepted: Accepted,
    connection: Duplex,
    socket: FrameSocket | SessionSocket,
    /** What it throws at once is to reach the caller as well, and nobody else. */
    work: () => Promise<void>,
  ): void => {
    const { name, caller, route, target } = accepted
    connection.once(
      'close',
      host.watch(caller, route, target, (problem) => socket.cut(problem)),
    )
    const note = noteOnce(host, accepted)
    if (socket instanceof SessionSocket) void socket.begun.then(() => note('done'))
    work()
      .then(() => note('done'))
      .catch(async (error: unknown) => {
        const problem =
          error instanceof Problem ? error : new Problem('internal', 'the stream failed inside the daemon')
        note('failed', problem)
        if (!socket.isOpen) return
        if (!(error instanceof Problem)) host.log.warn({ err: error, stream: name }, 'a stream failed')
        const details = JSON.parse(redactedJson(problem.toDetails(), host.redact)) as ProblemDetails
        await socket.send({ type: 'end', problem: details })
      })
      .finally(() => socket.close())
  }
  const open = (accepted: Accepted, request: IncomingMessage, connection: Duplex, head: Buffer): void => {
    const { name, route: _, target: __, ...stream } = accepted
    if (isSession(name)) {
      speakers.add(connection)
      connection.once('close', () => speakers.delete(connection))
      const socket = new SessionSocket(connection, head, SESSION_GREETING)
      serve(accepted, connection, socket, async () => host.sessions[name]({ ...stream, socket }))
    } else if (isLoan(name)) {
      lenders.handleUpgrade(request, connection, head, (socket) => {
        const frames = new FrameSocket(socket, host.redact)
        serve(accepted, connection, frames, async () => host.loans[name]({ socket, frames }))
      })
    } else {
      followers.handleUpgrade(request, connection, head, (webSocket) => {
        const socket = new FrameSocket(webSocket, host.redact)
        serve(accepted, connection, socket, async () => host.streams[name]({ ...stream, socket }))
      })
    }
  }
  return {
    upgrade(request, connection, head) {
      // Between the request and its answer nobody else listens to the connection.
      connection.on('error', ignore)
      accept(request).then(
        (accepted) => {
          connection.off('error', ignore)
          open(accepted, request, connection, head)
        },
        (error: unknown) => refuse(connection, error, host.redact),
      )
    },
    close() {
      for (const server of [followers, lenders]) {
        for (const client of server.clients) client.close(1001)
        server.close()
      }
      for (const connection of speakers) connection.destroy()
    },
  }
}

/** A session is in the audit once: as soon as it has begun, or with why it has not. Streams only read, and are not in it. */
function noteOnce(
  { note }: UpgradeHost,
  {
    name,
    caller,
    params,
  }: { readonly name: EndpointName; readonly caller: Admitted; readonly params: Stream['params'] },
): (outcome: 'done' | 'failed', problem?: Problem) => void {
  let isNoted = !isSession(name)
  return (outcome, problem) => {
    if (isNoted) return
    isNoted = true
    note(caller, { action: name, object: params.stack!, outcome, problem })
  }
}

type EndpointName = StreamName | SessionName | LoanName

const ENDPOINTS = { ...STREAMS, ...SESSIONS, ...LOANS }

/** A caller that went away before it was answered is owed nothing. */
const ignore = (): void => {}

const isSession = (name: EndpointName): name is SessionName => Object.hasOwn(SESSIONS, name)
const isLoan = (name: EndpointName): name is LoanName => Object.hasOwn(LOANS, name)

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

function mustSpeak(protocol: string, { headers }: IncomingMessage): void {
  if (headers.upgrade?.toLowerCase() === protocol) return
  throw new Problem('bad-request', `this path is for connections with "upgrade: ${protocol}"`)
}

/** Nothing is upgraded yet: the refusal is a plain HTTP answer. */
function refuse(connection: Duplex, error: unknown, redact: UpgradeHost['redact']): void {
  const problem = error instanceof Problem ? error : new Problem('internal', 'something went wrong inside the daemon')
  const body = redactedJson(problem.toDetails(), redact)
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
