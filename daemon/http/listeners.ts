/** All ways in, over one API: each writes down for its connections where they came in, and so who they may be. */
import { constants, X509Certificate } from 'node:crypto'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Problem } from '../../protocol/problems.ts'
import type { Origin, Origins } from '../access/origin.ts'
import { listen, type SocketOwner } from './unix-socket.ts'
import type { Upgrades } from './upgrades.ts'

export interface SocketListener {
  readonly origin: Extract<Origin, { kind: 'socket' }>
  readonly owner: SocketOwner
}

export interface TlsListener {
  readonly host: string
  readonly port: number
  /** PEM. */
  readonly certificate: string
  readonly key: string
  /** Of the authority whose client certificates name users; undefined: none do. */
  readonly clientAuthority: string | undefined
}

/** Connections at once from afar: each costs memory before it has shown who it is. */
const CONNECTIONS_LIMIT = 1000
const HANDSHAKE_MS = 10_000
const HEADERS_MS = 10_000
/** A connection that speaks HTTP and on which nothing moves. Upgraded ones are watched by heartbeat or keep-alive instead. */
const SILENT_MS = 300_000
const KEEP_ALIVE_MS = 72_000

/** Who reads on the logs of 512 containers names them all in the address. */
const HEADERS_BYTES = 65_536

/** Uploads take as long as they take: a request as a whole has no limit, its headers and its silence have. */
const LIMITS = {
  requestTimeout: 0,
  headersTimeout: HEADERS_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  maxHeaderSize: HEADERS_BYTES,
}

export class Listeners {
  readonly #handle: RequestListener
  readonly #upgrades: Upgrades
  readonly #origins: Origins
  readonly #servers: Server[] = []

  constructor(handle: RequestListener, upgrades: Upgrades, origins: Origins) {
    this.#handle = handle
    this.#upgrades = upgrades
    this.#origins = origins
  }

  async socket({ origin, owner }: SocketListener): Promise<void> {
    const server = createHttpServer(LIMITS, this.#handle)
    server.on('connection', (connection) => this.#origins.add(connection, origin))
    this.#serve(server)
    await listen(server, origin.path, owner)
  }

  /** Answers the port, which is the system's choice where it was 0. */
  async tls({ host, port, certificate, key, clientAuthority }: TlsListener): Promise<number> {
    const server = createTlsServer(
      {
        ...LIMITS,
        cert: certificate,
        key,
        ...(clientAuthority === undefined ? {} : { ca: clientAuthority, requestCert: true, rejectUnauthorized: false }),
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: HANDSHAKE_MS,
        // A session that is taken up again would not show its certificate again.
        secureOptions: constants.SSL_OP_NO_TICKET,
      },
      this.#handle,
    )
    server.maxConnections = CONNECTIONS_LIMIT
    server.setTimeout(SILENT_MS)
    const own = new X509Certificate(certificate)
    server.on('secureConnection', (connection) => this.#origins.add(connection, tlsOrigin(connection, own)))
    this.#serve(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new Problem('bad-request', `cannot listen on ${host}:${port}: ${error.code ?? error.message}`, {
            cause: error,
          }),
        ),
      )
      server.listen(port, host, resolve)
    })
    return (server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()))
        server.closeAllConnections()
        return closed
      }),
    )
  }

  #serve(server: Server): void {
    server.on('upgrade', this.#upgrades.upgrade)
    this.#servers.push(server)
  }
}

function tlsOrigin(connection: TLSSocket, certificate: X509Certificate): Origin {
  const name: unknown = connection.authorized ? connection.getPeerCertificate().subject?.CN : undefined
  return {
    kind: 'tls',
    address: connection.remoteAddress ?? '',
    certifiedName: typeof name === 'string' ? name : undefined,
    certificate,
  }
}
