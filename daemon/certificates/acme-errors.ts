/** Errors of ACME (RFC 8555, 6.7) in words for whoever is to mend them. Pure. */
import { Refused } from './issuer.ts'

const TYPE = 'urn:ietf:params:acme:error:'
const DETAIL_LIMIT = 500

/** What is to be mended. Where nothing stands here, the authority's own words have to do. */
const HINTS: Readonly<Record<string, (host: string) => string>> = {
  dns: (host) => `${host} is to lead to this machine: see its A and AAAA records`,
  connection: (host) => `the authority asks http://${host}/ on port 80, which is to lead to the ingress`,
  unauthorized: (host) => `${host} leads to something else than this ingress: see its A and AAAA records`,
  incorrectResponse: (host) => `${host} leads to something else than this ingress: see its A and AAAA records`,
  caa: (host) => `the CAA records of ${host} do not name this authority`,
  rejectedIdentifier: () => 'this authority gives no certificate to such a name',
  rateLimited: () => 'it is asked again when it said; meanwhile --acme staging has limits that are hard to reach',
  userActionRequired: () => 'the authority has new terms: visit the page that it names',
  invalidContact: () => 'give another address: evenkeeld --acme-email',
  externalAccountRequired: () => 'this authority wants accounts of its own, which are not supported',
}

interface AcmeError {
  readonly type?: unknown
  readonly detail?: unknown
  /** One for each name, where there are several. */
  readonly subproblems?: unknown
}

export const isOfType = (error: unknown, type: string): boolean => (error as AcmeError | null)?.type === TYPE + type

export function refusedBy(
  authority: string,
  host: string,
  error: unknown,
  more: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {},
): Refused {
  const { type, detail, subproblems } = (typeof error === 'object' && error !== null ? error : {}) as AcmeError
  const kind = typeof type === 'string' && type.startsWith(TYPE) ? type.slice(TYPE.length) : undefined
  const inner = Array.isArray(subproblems) ? subproblems.map((one: AcmeError) => one?.detail) : []
  const words = [detail, ...inner].filter((text): text is string => typeof text === 'string').join('; ')
  const said = printable(words === '' ? `status ${more.status ?? 'unknown'}` : words)
  const hint = kind !== undefined && Object.hasOwn(HINTS, kind) ? HINTS[kind]!(host) : undefined
  return new Refused(`${new URL(authority).host} refuses ${host}: ${said}${kind === undefined ? '' : ` (${kind})`}`, {
    hint,
    retryAfterMs: more.retryAfterMs,
  })
}

/** RFC 9110, 10.2.3: seconds, or a time. */
export function retryAfterMs(header: unknown, now: Date): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}

/** It comes from outside, and goes to logs and terminals. */
const printable = (text: string): string => text.replace(/[^\P{C}]+/gu, ' ').slice(0, DETAIL_LIMIT)
