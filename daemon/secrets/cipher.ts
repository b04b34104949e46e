/**
 * Secrets at rest: ChaCha20-Poly1305 (RFC 8439) with a random nonce for each value. Stack, name and version are part of what
 * is authenticated, so that no row can stand in for another, nor an older value for a newer one.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'

export const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const ALGORITHM = 'chacha20-poly1305'
const FORMAT = 1

export interface Labelled {
  readonly stack: string
  readonly name: string
  readonly version: number
}

export function seal(value: Buffer, label: Labelled, key: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(bytesOf(label), { plaintextLength: value.length })
  const sealed = Buffer.concat([cipher.update(value), cipher.final()])
  return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), sealed])
}

/** Throws where key, label or bytes are not those that it was sealed with. */
export function unseal(sealed: Buffer, label: Labelled, key: Buffer): Buffer {
  const head = 1 + NONCE_BYTES
  if (sealed.length < head + TAG_BYTES || sealed[0] !== FORMAT) throw cannotOpen(label)
  const value = sealed.subarray(head + TAG_BYTES)
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, head), { authTagLength: TAG_BYTES })
  decipher.setAAD(bytesOf(label), { plaintextLength: value.length })
  decipher.setAuthTag(sealed.subarray(head, head + TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(value), decipher.final()])
  } catch (cause) {
    throw cannotOpen(label, cause)
  }
}

const bytesOf = ({ stack, name, version }: Labelled): Buffer => Buffer.from(JSON.stringify([stack, name, version]))

const cannotOpen = ({ stack, name }: Labelled, cause?: unknown): Problem =>
  new Problem('state-damaged', `secret ${name} of stack ${stack} cannot be opened: it was sealed with another key`, {
    hint: `put the right secrets.key back, or set it anew: evenkeel -p ${stack} secret set ${name}`,
    cause,
  })
