import type { Duplex } from 'node:stream'
import { demultiplex, plain } from './demultiplex.ts'
import type { HijackedStream } from './types.ts'

/** Ending `input` half-closes the connection; the output runs on until the Engine closes it. */
export function hijacked(socket: Duplex, framing: { readonly tty: boolean }): HijackedStream {
  // A reset after the last byte is how some Engines close; whoever reads sees the end or the error from the iterator.
  socket.on('error', () => {})
  return {
    input: socket,
    output: framing.tty ? plain(socket) : demultiplex(socket),
    close: () => socket.destroy(),
  }
}
