import { z } from 'zod'
import { HOST } from '../stackfile/service-policy.ts'
import { Timestamp } from './common.ts'

/** Of a host that routes name, in lower case. */
export const HostName = z
  .string()
  .regex(HOST, 'a host has letters, digits, `-` and `.`')
  .transform((host) => host.toLowerCase())

export const CertificateRequest = z.strictObject({
  /** PEM, the host's own first, then those that lead to its authority. */
  certificate: z.string().max(200_000),
  /** PEM, without a passphrase. */
  key: z.string().max(20_000),
})
export type CertificateRequest = z.infer<typeof CertificateRequest>

/** All that anybody is shown: the key is read by the ingress alone. */
export const Certificate = z.object({
  host: z.string(),
  /**
   * `renewal-failing`: it is served, and no newer one could be had as yet. `ordering`: an authority is asked just now, and there
   * is none as yet. `missing`, `expired`: connections over HTTPS are refused, or not trusted. `unused`: no route wants it.
   */
  state: z.enum(['valid', 'renewal-failing', 'ordering', 'missing', 'expired', 'unused']),
  /** Whether an authority gave it, or somebody imported it; none: there is none. */
  source: z.enum(['acme', 'own']).optional(),
  /** URL of its directory. */
  authority: z.string().optional(),
  issuer: z.string().optional(),
  notBefore: Timestamp.optional(),
  notAfter: Timestamp.optional(),
  /** When an authority is asked next; none: never. */
  nextAt: Timestamp.optional(),
  error: z.string().optional(),
  usedBy: z.array(z.object({ stack: z.string(), service: z.string() })),
})
export type Certificate = z.infer<typeof Certificate>
