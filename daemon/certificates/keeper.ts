/** Has a certificate for each host that is served over HTTPS: asks for it, renews it early, keeps the old one where that fails. */
import { Problem } from '../../protocol/problems.ts'
import type { EncryptedHost } from '../ingress/table.ts'
import type { AttemptRow, CertificateRow } from '../store/certificates.ts'
import type { Store } from '../store/store.ts'
import type { CertificateVault } from './certificate-vault.ts'
import { checkCertificate, readFacts } from './check-certificate.ts'
import { type Issuer, Refused } from './issuer.ts'
import { dueAt, waitMs } from './schedule.ts'

interface Parts {
  readonly vault: CertificateVault
  readonly store: Pick<Store, 'certificates' | 'transaction'>
  /** Or why nobody is asked. */
  readonly issuer: Issuer | { readonly whyNot: string }
  readonly hosts: () => readonly EncryptedHost[]
  /** Has the ingress serve what is there now. */
  readonly serve: () => Promise<void>
  /** Whether nothing is to be touched. */
  readonly isHeld: () => boolean
  readonly clock: {
    now(): Date
    sleep(ms: number, signal?: AbortSignal): Promise<void>
  }
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
}

const ORDERS_AT_ONCE = 4
/** Clocks are set, and holds end, without a word to anybody here. */
const LOOK_AGAIN_MS = 3_600_000
const HELD_LOOK_MS = 10_000
/** Before what should not fail is tried again. */
const TROUBLE_MS = 60_000
const BY = 'evenkeeld'

export class CertificateKeeper {
  readonly #parts: Parts
  readonly #underWay = new Map<string, 'first' | 'renewal'>()
  #awake = new AbortController()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Hosts have come or gone, or their certificates have. */
  wake(): void {
    this.#awake.abort()
  }

  /** Until what was given is served; undefined: nobody is asked just now. */
  underWay(host: string): 'first' | 'renewal' | undefined {
    return this.#underWay.get(host)
  }

  get whyNot(): string | undefined {
    const { issuer } = this.#parts
    return 'whyNot' in issuer ? issuer.whyNot : undefined
  }

  /** When the authority is asked next; undefined: never. */
  nextAt({ host, certificate }: Pick<EncryptedHost, 'host' | 'certificate'>): Date | undefined {
    const { issuer, store, vault } = this.#parts
    if (certificate === 'own' || 'whyNot' in issuer) return undefined
    const row = vault.find(host)
    const isGood = row !== undefined && isOf(row, issuer) && vault.pemOf(host) !== undefined
    const there = isGood ? { facts: readFacts(row.chain), givenAt: givenAt(row) } : undefined
    return dueAt(host, there, store.certificates.attempt(host))
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.wake(), { once: true })
    const orders = new Set<Promise<void>>()
    while (!signal.aborted) {
      this.#awake = new AbortController()
      await this.#parts.clock.sleep(this.#begin(orders, signal), this.#awake.signal)
    }
    await Promise.all(orders)
  }

  /** Begins what is due; answers when something will be. A state that cannot be read keeps nobody from anything else. */
  #begin(orders: Set<Promise<void>>, signal: AbortSignal): number {
    try {
      return this.#beginDue(orders, signal)
    } catch (err) {
      this.#parts.log.warn({ err }, 'certificates are not looked at as yet')
      return TROUBLE_MS
    }
  }

  #beginDue(orders: Set<Promise<void>>, signal: AbortSignal): number {
    const { issuer, hosts, vault, isHeld, clock, log } = this.#parts
    if ('whyNot' in issuer) return LOOK_AGAIN_MS
    if (isHeld()) return HELD_LOOK_MS
    const now = clock.now()
    const idle = hosts()
      .filter(({ host }) => !this.#underWay.has(host))
      .flatMap((one) => {
        const at = this.nextAt(one)
        return at === undefined ? [] : [{ host: one.host, at }]
      })
      .sort((a, b) => a.at.getTime() - b.at.getTime())
    const due = idle.filter(({ at }) => at <= now).slice(0, ORDERS_AT_ONCE - this.#underWay.size)
    for (const { host } of due) {
      this.#underWay.set(host, vault.pemOf(host) === undefined ? 'first' : 'renewal')
      const order = this.#order(host, issuer, signal)
        .catch(async (err) => {
          log.warn({ err, host }, 'how the order of a certificate went cannot be kept')
          await clock.sleep(TROUBLE_MS, signal)
        })
        .finally(() => {
          this.#underWay.delete(host)
          orders.delete(order)
          this.wake()
        })
      orders.add(order)
    }
    // Those that are due and have no room wait for an order to end.
    const next = idle.find(({ at }) => at > now)
    return next === undefined ? LOOK_AGAIN_MS : Math.min(next.at.getTime() - now.getTime(), LOOK_AGAIN_MS)
  }

  /** How it went is kept, and shown. Rejects only where that cannot be written. */
  async #order(host: string, issuer: Issuer, signal: AbortSignal): Promise<void> {
    const { vault, store, clock, serve, log } = this.#parts
    const before = store.certificates.attempt(host)
    const failures = (before?.failures ?? 0) + 1
    const remember = (error: string, retryAfterMs?: number): AttemptRow => {
      const nextAt = new Date(clock.now().getTime() + waitMs(failures, retryAfterMs)).toISOString()
      const attempt = { host, failures, nextAt, error }
      store.transaction(() => store.certificates.putAttempt(attempt))
      return attempt
    }
    try {
      remember('evenkeeld was cut short while it asked for a certificate')
      const issued = checkCertificate(host, await issuer.issue(host, signal), clock.now())
      const { chain } = vault.put(host, issued, { authority: issuer.authority, by: BY })
      log.info({ host, authority: issuer.authority, notAfter: readFacts(chain).notAfter }, 'a host has a certificate')
    } catch (error) {
      if (signal.aborted) return this.#takeBack(host, before)
      const { message, hint } = error instanceof Problem ? error : { message: String(error), hint: undefined }
      const words = hint === undefined ? message : `${message}; ${hint}`
      const { nextAt } = remember(words, error instanceof Refused ? error.retryAfterMs : undefined)
      log.warn({ host, failures, nextAt, error: words }, 'a host has got no certificate')
      return
    }
    await serve().catch((err) => log.warn({ err, host }, 'the ingress does not serve a certificate as yet'))
  }

  /** An end that was asked for is no failure. */
  #takeBack(host: string, before: AttemptRow | undefined): void {
    const { certificates, transaction } = this.#parts.store
    transaction(() => (before === undefined ? certificates.forgetAttempt(host) : certificates.putAttempt(before)))
  }
}

/** Undefined where somebody imported it. */
const givenAt = ({ authority, installedAt }: CertificateRow): Date | undefined =>
  authority === undefined ? undefined : new Date(installedAt)

/** One of another authority, of staging for one, is replaced; one that somebody imported is good until it is to be renewed. */
const isOf = (row: CertificateRow, issuer: Issuer): boolean =>
  row.authority === undefined || row.authority === issuer.authority
