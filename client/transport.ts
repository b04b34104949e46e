/** How a request gets to the daemon, for calls and WebSockets alike. What a way does not need is not loaded. */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { RequestOptions as TlsRequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { DaemonAddress } from './address.ts'
import { NO_SERVER_NAME } from './connection.ts'

export interface Transport {
  readonly request: (options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest
  readonly options: Pick<
    TlsRequestOptions,
    'socketPath' | 'host' | 'port' | 'headers' | 'minVersion' | 'ca' | 'cert' | 'key' | 'createConnection'
  > & { readonly servername?: string }
}

export async function transportTo({ way, token }: DaemonAddress): Promise<Transport> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  switch (way.kind) {
    case 'unix': {
      const { request } = await import('node:http')
      return { request, options: { socketPath: way.socketPath, headers, ...NO_SERVER_NAME } }
    }
    case 'https': {
      const { request } = await import('node:https')
      const { host, port, authority, identity } = way
      return {
        request,
        options: {
          host,
          port,
          headers,
          minVersion: 'TLSv1.2',
          ...(authority === undefined ? {} : { ca: authority }),
          ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
        },
      }
    }
    case 'ssh': {
      const [{ request }, { dialSsh }] = await Promise.all([import('node:http'), import('./ssh-stream.ts')])
      // Node takes any duplex stream here, though its types know sockets alone.
      const createConnection = (): Duplex => dialSsh(way, process.env)
      return { request, options: { headers, createConnection: createConnection as never, ...NO_SERVER_NAME } }
    }
  }
}
