/** A WebSocket of the daemon as an iterable of frames. It reads on only as fast as the frames are taken. */
import { WebSocket } from 'ws'
import { Problem, type ProblemDetails } from '../protocol/problems.ts'
import type { DaemonAddress } from './address.ts'
import { type FrameStream, NO_SERVER_NAME, unreachable } from './connection.ts'

/** Frames taken from the socket and not yet from here. */
const QUEUE_LIMIT = 256

export async function openFrameStream<F>(address: DaemonAddress, path: string): Promise<FrameStream<F>> {
  const socket = new WebSocket(`ws+unix://${address.socketPath}:${path}`, {
    perMessageDeflate: false,
    ...NO_SERVER_NAME,
  })
  const queue: F[] = []
  let ended: { error: Error | undefined } | undefined
  let wake = (): void => {}
  // Listens before it opens: the first frames come with the answer itself.
  socket.on('message', (data) => {
    queue.push(JSON.parse(String(data)) as F)
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
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('unexpected-response', (_request, response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => reject(refusal(text)))
    })
    socket.once('error', (error) => reject(unreachable(address, error)))
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

function refusal(text: string): Problem {
  try {
    return Problem.fromDetails(JSON.parse(text) as ProblemDetails)
  } catch {
    return new Problem('internal', `the daemon refused the stream: ${text.slice(0, 200)}`)
  }
}
