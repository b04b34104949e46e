/**
 * gRPC over one connection that both sides have agreed to speak HTTP/2 on: as its client (`POST /grpc`, the Engine
 * answers) and as its server (`POST /session`, the Engine asks). https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, performServerHandshake } from 'node:http2'
import type { Duplex } from 'node:stream'
import { Problem } from '../../../protocol/problems.ts'
import type { MessageType } from './protobuf.ts'

export const GrpcStatus = { ok: 0, cancelled: 1, unknown: 2, notFound: 5, unimplemented: 12, internal: 13 } as const

/** An answer of the other side that is not `ok`, or one of ours. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** No message of BuildKit's is near this; its own limit is 16 MiB. */
const MESSAGE_LIMIT_BYTES = 32 * 1024 ** 2
const PREFIX_BYTES = 5
const WINDOW_BYTES = 4 * 1024 ** 2
/** A pattern of `.dockerignore` is a header of its own. */
const HEADERS = { pairs: 65_535, bytes: 4 * 1024 ** 2 }
const SETTINGS = {
  settings: { initialWindowSize: WINDOW_BYTES, maxHeaderListSize: HEADERS.bytes, enablePush: false },
  maxHeaderListPairs: HEADERS.pairs,
  maxSessionMemory: 128,
}

export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** The messages of a stream, whole, however its bytes are cut. */
export async function* unframed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let held = 0
  for await (const chunk of chunks) {
    parts.push(chunk)
    held += chunk.length
    while (held >= PREFIX_BYTES) {
      if (parts[0]!.length < PREFIX_BYTES) parts = [Buffer.concat(parts)]
      const length = parts[0]!.readUInt32BE(1)
      if (parts[0]![0] !== 0 || length > MESSAGE_LIMIT_BYTES) {
        throw new GrpcError(GrpcStatus.internal, `a message of ${length} bytes, or a compressed one, is not taken`)
      }
      if (held < PREFIX_BYTES + length) break
      const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
      yield whole.subarray(PREFIX_BYTES, PREFIX_BYTES + length)
      const rest = whole.subarray(PREFIX_BYTES + length)
      parts = rest.length === 0 ? [] : [rest]
      held = rest.length
    }
  }
  if (held > 0) throw new GrpcError(GrpcStatus.internal, 'the stream ended within a message')
}

export class GrpcClient {
  readonly #session: ClientHttp2Session

  constructor(socket: Duplex) {
    this.#session = connect('http://localhost', { createConnection: () => socket, ...SETTINGS })
    this.#session.on('error', () => {
      // Each open call fails with it and says so.
    })
  }

  async unary<Q, A>(
    method: string,
    request: { readonly type: MessageType<Q>; readonly value: Partial<Q> },
    answer: MessageType<A>,
    signal: AbortSignal,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<A> {
    for await (const message of this.stream(method, request, answer, signal, metadata)) return message
    throw new GrpcError(GrpcStatus.internal, `${method} ended without an answer`)
  }

  /** The answers of a call as they come. Rejects with a {@link GrpcError}, or the signal's reason. */
  async *stream<Q, A>(
    method: string,
    { type, value }: { readonly type: MessageType<Q>; readonly value: Partial<Q> },
    answer: MessageType<A>,
    signal: AbortSignal,
    metadata: Readonly<Record<string, string>> = {},
  ): AsyncGenerator<A> {
    signal.throwIfAborted()
    const call = this.#open(method, metadata)
    const cancel = () => call.close(constants.NGHTTP2_CANCEL)
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const outcome = outcomeOf(call)
      call.end(framed(type.encode(value)))
      for await (const message of unframed(call)) yield answer.decode(message)
      const ended = await outcome
      if (ended === undefined) throw new Error('it was closed')
      if (ended.status !== GrpcStatus.ok) throw new GrpcError(ended.status, ended.message)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof GrpcError || error instanceof Problem) throw error
      throw new Problem('engine-unreachable', `the connection to BuildKit broke: ${(error as Error).message}`, {
        hint: 'is dockerd still running? Bring the stack up again with --build',
        engine: { call: `POST /grpc ${method}` },
        cause: error,
      })
    } finally {
      signal.removeEventListener('abort', cancel)
      cancel()
    }
  }

  close(): void {
    endLater(this.#session)
  }

  #open(method: string, metadata: Readonly<Record<string, string>>): ClientHttp2Stream {
    const call = this.#session.request({
      ...metadata,
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: method,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    call.on('error', () => {
      // Reading from it rejects with the same.
    })
    return call
  }
}

/**
 * A session that is ended in the very turn that made it crashes the process, in Node 20: it reads bytes that came with the
 * upgrade a tick later, without asking whether it is still there (lib/internal/http2/core.js).
 */
function endLater(session: ClientHttp2Session | ServerHttp2Session): void {
  setImmediate(() => session.destroy())
}

/** `grpc-status` stands in the trailers, or in the headers where there is nothing else. Undefined: it never came. */
function outcomeOf(call: ClientHttp2Stream): Promise<{ status: number; message: string } | undefined> {
  return new Promise((resolve) => {
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] === undefined) return
      resolve({ status: Number(headers['grpc-status']), message: decoded(String(headers['grpc-message'] ?? '')) })
    }
    call.on('response', look)
    call.on('trailers', look)
    call.on('close', () => resolve(undefined))
  })
}

function decoded(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    // Not encoded as it should be: as it came.
    return message
  }
}

const encoded = (message: string): string => encodeURIComponent(message.slice(0, 4000)).replaceAll('%20', ' ')

/** One call of the other side. */
export interface GrpcCall {
  /** Values of a key in order. Values repeat, and may hold commas. */
  metadata(key: string): readonly string[]
  readonly messages: AsyncIterable<Buffer>
  /** Waits where the other side is slow. */
  send(messages: readonly Buffer[]): Promise<void>
}

export type GrpcMethod = (call: GrpcCall) => Promise<void>

export interface GrpcServer {
  close(): void
}

export function unaryMethod<Q, A>(
  request: MessageType<Q>,
  answer: MessageType<A>,
  handle: (question: Q) => Promise<Partial<A>> | Partial<A>,
): GrpcMethod {
  return async (call) => {
    for await (const message of call.messages) {
      await call.send([answer.encode(await handle(request.decode(message)))])
      return
    }
  }
}

/** Serves until the connection ends or `close` is called. A method that throws answers its {@link GrpcError}'s status. */
export function serveGrpc(socket: Duplex, methods: Readonly<Record<string, GrpcMethod>>): GrpcServer {
  const session: ServerHttp2Session = performServerHandshake(socket, SETTINGS)
  session.on('error', () => {
    // The build on the other side fails with it and says so.
  })
  const serve = (stream: ServerHttp2Stream, headers: Record<string, unknown>, _: number, raw?: readonly string[]) => {
    stream.on('error', () => {
      // The other side has gone from this call.
    })
    const method = methods[String(headers[constants.HTTP2_HEADER_PATH])]
    if (method === undefined) {
      stream.respond(
        { 'content-type': 'application/grpc', 'grpc-status': String(GrpcStatus.unimplemented) },
        { endStream: true },
      )
      return
    }
    answer(stream, raw ?? [], method)
  }
  session.on('stream', serve as never)
  return { close: () => endLater(session) }
}

function answer(stream: ServerHttp2Stream, raw: readonly string[], method: GrpcMethod): void {
  const end = (status: number, message: string): void => {
    if (stream.destroyed || stream.closed) return
    stream.once('wantTrailers', () => {
      stream.sendTrailers({
        'grpc-status': String(status),
        ...(message === '' ? {} : { 'grpc-message': encoded(message) }),
      })
    })
    stream.end()
    stream.resume()
  }
  stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
  method({
    metadata: (key) => valuesOf(raw, key),
    // Whoever reads no further leaves the call open, for its answer.
    messages: unframed(stream.iterator({ destroyOnReturn: false })),
    send: (messages) => written(stream, Buffer.concat(messages.map(framed))),
  }).then(
    () => end(GrpcStatus.ok, ''),
    (error: unknown) => {
      const known = error instanceof GrpcError
      end(known ? error.status : GrpcStatus.unknown, error instanceof Error ? error.message : String(error))
    },
  )
}

/** Node's own header object joins what repeats with commas: these are the headers as they were sent. */
function valuesOf(raw: readonly string[], key: string): string[] {
  const values: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    // Header bytes arrive as Latin-1; old BuildKits send names as UTF-8 without saying so.
    if (raw[at]!.toLowerCase() === key) values.push(Buffer.from(raw[at + 1]!, 'latin1').toString())
  }
  return values
}

function written(stream: ServerHttp2Stream, bytes: Buffer): Promise<void> {
  if (stream.destroyed || stream.closed)
    return Promise.reject(new GrpcError(GrpcStatus.cancelled, 'the call has ended'))
  if (stream.write(bytes)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const drained = () => {
      stream.off('close', closed)
      resolve()
    }
    const closed = () => {
      stream.off('drain', drained)
      reject(new GrpcError(GrpcStatus.cancelled, 'the call has ended'))
    }
    stream.once('drain', drained)
    stream.once('close', closed)
  })
}
