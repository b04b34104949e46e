/**
 * HTTP to one Engine over undici. Ordinary calls share a pool; each stream (logs, events, waits, pulls) has a connection
 * of its own, so that any number of open streams never starves a call. Connections are made anew when they break.
 */
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import { Client, type Dispatcher, errors, Pool } from 'undici'
import { Problem } from '../../protocol/problems.ts'
import type { EngineAddress } from './address.ts'
import { type BulkAnswer, bulkGet, bulkPut } from './bulk.ts'
import { dial } from './dial.ts'
import type { ArchiveWriter, CallOptions } from './types.ts'

export interface Call extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  /** Without version prefix. Parts that hold data are encoded by {@link segment}. */
  readonly path: string
  /** A list is sent as one parameter for each. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>
  readonly body?: unknown
  readonly rawBody?: Readable | Buffer
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** `stream`: own connection, no time limit on the body. */
  readonly kind?: 'call' | 'stream'
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
}

const REFUSAL_CHARACTERS = 16_384
const CALL_TIMEOUT_MS = 60_000
const CONNECT_MS = 5000
/** Calls in flight over all stacks; one stack uses 8. */
const CONNECTIONS = 64

/** One part of a path. Whatever it holds, it stays one part: `../x` becomes `..%2Fx`. */
export function segment(value: string): string {
  const encoded = encodeURIComponent(value)
  if (encoded === '' || encoded === '.' || encoded === '..') {
    throw new Problem('bad-request', `"${value}" is not a name or id of the Engine`)
  }
  return encoded
}

export class Transport {
  readonly address: EngineAddress
  readonly #pool: Pool
  readonly #streams = new Set<Client>()
  #prefix = ''

  constructor(address: EngineAddress) {
    this.address = address
    this.#pool = new Pool(address.origin, {
      ...this.#connect(),
      connections: CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      // The time limit of a call is ours (its signal): stops and waits answer late on purpose.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** `/v1.51`, once negotiated. */
  protected useVersion(apiVersion: string): void {
    this.#prefix = `/v${apiVersion}`
  }

  async send(call: Call): Promise<Answer> {
    const timeout = call.kind === 'stream' ? undefined : AbortSignal.timeout(call.timeoutMs ?? CALL_TIMEOUT_MS)
    const signals = [call.signal, timeout].filter((signal) => signal !== undefined)
    const signal = signals.length === 0 ? undefined : AbortSignal.any(signals)
    const client = call.kind === 'stream' ? this.#streamClient() : undefined
    try {
      const answer = await (client ?? this.#pool).request({
        method: call.method as Dispatcher.HttpMethod,
        path: this.#path(call),
        headers: { ...(call.body === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers },
        body: call.body === undefined ? (call.rawBody ?? null) : JSON.stringify(call.body),
        signal: signal ?? null,
      })
      if (client !== undefined) answer.body.once('close', () => this.#drop(client))
      // A redirect is no answer either: the Engine sends one for a path that it would clean, such as an id with `..`.
      if (answer.statusCode >= 300 && answer.statusCode !== 304)
        throw refusal(call, answer.statusCode, await answer.body.text())
      return { status: answer.statusCode, headers: answer.headers, body: answer.body }
    } catch (error) {
      if (client !== undefined) this.#drop(client)
      throw this.explain(call, error)
    }
  }

  /** A stream's bytes. A connection that breaks on the way is a Problem as well. */
  async *bytes(call: Call): AsyncGenerator<Uint8Array> {
    yield* this.explained(call, piecesOf((await this.send({ ...call, kind: 'stream' })).body))
  }

  /** What comes of a call that was answered already: what breaks it on the way is a Problem as well. */
  async *explained<T>(call: Call, source: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* source
    } catch (error) {
      throw this.explain(call, error)
    }
  }

  async json<T>(call: Call): Promise<T> {
    return this.read(call, await this.send(call))
  }

  /** The JSON of an answer. */
  async read<T>(call: Call, { body, status }: Answer): Promise<T> {
    const text = await this.#text(call, body)
    try {
      return JSON.parse(text) as T
    } catch (error) {
      throw new Problem('engine-error', `the Engine's answer is not JSON: ${text.slice(0, 200)}`, {
        engine: { call: `${call.method} ${call.path}`, status },
        cause: error,
      })
    }
  }

  /** For calls whose answer has no meaning but its status. */
  async status(call: Call): Promise<number> {
    const { status, body } = await this.send(call)
    await this.#text(call, body)
    return status
  }

  /** As {@link bytes}, for gigabytes: each chunk is there until the next one is asked for. */
  async bulk(call: Call): Promise<Pick<Answer, 'headers'> & { readonly chunks: AsyncIterable<Uint8Array> }> {
    const { socketPath } = this.address
    if (socketPath === undefined) {
      const { headers, body } = await this.send({ ...call, kind: 'stream' })
      return { headers, chunks: this.explained(call, body) }
    }
    try {
      const answer = await bulkGet(socketPath, CONNECT_MS, this.#path(call), call.signal)
      return { headers: answer.headers, chunks: this.explained(call, await this.#bulkBody(call, answer)) }
    } catch (error) {
      throw this.explain(call, error)
    }
  }

  /** A body of gigabytes that comes from elsewhere. */
  async bulkUpload(call: Call & { readonly contentType: string }): Promise<ArchiveWriter> {
    const { socketPath } = this.address
    if (socketPath === undefined) return this.#piped(call)
    try {
      const { contentType, signal } = call
      const request = await bulkPut(socketPath, CONNECT_MS, { path: this.#path(call), contentType }, signal)
      const done = request.answer
        .then((answer) => this.#bulkBody(call, answer))
        .then(async (chunks) => {
          for await (const _ of chunks);
        })
        .catch((error: unknown) => {
          request.close()
          throw this.explain(call, error)
        })
      return { write: request.write, end: request.end, done, close: () => request.close() }
    } catch (error) {
      throw this.explain(call, error)
    }
  }

  #piped(call: Call & { readonly contentType: string }): ArchiveWriter {
    const body = new PassThrough()
    const headers = { 'content-type': call.contentType }
    const done = this.send({ ...call, headers, rawBody: body, kind: 'stream' }).then((answer) => {
      answer.body.resume()
    })
    return {
      // A copy: taken by the stream is not gone by the connection yet.
      write: (bytes, gone) => body.write(Buffer.from(bytes), gone),
      end: () => body.end(),
      done,
      close: () => body.destroy(),
    }
  }

  async #bulkBody(call: Call, { status, chunks }: BulkAnswer): Promise<AsyncIterable<Buffer>> {
    if (status >= 200 && status < 300) return chunks
    let text = ''
    for await (const chunk of chunks) if (text.length < REFUSAL_CHARACTERS) text += chunk.toString()
    throw refusal(call, status, text)
  }

  /** A connection that speaks something else after the Engine's 101: attach, exec, BuildKit's session. */
  async upgrade(call: Call & { readonly protocol: string }): Promise<Duplex> {
    const { socketPath } = this.address
    const client = this.#streamClient(
      socketPath === undefined ? this.#connect() : { connect: dial(socketPath, CONNECT_MS) },
    )
    try {
      const { socket, headers: _ } = await new Promise<{ socket: Duplex; headers: unknown }>((resolve, reject) => {
        client.dispatch(
          {
            method: call.method as Dispatcher.HttpMethod,
            path: this.#path(call),
            headers: { 'content-type': 'application/json', ...call.headers },
            body: call.body === undefined ? null : JSON.stringify(call.body),
            upgrade: call.protocol,
          },
          new UpgradeHandler(resolve, reject, call),
        )
      })
      socket.once('close', () => this.#drop(client))
      return socket
    } catch (error) {
      this.#drop(client)
      throw this.explain(call, error)
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#pool.destroy(), ...[...this.#streams].map((client) => client.destroy())])
  }

  /** Called when a call or a stream found the Engine unreachable. */
  protected connectionLost(): void {}

  #connect(): { connect: object } {
    const { socketPath, tls } = this.address
    if (socketPath !== undefined) return { connect: { socketPath, timeout: CONNECT_MS } }
    if (tls === undefined) return { connect: { timeout: CONNECT_MS } }
    const { ca, cert, key, verify } = tls
    return { connect: { ca, cert, key, rejectUnauthorized: verify === 'server', timeout: CONNECT_MS } }
  }

  #streamClient(how: { connect: object } = this.#connect()): Client {
    const client = new Client(this.address.origin, {
      ...how,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    this.#streams.add(client)
    return client
  }

  #drop(client: Client): void {
    this.#streams.delete(client)
    client.destroy().catch(() => {
      // It is gone already, which is what was wanted.
    })
  }

  #path(call: Call): string {
    const query = new URLSearchParams()
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value === undefined) continue
      for (const one of Array.isArray(value) ? value : [value]) query.append(key, String(one))
    }
    const text = query.toString()
    return `${this.#prefix}${call.path}${text === '' ? '' : `?${text}`}`
  }

  async #text(call: Call, body: Readable): Promise<string> {
    try {
      const chunks: Buffer[] = []
      for await (const chunk of body) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString()
    } catch (error) {
      throw this.explain(call, error)
    }
  }

  /** What a failure of a call, or of its stream later on, means: a Problem, or the reason of the caller's signal. */
  explain(call: Call, error: unknown): unknown {
    if (error instanceof Problem) return error
    if (call.signal?.aborted) return call.signal.reason
    const engine = { call: `${call.method} ${call.path}` }
    // Our own limit: that of the caller is the call's signal.
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      return new Problem(
        'engine-timeout',
        `the Engine did not answer ${engine.call} in ${(call.timeoutMs ?? CALL_TIMEOUT_MS) / 1000} s`,
        {
          engine,
          cause: error,
        },
      )
    }
    const words = error instanceof Error ? error.message : String(error)
    const refused = error instanceof errors.UndiciError || (error as NodeJS.ErrnoException).code !== undefined
    if (!refused) return error
    this.connectionLost()
    return new Problem('engine-unreachable', `the Engine at ${this.address.url} does not answer (${words})`, {
      hint: hintFor(error, this.address),
      engine,
      cause: error,
    })
  }
}

/**
 * All that has come since the last piece, as one: the Engine sends each line of a log as an HTTP chunk of its own, and to
 * pass on a million of them costs more than their bytes do.
 */
async function* piecesOf(body: Readable): AsyncGenerator<Uint8Array> {
  let wake = (): void => {}
  let failure: unknown
  body.on('readable', () => wake())
  body.once('error', (error) => {
    failure = error
  })
  body.once('end', () => wake())
  body.once('close', () => wake())
  try {
    for (;;) {
      const piece = body.read() as Buffer | null
      if (piece !== null) yield piece
      else if (body.readableEnded) return
      else if (failure !== undefined) throw failure
      else if (body.destroyed) throw new errors.SocketError('other side closed')
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    body.destroy()
  }
}

/** The Engine's own words for an answer that is none. */
function refusal(call: Call, status: number, text: string): Problem {
  let message = text.slice(0, REFUSAL_CHARACTERS).trim()
  try {
    message = (JSON.parse(text) as { message?: string }).message?.trim() ?? message
  } catch {
    // Not JSON: a proxy in between, or a very old Engine. Its words as they are.
  }
  return new Problem('engine-error', message === '' ? `the Engine answered ${status}` : message, {
    engine: { call: `${call.method} ${call.path}`, status },
  })
}

function hintFor(error: unknown, address: EngineAddress): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EACCES')
    return `this user may not open ${address.socketPath}: run as root, or join the group that owns it`
  if (address.socketPath !== undefined) return 'is dockerd running? (systemctl status docker)'
  return 'check the address and that the Engine listens there'
}

/** Resolves with the raw socket on 101; any other answer is an error of the Engine. */
class UpgradeHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (result: { socket: Duplex; headers: unknown }) => void
  readonly #reject: (error: unknown) => void
  readonly #call: Call
  #release = () => {}
  #status = 0
  #chunks: Buffer[] = []

  constructor(
    resolve: (result: { socket: Duplex; headers: unknown }) => void,
    reject: (error: unknown) => void,
    call: Call,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#call = call
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal } = this.#call
    if (signal === undefined) return
    const abort = () => controller.abort(signal.reason as Error)
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#release = () => signal.removeEventListener('abort', abort)
  }

  onRequestUpgrade(_: Dispatcher.DispatchController, _status: number, headers: unknown, socket: Duplex): void {
    this.#release()
    this.#resolve({ socket, headers })
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number): void {
    this.#status = statusCode
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#chunks.length < 16) this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#release()
    this.#reject(refusal(this.#call, this.#status, Buffer.concat(this.#chunks).toString()))
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#release()
    this.#reject(error)
  }
}
