/** Certificates made by the system's openssl, for tests of what is taken and what is refused. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/temporary-folder.ts'

export interface Made {
  readonly certificate: string
  readonly key: string
}

interface Wishes {
  readonly host?: string
  readonly days?: number
  /** openssl's words for the kind of key. */
  readonly key?: readonly string[]
  readonly digest?: string
  readonly extensions?: readonly string[]
  /** Who signs it; none: it signs itself. */
  readonly by?: Made
}

const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']

export function made({
  host = 'shop.test',
  days = 30,
  key = EC,
  digest = 'sha256',
  extensions = [],
  by,
}: Wishes = {}): Made {
  const folder = temporaryFolder()
  const at = (name: string): string => join(folder, name)
  if (by !== undefined) writeBoth(folder, by)
  const signed = by === undefined ? [] : ['-CA', at('by.crt'), '-CAkey', at('by.key')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', ...signed, '-newkey', ...key, '-noenc', `-${digest}`, '-days', String(days)],
      ...['-subj', `/O=Lab/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`],
      ...(extensions.length === 0 ? ['basicConstraints=critical,CA:FALSE'] : extensions).flatMap((one) => [
        '-addext',
        one,
      ]),
      ...['-keyout', at('made.key'), '-out', at('made.crt')],
    ],
    { stdio: 'pipe' },
  )
  return { certificate: readFileSync(at('made.crt'), 'utf8'), key: readFileSync(at('made.key'), 'utf8') }
}

export const authority = (): Made => made({ host: 'authority.test', extensions: ['basicConstraints=critical,CA:TRUE'] })

function writeBoth(folder: string, { certificate, key }: Made): void {
  writeFileSync(join(folder, 'by.crt'), certificate)
  writeFileSync(join(folder, 'by.key'), key)
}
