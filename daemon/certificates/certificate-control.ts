/** The use cases around certificates. No answer has a key. */
import { Problem } from '../../protocol/problems.ts'
import type { Certificate, CertificateRequest } from '../../protocol/resources/certificate.ts'
import type { EncryptedHost } from '../ingress/table.ts'
import type { AttemptRow, CertificateRow } from '../store/certificates.ts'
import type { Store } from '../store/store.ts'
import type { CertificateVault } from './certificate-vault.ts'
import { checkCertificate, readFacts } from './check-certificate.ts'
import type { CertificateKeeper } from './keeper.ts'

interface Parts {
  readonly vault: CertificateVault
  readonly store: Pick<Store, 'certificates'>
  readonly keeper: Pick<CertificateKeeper, 'wake' | 'underWay' | 'whyNot' | 'nextAt'>
  readonly hosts: () => readonly EncryptedHost[]
  readonly serve: () => Promise<void>
  readonly now: () => Date
}

export class CertificateControl {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Of hosts that are served over HTTPS, and those that are kept for none. */
  list(): Certificate[] {
    const { vault, hosts } = this.#parts
    const served = hosts()
    const rows = new Map(vault.all().map((row) => [row.host, row]))
    const unused = [...rows.keys()].filter((host) => !served.some((one) => one.host === host))
    return [
      ...served.map((one) => this.#view(one, rows.get(one.host))),
      ...unused.map((host) => this.#view({ host, certificate: 'own', usedBy: [] }, rows.get(host))),
    ].sort((a, b) => (a.host < b.host ? -1 : 1))
  }

  /** What of a stack is not served over HTTPS as it is to be, in words. */
  concernsOf(stack: string): string[] {
    const { vault, hosts } = this.#parts
    return hosts()
      .filter(({ usedBy }) => usedBy.some((one) => one.stack === stack))
      .map((one) => this.#view(one, vault.find(one.host)))
      .filter(({ state }) => state !== 'valid' && state !== 'ordering')
      .map(({ host, state, error }) => `https of ${host}: ${state}${error === undefined ? '' : `: ${error}`}`)
  }

  async import(host: string, request: CertificateRequest, by: string): Promise<Certificate> {
    const { vault, keeper, serve, now } = this.#parts
    vault.put(host, checkCertificate(host, request, now()), { authority: undefined, by })
    await serve()
    keeper.wake()
    return this.list().find((one) => one.host === host)!
  }

  /** Where routes want one still, an authority is asked again. */
  async remove(host: string): Promise<void> {
    const { vault, keeper, serve } = this.#parts
    if (vault.find(host) === undefined)
      throw new Problem('certificate-not-found', `there is no certificate of ${host}`, {
        hint: 'see: evenkeel certificate ls',
      })
    vault.remove(host)
    await serve()
    keeper.wake()
  }

  #view(served: EncryptedHost, row: CertificateRow | undefined): Certificate {
    const { store, keeper, vault, now } = this.#parts
    const { host, certificate, usedBy } = served
    const attempt = store.certificates.attempt(host)
    const isOpen = row !== undefined && vault.pemOf(host) !== undefined
    const facts = row === undefined ? undefined : readFacts(row.chain)
    const isGood = isOpen && facts !== undefined && facts.notAfter > now()
    const underWay = keeper.underWay(host)
    const isUnderWay = underWay !== undefined
    const next = usedBy.length === 0 || isUnderWay ? undefined : keeper.nextAt(served)
    const state = (): Certificate['state'] => {
      if (usedBy.length === 0) return 'unused'
      if (underWay === 'first') return 'ordering'
      if (isGood) return attempt === undefined || isUnderWay || certificate === 'own' ? 'valid' : 'renewal-failing'
      if (isUnderWay) return 'ordering'
      return isOpen ? 'expired' : 'missing'
    }
    const error = isGood && state() !== 'renewal-failing' ? undefined : this.#why(served, attempt, row)
    return {
      host,
      state: state(),
      usedBy: [...usedBy],
      ...(row === undefined ? {} : { source: row.authority === undefined ? 'own' : 'acme' }),
      ...(row?.authority === undefined ? {} : { authority: row.authority }),
      ...(facts === undefined
        ? {}
        : {
            issuer: facts.issuer,
            notBefore: facts.notBefore.toISOString(),
            notAfter: facts.notAfter.toISOString(),
          }),
      ...(next === undefined ? {} : { nextAt: new Date(Math.max(next.getTime(), now().getTime())).toISOString() }),
      ...(error === undefined || state() === 'unused' || state() === 'ordering' ? {} : { error }),
    }
  }

  #why(
    { host, certificate }: EncryptedHost,
    attempt: AttemptRow | undefined,
    row: CertificateRow | undefined,
  ): string | undefined {
    const more = row === undefined ? 'none was imported' : 'another one is to be imported'
    if (certificate === 'own') return `${more}: evenkeel certificate import ${host} --cert FILE --key FILE`
    return this.#parts.keeper.whyNot ?? attempt?.error
  }
}
