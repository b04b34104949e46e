/** Where a connection came in: known by the listener that took it, never by what it says of itself. */
import type { X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Role } from '../../protocol/access.ts'

export type Origin =
  | {
      readonly kind: 'socket'
      readonly path: string
      /** Whoever may open the file has it. */
      readonly role: Role
      /** How its callers are called. */
      readonly name: string
    }
  | {
      readonly kind: 'tls'
      readonly address: string
      /** The common name of a client certificate that our authority signed. */
      readonly certifiedName: string | undefined
      /** What the listener shows: says under which names it may be called. */
      readonly certificate: X509Certificate
    }

/** Connections by their sockets; each listener writes down its own. */
export class Origins {
  readonly #origins = new WeakMap<Duplex, Origin>()

  add(connection: Duplex, origin: Origin): void {
    this.#origins.set(connection, origin)
  }

  /** Undefined: no listener of ours took it, so that it may do nothing. */
  of(connection: Duplex): Origin | undefined {
    return this.#origins.get(connection)
  }
}

export const textOf = (origin: Origin): string => (origin.kind === 'socket' ? `unix://${origin.path}` : origin.address)
