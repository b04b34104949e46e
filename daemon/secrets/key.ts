/** The key that secrets are sealed with: a credential that systemd hands over, else a file beside the state that we made. */
import { randomBytes } from 'node:crypto'
import { lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import { KEY_BYTES } from './cipher.ts'

export const KEY_FILE = 'secrets.key'
/** systemd.exec(5), LoadCredential= and LoadCredentialEncrypted=. */
const CREDENTIAL = 'evenkeel-secrets-key'

/** Made where there is none. Not part of a backup: with it a backup would hold the secrets in the clear. */
export function secretsKey(stateFolder: string, environment: Readonly<Record<string, string | undefined>>): Buffer {
  const credentials = environment.CREDENTIALS_DIRECTORY
  const given = credentials === undefined ? undefined : read(join(credentials, CREDENTIAL))
  if (given !== undefined) return given
  const path = join(stateFolder, KEY_FILE)
  const kept = read(path)
  if (kept !== undefined) {
    mustBePrivate(path)
    return kept
  }
  const made = randomBytes(KEY_BYTES)
  writeFileSync(path, `${made.toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  return made
}

function read(path: string): Buffer | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex')
  throw new Problem('state-damaged', `${path} holds no key: 64 hex digits`, { hint: 'put the right one back' })
}

function mustBePrivate(path: string): void {
  const { mode, uid } = lstatSync(path)
  if ((mode & 0o077) === 0 && uid === process.getuid?.()) return
  throw new Problem('state-damaged', `others may read ${path}, which all secrets are sealed with`, {
    hint: `chown it to the daemon's user and chmod 600 it; change the secrets where somebody may have read it`,
  })
}
