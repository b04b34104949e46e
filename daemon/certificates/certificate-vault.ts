/** Certificates of hosts, their keys and those of accounts sealed in the state with the key of the secrets. */
import { generateKeyPairSync } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'
import { seal, unseal } from '../secrets/cipher.ts'
import { KEY_FILE } from '../secrets/key.ts'
import type { CertificateRow } from '../store/certificates.ts'
import type { Store } from '../store/store.ts'
import type { CheckedCertificate } from './check-certificate.ts'

/** Of all hosts: each is in HAProxy's memory. */
const CERTIFICATES_LIMIT = 5000

interface Parts {
  readonly store: Pick<Store, 'certificates' | 'transaction'>
  /** Read, or made, when first needed. */
  readonly key: () => Buffer
  readonly now: () => Date
  readonly log: { error(fields: object, message: string): void }
}

export interface Account {
  /** PEM. */
  readonly key: string
  /** Undefined until the authority knows it. */
  readonly url: string | undefined
}

/** What is authenticated with a sealed key. Names of stacks have no colon. */
const ofHost = (host: string, version: number) => ({ stack: 'certificate:', name: host, version })
const ofAuthority = (authority: string) => ({ stack: 'account:', name: authority, version: 1 })

export class CertificateVault {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  all(): CertificateRow[] {
    return this.#parts.store.certificates.all()
  }

  find(host: string): CertificateRow | undefined {
    return this.#parts.store.certificates.find(host)
  }

  put(
    host: string,
    { chain, key }: CheckedCertificate,
    { authority, by }: { readonly authority: string | undefined; readonly by: string },
  ): CertificateRow {
    const { store, now } = this.#parts
    const before = this.find(host)
    if (before === undefined && this.all().length >= CERTIFICATES_LIMIT)
      throw new Problem('conflict', `there are ${CERTIFICATES_LIMIT} certificates already`, {
        hint: 'remove those of hosts that are not served: evenkeel certificate rm',
      })
    const version = (before?.version ?? 0) + 1
    const row = {
      host,
      authority,
      chain,
      version,
      sealed: seal(Buffer.from(key), ofHost(host, version), this.#parts.key()),
      installedAt: now().toISOString(),
      installedBy: by,
    }
    store.transaction(() => {
      store.certificates.put(row)
      store.certificates.forgetAttempt(host)
    })
    return row
  }

  remove(host: string): void {
    const { store } = this.#parts
    store.transaction(() => store.certificates.remove(host))
  }

  /** Certificate, chain and key, as HAProxy reads them; undefined where there is none, or none that can be opened. */
  pemOf(host: string): string | undefined {
    const row = this.find(host)
    if (row === undefined) return undefined
    try {
      return `${row.chain}${unseal(row.sealed, ofHost(host, row.version), this.#parts.key())}`
    } catch (cause) {
      const err = new Problem('state-damaged', `the key of the certificate of ${host} cannot be opened`, {
        hint: `put the right ${KEY_FILE} back, or have another certificate: evenkeel certificate import, or certificate rm`,
        cause,
      })
      this.#parts.log.error({ err }, 'a host is not served over HTTPS')
      return undefined
    }
  }

  /** The account with an authority; made where there is none, or none that can be opened. */
  account(authority: string): Account {
    const { store } = this.#parts
    const row = store.certificates.account(authority)
    if (row !== undefined) {
      try {
        return { key: String(unseal(row.sealed, ofAuthority(authority), this.#parts.key())), url: row.url }
      } catch (err) {
        this.#parts.log.error(
          { err, authority },
          'the account with the authority cannot be opened: another one is made',
        )
      }
    }
    const key = makeKey()
    this.keepAccount(authority, { key, url: undefined })
    return { key, url: undefined }
  }

  keepAccount(authority: string, { key, url }: Account): void {
    const { store } = this.#parts
    const sealed = seal(Buffer.from(key), ofAuthority(authority), this.#parts.key())
    store.transaction(() => store.certificates.putAccount({ authority, url, sealed }))
  }
}

/** ECDSA on P-256, PEM. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}
