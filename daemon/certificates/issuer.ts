/** Who gives certificates, as the keeper knows it. */
import { Problem } from '../../protocol/problems.ts'

export interface Issuer {
  /** URL of its directory. */
  readonly authority: string
  /** A certificate with its chain, and the key that was made for it (PEM). Rejects with {@link Refused} where the authority says no. */
  issue(host: string, signal: AbortSignal): Promise<{ readonly certificate: string; readonly key: string }>
}

export class Refused extends Problem {
  /** For so long the authority wants not to be asked again. */
  readonly retryAfterMs: number | undefined

  constructor(detail: string, more: { hint?: string | undefined; retryAfterMs?: number | undefined; cause?: unknown }) {
    super('certificate-refused', detail, { hint: more.hint, cause: more.cause })
    this.retryAfterMs = more.retryAfterMs
  }
}
