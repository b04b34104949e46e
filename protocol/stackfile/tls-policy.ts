/** `x-evenkeel.tls` of a service, or `tls` of one of its routes: whether a host is served over HTTPS, and by whose certificate. */
import { isMap, type PolicyFinding, unknownKeys } from './policy-finding.ts'

/** `auto`: an authority is asked for a certificate (ACME). `own`: one that was imported. `off`: HTTP alone. */
export type CertificateSource = 'auto' | 'own' | 'off'

export interface TlsOptions {
  certificate?: CertificateSource
  /** Whether HTTP leads to HTTPS. */
  redirect?: boolean
  /** Seconds for which browsers are to ask over HTTPS alone: `max-age` of Strict-Transport-Security. */
  hsts?: number
}

export type TlsPolicy = CertificateSource | TlsOptions

/** A route over HTTPS, with what holds where the file says nothing. */
export interface RouteTls {
  readonly certificate: 'auto' | 'own'
  readonly redirect: boolean
  readonly hstsSeconds?: number
}

const SOURCES: readonly unknown[] = ['auto', 'own', 'off'] satisfies CertificateSource[]
const KEYS = ['certificate', 'redirect', 'hsts']
/** Ten years: longer, a mistake would outlive the machine. */
const HSTS_LIMIT_SECONDS = 315_360_000

/** Undefined: the route is served over HTTP alone. */
export function tlsOf(policy: TlsPolicy | undefined): RouteTls | undefined {
  if (policy === undefined) return undefined
  const { certificate = 'auto', redirect = true, hsts } = typeof policy === 'string' ? { certificate: policy } : policy
  if (certificate === 'off') return undefined
  return { certificate, redirect, ...(hsts === undefined ? {} : { hstsSeconds: hsts }) }
}

export function tlsFindings(tls: unknown, path: PolicyFinding['path']): PolicyFinding[] {
  if (SOURCES.includes(tls)) return []
  if (!isMap(tls))
    return [
      {
        message: 'tls is to be auto, own, off, or a mapping',
        path,
        hint: 'Such as auto, or {certificate: auto, redirect: false, hsts: 31536000}.',
      },
    ]
  const found = unknownKeys(tls, KEYS, path)
  const { certificate, redirect, hsts } = tls
  if (certificate !== undefined && !SOURCES.includes(certificate))
    found.push({ message: 'certificate is to be one of auto, own, off', path: [...path, 'certificate'] })
  if (redirect !== undefined && typeof redirect !== 'boolean')
    found.push({ message: 'redirect is to be true or false', path: [...path, 'redirect'] })
  if (hsts !== undefined && !isSeconds(hsts))
    found.push({
      message: `hsts is to be a number of seconds, at most ${HSTS_LIMIT_SECONDS}`,
      path: [...path, 'hsts'],
      hint: 'Such as 31536000, a year.',
    })
  return found
}

const isSeconds = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= HSTS_LIMIT_SECONDS
