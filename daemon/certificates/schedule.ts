/** When an authority is asked for a certificate, and when again after it did not give one. Pure. */
import { createHash } from 'node:crypto'
import type { AttemptRow } from '../store/certificates.ts'
import type { CertificateFacts } from './check-certificate.ts'

/** Of the lifetime. */
const RENEWAL_FROM = 2 / 3
/** Of the lifetime, earlier: so that hosts which came together do not come together again. */
const JITTER = 1 / 20
const FIRST_WAIT_MS = 60_000
const WAIT_LIMIT_MS = 12 * 3_600_000
/** However long an authority asks to be left alone: beyond, somebody is to have looked. */
const RETRY_AFTER_LIMIT_MS = 7 * 24 * 3_600_000

/** Of the lifetime: so long one that an authority gave is kept in any case, whatever the clocks say. */
const KEPT_FOR = 1 / 3

/** The same for a host and a certificate, however often it is asked. `givenAt`: when an authority gave it. */
export function renewalAt(
  host: string,
  { notBefore, notAfter }: Pick<CertificateFacts, 'notBefore' | 'notAfter'>,
  givenAt?: Date,
): Date {
  const lifetimeMs = notAfter.getTime() - notBefore.getTime()
  const digest = createHash('sha256').update(`${host} ${notAfter.toISOString()}`).digest()
  const share = digest.readUInt32BE() / 2 ** 32
  const earlyMs = notBefore.getTime() + lifetimeMs * (RENEWAL_FROM - JITTER * share)
  return new Date(Math.max(earlyMs, givenAt === undefined ? 0 : givenAt.getTime() + lifetimeMs * KEPT_FOR))
}

/** `there` undefined: there is none as yet. */
export function dueAt(
  host: string,
  there: { readonly facts: CertificateFacts; readonly givenAt?: Date | undefined } | undefined,
  attempt: Pick<AttemptRow, 'nextAt'> | undefined,
): Date {
  const wanted = there === undefined ? new Date(0) : renewalAt(host, there.facts, there.givenAt)
  const allowed = attempt === undefined ? wanted : new Date(attempt.nextAt)
  return allowed > wanted ? allowed : wanted
}

/** One minute, twice as long after each failure in a row, up to twelve hours; as long as the authority says, if that is longer. */
export function waitMs(failures: number, retryAfterMs = 0): number {
  const own = Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 20), WAIT_LIMIT_MS)
  return Math.max(own, Math.min(retryAfterMs, RETRY_AFTER_LIMIT_MS))
}
