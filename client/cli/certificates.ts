/** An authority of one's own and certificates by it, made by the system's openssl, with words that no shell reads. */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

/** Ten years for the authority; a server's for as long as browsers and phones take one. */
const AUTHORITY_DAYS = 3650
const SERVER_DAYS = 397

export interface MadeCertificate {
  readonly certificate: string
  readonly key: string
}

const NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$/

export async function makeAuthority(folder: string, commonName: string): Promise<MadeCertificate> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return make(folder, 'ca', commonName, AUTHORITY_DAYS, [
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    'keyUsage=critical,keyCertSign,cRLSign',
  ])
}

/** `hosts`: names and addresses by which the daemon is called. */
export async function makeServerCertificate(folder: string, hosts: readonly string[]): Promise<MadeCertificate> {
  const names = hosts.map((host) => {
    if (isIP(host) !== 0) return `IP:${host}`
    if (NAME.test(host)) return `DNS:${host}`
    throw new Problem('bad-request', `${host} is neither a host's name nor an address`)
  })
  return make(folder, 'server', 'evenkeeld', SERVER_DAYS, [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth',
    `subjectAltName=${names.join(',')}`,
  ])
}

/** The common name is the user's. */
export async function makeClientCertificate(folder: string, user: string, days: number): Promise<MadeCertificate> {
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(user)) throw new Problem('bad-request', `${user} is no name of a user`)
  return make(folder, `client-${user}`, user, days, [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=clientAuth',
  ])
}

async function make(
  folder: string,
  file: string,
  commonName: string,
  days: number,
  extensions: readonly string[],
): Promise<MadeCertificate> {
  const made = { certificate: join(folder, `${file}.crt`), key: join(folder, `${file}.key`) }
  for (const path of Object.values(made)) {
    if (existsSync(path))
      throw new Problem('conflict', `${path} is there already`, { hint: 'move it away first: it may be in use' })
  }
  const authority = file === 'ca' ? [] : ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key')]
  const umask = process.umask(0o077)
  try {
    await openssl([
      'req',
      '-x509',
      ...authority,
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-noenc',
      '-sha256',
      '-days',
      String(days),
      '-subj',
      `/CN=${commonName}`,
      ...extensions.flatMap((extension) => ['-addext', extension]),
      '-keyout',
      made.key,
      '-out',
      made.certificate,
    ])
  } finally {
    process.umask(umask)
  }
  chmodSync(made.certificate, 0o644)
  return made
}

function openssl(words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('openssl', [...words], { timeout: 30_000 }, (error, _, complaint) => {
      if (error === null) resolve()
      else if (error.code === 'ENOENT')
        reject(new Problem('unsupported', 'there is no openssl here', { hint: 'install it (3.0 or newer)' }))
      else reject(new Problem('internal', `openssl failed: ${complaint.trim().split('\n').at(-1) ?? error.message}`))
    })
  })
}
