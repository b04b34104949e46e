/**
 * What HAProxy reads of certificates when it starts or reloads: a file for each, the list of them, and two maps. What changes
 * meanwhile it is told over its runtime API (runtime-tls.ts), so that these are what it comes back with.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { replaceFile } from './files.ts'
import { INSIDE } from './inside.ts'

const FOLDER = 'tls'
/** Certificates with the host that each is for. */
export const LIST = `${INSIDE}/${FOLDER}/list`
/** Hosts that have one. */
export const CERTIFIED = `${INSIDE}/${FOLDER}/certified.map`
/** Where an authority asks (RFC 8555, 8.3). */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/'
/** By path, what an authority that asks for it is answered. */
export const CHALLENGES = `${INSIDE}/${FOLDER}/challenges.map`

/** What is to be served: PEM (certificate, chain, key) by host, and answers to challenges by path. */
export interface TlsTable {
  readonly certificates: ReadonlyMap<string, string>
  readonly challenges: ReadonlyMap<string, string>
}

export interface CertificateFile {
  readonly host: string
  readonly pem: string
}

/** By what HAProxy calls them: host and digest, so that a list of names tells what is served. */
export function filesOf({ certificates }: TlsTable): Map<string, CertificateFile> {
  return new Map(
    [...certificates].map(([host, pem]) => {
      const digest = createHash('sha256').update(pem).digest('hex').slice(0, 12)
      return [`${INSIDE}/${FOLDER}/${host}.${digest}.pem`, { host, pem }]
    }),
  )
}

/** Before HAProxy is told. What it has still goes with {@link tidyCertificates}. */
export function writeCertificates(ingressFolder: string, table: TlsTable): void {
  const folder = join(ingressFolder, FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files = filesOf(table)
  for (const [file, { pem }] of files) replaceFile(join(folder, basename(file)), pem)
  replaceFile(join(folder, basename(LIST)), linesOf([...files].map(([file, { host }]) => [file, host])))
  replaceFile(join(folder, basename(CERTIFIED)), linesOf([...table.certificates.keys()].map((host) => [host, '1'])))
  replaceFile(join(folder, basename(CHALLENGES)), linesOf([...table.challenges]))
}

/** Files of certificates that are served no more. */
export function tidyCertificates(ingressFolder: string, table: TlsTable): void {
  const folder = join(ingressFolder, FOLDER)
  const kept = new Set([...filesOf(table).keys()].map((file) => basename(file)))
  for (const name of readdirSync(folder)) if (name.endsWith('.pem') && !kept.has(name)) rmSync(join(folder, name))
}

const linesOf = (pairs: readonly (readonly [string, string])[]): string =>
  pairs.map(([key, value]) => `${key} ${value}\n`).join('')
