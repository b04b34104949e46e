import type { Duplex } from 'node:stream'
import { demultiplex, plain } from './demultiplex.ts'
import { taken } from './dial.ts'
import type { Call, Transport } from './transport.ts'
import type { HijackedStream } from './types.ts'

/**
 * Ending `input` half-closes the connection; the output runs on until the Engine closes it. The signal of the call that
 * opened the stream ends it too: the output then rejects with the signal's reason. A connection that breaks is a Problem.
 */
export async function hijack(http: Transport, call: Call, { tty }: { readonly tty: boolean }): Promise<HijackedStream> {
  const { signal } = call
  const socket: Duplex = await http.upgrade({ ...call, protocol: 'tcp' })
  // A reset after the last byte is how some Engines close; whoever reads sees the end or the error from the iterator.
  socket.on('error', () => {})
  const abort = () => socket.destroy(signal?.reason as Error)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  socket.once('close', () => signal?.removeEventListener('abort', abort))
  const chunks = (): AsyncIterable<Buffer> =>
    http.explained(call, taken(socket)?.chunks() ?? (socket as AsyncIterable<Buffer>))
  return {
    input: socket,
    get output() {
      return tty ? plain(kept(chunks())) : demultiplex(kept(chunks()))
    },
    get chunks() {
      return chunks()
    },
    close: () => socket.destroy(),
  }
}

/** Chunks for whoever looks at them later. */
async function* kept(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}
