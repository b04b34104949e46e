/** A WebSocket to the daemon. `ws` is loaded with this file: only where a stream or a session is wanted. */
import { WebSocket } from 'ws'
import type { DaemonAddress } from './address.ts'
import { NO_SERVER_NAME, refusal, unreachable } from './connection.ts'

/** Listens before it opens (`listen`): the first frames come with the answer itself. */
export async function openWebSocket(
  address: DaemonAddress,
  path: string,
  listen: (socket: WebSocket) => void,
): Promise<WebSocket> {
  const socket = new WebSocket(`ws+unix://${address.socketPath}:${path}`, {
    perMessageDeflate: false,
    ...NO_SERVER_NAME,
    // Masks keep what browsers send from being taken for HTTP by proxies. There are none on a Unix socket, and a mask of
    // zeros costs nothing at either end.
    generateMask: (mask) => mask.fill(0),
  })
  listen(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('unexpected-response', (_request, response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.once('end', () => reject(refusal(text, response.statusCode ?? 500)))
    })
    socket.once('error', (error) => reject(unreachable(address, error)))
  })
  return socket
}
