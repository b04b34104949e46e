/** How a request gets to the daemon, for calls and WebSockets alike. What a way does not need is not loaded. */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { RequestOptions as TlsRequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { DaemonAddress, Way } from './address.ts'
import { NO_SERVER_NAME } from './connection.ts'

export interface Transport {
  readonly request: (options: RequestOptions, answered: (response: IncomingMessage) => void) => ClientRequest
  readonly options: Pick<
    TlsRequestOptions,
    'socketPath' | 'host' | 'port' | 'headers' | 'minVersion' | 'ca' | 'cert' | 'key' | 'createConnection'
  > & { readonly servername?: string }
}

/** Whom to believe, and who one is. */
export const tlsOptions = ({ host, port, authority, identity }: Extract<Way, { kind: 'https' }>) => ({
  host,
  port,
  minVersion: 'TLSv1.2' as const,
  ...(authority === undefined ? {} : { ca: authority }),
  ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
})

/** The system's ssh, as this user's environment has it. */
export async function sshDialer(way: Extract<Way, { kind: 'ssh' }>): Promise<() => Duplex> {
  const { dialSsh } = await import('./ssh-stream.ts')
  return () => dialSsh(way, process.env)
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
      return { request, options: { headers, ...tlsOptions(way) } }
    }
    case 'ssh': {
      const [{ request }, createConnection] = await Promise.all([import('node:http'), sshDialer(way)])
      // Node takes any duplex stream here, though its types know sockets alone.
      return { request, options: { headers, createConnection: createConnection as never, ...NO_SERVER_NAME } }
    }
  }
}
