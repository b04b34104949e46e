/**
 * Large bodies from and to an Engine on a Unix socket, by hand: their bytes are taken where the system put them, where a
 * library of HTTP has each piece copied twice.
 */
import type { Socket } from 'node:net'
import { errors } from 'undici'
import { dial, taken } from './dial.ts'

export interface BulkAnswer {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Each chunk is there until the next one is asked for. Ends where the Engine closes the connection. */
  readonly chunks: AsyncGenerator<Buffer>
}

export interface BulkRequest {
  /** Calls back when the bytes have gone, or nothing goes any more: they may be used for others then. */
  write(bytes: Uint8Array, gone: () => void): void
  end(): void
  /** May come before the end, where the Engine refuses. */
  readonly answer: Promise<BulkAnswer>
  close(reason?: Error): void
}

const HEAD_LIMIT_BYTES = 65_536

/** As HTTP/1.0: then the body of the answer is its bytes and nothing else. */
export async function bulkGet(socketPath: string, connectMs: number, path: string, signal?: AbortSignal) {
  const socket = await opened(socketPath, connectMs, signal)
  socket.write(`GET ${path} HTTP/1.0\r\nhost: docker\r\n\r\n`)
  return answerOf(socket)
}

export async function bulkPut(
  socketPath: string,
  connectMs: number,
  { path, contentType }: { readonly path: string; readonly contentType: string },
  signal?: AbortSignal,
): Promise<BulkRequest> {
  const socket = await opened(socketPath, connectMs, signal)
  socket.write(
    `PUT ${path} HTTP/1.1\r\nhost: docker\r\ncontent-type: ${contentType}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`,
  )
  const answer = answerOf(socket)
  // Whoever ends the request asks for it.
  answer.catch(() => {})
  return {
    write(bytes, gone) {
      socket.cork()
      socket.write(`${bytes.length.toString(16)}\r\n`)
      socket.write(bytes)
      socket.write('\r\n', gone)
      socket.uncork()
    },
    end: () => socket.write('0\r\n\r\n'),
    answer,
    close: (reason) => socket.destroy(reason),
  }
}

function opened(socketPath: string, connectMs: number, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connect = dial(socketPath, connectMs)
    connect(undefined, (error, socket) => {
      if (error !== null) {
        reject(error)
        return
      }
      // Whoever reads sees the error.
      socket.on('error', () => {})
      const abort = () => socket.destroy(signal?.reason as Error)
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort, { once: true })
      socket.once('close', () => signal?.removeEventListener('abort', abort))
      resolve(socket)
    })
  })
}

async function answerOf(socket: Socket): Promise<BulkAnswer> {
  const chunks = taken(socket)!.chunks()
  let head = ''
  for (;;) {
    const { value, done } = await chunks.next()
    if (done === true) throw new errors.SocketError('other side closed')
    const before = head.length
    head += value.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end >= 0) {
      const [first = '', ...lines] = head.slice(0, end).split('\r\n')
      const headers = lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      })
      return {
        status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0),
        headers: Object.fromEntries(headers),
        chunks: joined(value.subarray(end + 4 - before), chunks),
      }
    }
    if (head.length > HEAD_LIMIT_BYTES) {
      socket.destroy()
      throw new errors.HeadersOverflowError()
    }
  }
}

async function* joined(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (first.length > 0) yield first
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}
