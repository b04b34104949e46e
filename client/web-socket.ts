/** A WebSocket to the daemon. `ws` is loaded with this file: only where a stream or a loan is wanted. */
import { type ClientOptions, WebSocket } from 'ws'
import type { DaemonAddress } from './address.ts'
import { refusal, unreachable } from './connection.ts'
import { transportTo } from './transport.ts'

/** Listens before it opens (`listen`): the first frames come with the answer itself. */
export async function openWebSocket(
  address: DaemonAddress,
  path: string,
  listen: (socket: WebSocket) => void,
): Promise<WebSocket> {
  const { options } = await transportTo(address)
  const { socketPath: _, ...rest } = options
  const socket = new WebSocket(urlOf(address, path), {
    perMessageDeflate: false,
    ...(rest as ClientOptions),
    ...(address.way.kind === 'unix' ? { generateMask: withoutMask } : {}),
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

/**
 * Masks keep what is sent from being taken for HTTP by proxies on the way. There are none on a Unix socket, and a mask of
 * zeros costs nothing at either end; everywhere else they are random, which is what `ws` does by itself.
 */
const withoutMask = (mask: Buffer): void => {
  mask.fill(0)
}

function urlOf({ way }: DaemonAddress, path: string): string {
  switch (way.kind) {
    case 'unix':
      return `ws+unix://${way.socketPath}:${path}`
    case 'https':
      return `wss://${way.host.includes(':') ? `[${way.host}]` : way.host}:${way.port}${path}`
    case 'ssh':
      return `ws://evenkeel${path}`
  }
}
