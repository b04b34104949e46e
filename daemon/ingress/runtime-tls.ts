/** Certificates and answers to challenges over HAProxy's runtime API, without a reload (management guide 2.6, 9.3). */
import { CERTIFIED, CHALLENGES, filesOf, LIST, type TlsTable } from './certificate-files.ts'
import type { Runtime } from './runtime.ts'
import { changeMap, readMap } from './runtime-maps.ts'

export class RuntimeTls {
  readonly #runtime: Pick<Runtime, 'ask' | 'must'>
  readonly #log: { warn(fields: object, message: string): void }

  constructor(runtime: Pick<Runtime, 'ask' | 'must'>, log: { warn(fields: object, message: string): void }) {
    this.#runtime = runtime
    this.#log = log
  }

  /** Brings what HAProxy has to the table. One that it does not take keeps no other from being served. */
  async syncCertificates(table: TlsTable): Promise<void> {
    const wanted = filesOf(table)
    const there = await this.#listed()
    const served = new Map<string, string>()
    for (const [file, { host, pem }] of wanted) {
      try {
        if (!there.has(file)) await this.#add(file, host, pem)
        served.set(host, '1')
      } catch (err) {
        this.#log.warn({ err, host }, 'the ingress does not take a certificate')
      }
    }
    await this.#syncMap(CERTIFIED, served)
    for (const file of there) if (!wanted.has(file)) await this.#remove(file)
  }

  async syncChallenges({ challenges }: TlsTable): Promise<void> {
    await this.#syncMap(CHALLENGES, challenges)
  }

  async #listed(): Promise<Set<string>> {
    const answer = await this.#runtime.ask(`@1 show ssl crt-list ${LIST}`)
    const lines = answer.split('\n').filter((line) => line.startsWith('/') && line.includes('.pem'))
    return new Set(lines.map((line) => line.split(' ')[0]!))
  }

  async #add(file: string, host: string, pem: string): Promise<void> {
    // One that was begun with and not finished is there already.
    await this.#runtime.must(`@1 new ssl cert ${file}`, /New empty|already exists/i)
    await this.#runtime.must(`@1 set ssl cert ${file} <<\n${pem.trimEnd()}\n`, /Transaction (created|updated)/i)
    await this.#runtime.must(`@1 commit ssl cert ${file}`, /Success/i)
    await this.#runtime.must(`@1 add ssl crt-list ${LIST} <<\n${file} ${host}\n`, /Success|already exists/i)
  }

  /** Connections that it was shown to live on. */
  async #remove(file: string): Promise<void> {
    await this.#runtime.must(`@1 del ssl crt-list ${LIST} ${file}`, /deleted/i)
    await this.#runtime.must(`@1 del ssl cert ${file}`, /deleted/i)
  }

  async #syncMap(map: string, wanted: ReadonlyMap<string, string>): Promise<void> {
    await changeMap(this.#runtime, '@1', map, { there: await readMap(this.#runtime, '@1', map), wanted })
  }
}
