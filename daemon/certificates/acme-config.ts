/** Which authority is asked for certificates, and how. */
import { accessSync, constants } from 'node:fs'
import { isAbsolute } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

export interface AcmeConfig {
  /** URL of its directory. */
  readonly authority: string
  /** For what the authority has to say about certificates. */
  readonly email: string | undefined
  /** Somebody has agreed to the authority's terms: without it, it is asked for nothing. */
  readonly isAgreed: boolean
  /** PEM file of who vouches for the authority's own server, where that is not known to all. */
  readonly authorityCertificate: string | undefined
  /** A program that sets records in the DNS; undefined: hosts are proven over HTTP. */
  readonly dnsHook: string | undefined
}

/** https://letsencrypt.org/docs/staging-environment/: what staging gives, no browser trusts. */
export const AUTHORITIES: Readonly<Record<string, string>> = {
  staging: 'https://acme-staging-v02.api.letsencrypt.org/directory',
  production: 'https://acme-v02.api.letsencrypt.org/directory',
}

interface Given {
  readonly authority: string | undefined
  readonly email: string | undefined
  readonly terms: string | undefined
  readonly authorityCertificate: string | undefined
  readonly dnsHook: string | undefined
}

export function acmeConfigOf({
  authority = 'staging',
  email,
  terms,
  authorityCertificate,
  dnsHook,
}: Given): AcmeConfig {
  const url = Object.hasOwn(AUTHORITIES, authority) ? AUTHORITIES[authority]! : authority
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new Problem('bad-request', `${authority} is no authority for certificates`, {
      hint: "staging or production (both Let's Encrypt), or the https:// URL of a directory of ACME",
    })
  if (email !== undefined && !/^[^\s@,;<>?]+@[^\s@,;<>?]+$/.test(email))
    throw new Problem('bad-request', `${email} is no e-mail address`, { hint: 'such as ops@example.com' })
  if (terms !== undefined && terms !== 'agreed')
    throw new Problem('bad-request', `--acme-terms is "${terms}"`, {
      hint: 'say agreed once you agree to the terms of the authority, or leave it out',
    })
  if (dnsHook !== undefined) mustBeProgram(dnsHook)
  if (authorityCertificate !== undefined) mustBeReadable(authorityCertificate)
  return Object.freeze({ authority: url, email, isAgreed: terms === 'agreed', authorityCertificate, dnsHook })
}

function mustBeReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    throw new Problem('bad-request', `cannot read ${path}`, { hint: 'name a PEM file with --acme-ca', cause })
  }
}

function mustBeProgram(path: string): void {
  try {
    accessSync(path, constants.X_OK)
  } catch (cause) {
    throw new Problem('bad-request', `${path} is no program that can be run`, { hint: 'chmod +x it', cause })
  }
  if (!isAbsolute(path)) throw new Problem('bad-request', `${path} is to be an absolute path`)
}
