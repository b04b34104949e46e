/** The part of the ingress that serves HTTPS: certificates of hosts, and answers to authorities that ask whether a host is ours. */
import { Problem } from '../../protocol/problems.ts'
import { type TlsTable, tidyCertificates, writeCertificates } from './certificate-files.ts'
import type { Runtime } from './runtime.ts'
import { RuntimeTls } from './runtime-tls.ts'
import { encryptedHosts, type IngressService } from './table.ts'

interface Parts {
  /** The ingress's. */
  readonly folder: string
  readonly runtime: Pick<Runtime, 'ask' | 'must'>
  /** Certificate, chain and key of a host (PEM); undefined: it has none. */
  readonly certificateOf: (host: string) => string | undefined
  readonly log: { warn(fields: object, message: string): void }
}

export class IngressTls {
  readonly #parts: Parts
  readonly #runtime: RuntimeTls
  /** By path. They live as long as the order that they are for, and no longer than the daemon. */
  readonly #challenges = new Map<string, string>()

  constructor(parts: Parts) {
    this.#parts = parts
    this.#runtime = new RuntimeTls(parts.runtime, parts.log)
  }

  /** For HAProxy to read when it starts or reloads. */
  write(services: readonly IngressService[]): TlsTable {
    const certificates = encryptedHosts(services).flatMap(({ host }) => {
      const pem = this.#parts.certificateOf(host)
      return pem === undefined ? [] : [[host, pem] as const]
    })
    const table = { certificates: new Map(certificates), challenges: this.#challenges }
    writeCertificates(this.#parts.folder, table)
    return table
  }

  /** What was written, told to the HAProxy that runs. */
  async sync(services: readonly IngressService[], table: TlsTable): Promise<void> {
    if (encryptedHosts(services).length > 0) await this.#runtime.syncCertificates(table)
    tidyCertificates(this.#parts.folder, table)
  }

  /** `text` undefined: nobody is to be answered there any more. */
  async answer(services: readonly IngressService[], path: string, text: string | undefined): Promise<void> {
    if (text === undefined) this.#challenges.delete(path)
    else this.#challenges.set(path, text)
    const table = this.write(services)
    if (services.some(({ routing }) => routing.routes.length > 0)) await this.#runtime.syncChallenges(table)
  }
}

/** HTTPS has its port as soon as a route asks for it, and not before. */
export function refuseTakenByHttps(services: readonly IngressService[], httpsPort: number): void {
  if (encryptedHosts(services).length === 0) return
  const holder = services.find(({ routing }) => routing.ports.some(({ port }) => port === httpsPort))
  if (holder === undefined) return
  const whose = `service ${holder.service} of stack ${holder.stack}`
  throw new Problem('port-taken', `port ${httpsPort}/tcp is that of ${whose}, and that of routes over HTTPS`, {
    hint: 'publish the service on another port, or move the routes: evenkeeld --ingress-https',
  })
}
