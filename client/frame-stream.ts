/**
 * A WebSocket of the daemon as an iterable of frames: objects for text, bytes for binary ones. It reads on only as fast as
 * the frames are taken.
 */
import { Problem } from '../protocol/problems.ts'
import type { DaemonAddress } from './address.ts'
import type { FrameStream } from './connection.ts'
import { openWebSocket } from './web-socket.ts'

/** Frames taken from the socket and not yet from here. */
const QUEUE_LIMIT = 256

export async function openFrameStream<F>(address: DaemonAddress, path: string): Promise<FrameStream<F>> {
  const queue: F[] = []
  let ended: { error: Error | undefined } | undefined
  let wake = (): void => {}
  const socket = await openWebSocket(address, path, (socket) => {
    socket.on('message', (data, isBinary) => {
      queue.push((isBinary ? data : JSON.parse(String(data))) as F)
      if (queue.length >= QUEUE_LIMIT) socket.pause()
      wake()
    })
    socket.once('close', (code) => {
      const lost =
        code === 1000 || code === 1005
          ? undefined
          : new Problem('daemon-unreachable', 'the connection to the daemon was lost')
      ended ??= { error: lost }
      wake()
    })
  })
  return {
    close: () => {
      ended ??= { error: undefined }
      socket.terminate()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const frame = queue.shift()
        if (frame !== undefined) {
          if (socket.isPaused && queue.length < QUEUE_LIMIT / 2) socket.resume()
          yield frame
        } else if (ended !== undefined) {
          if (ended.error !== undefined) throw ended.error
          return
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    },
  }
}
