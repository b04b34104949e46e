/**
 * Secrets of tokens: `ek_`, 256 random bits in base 62, and a checksum by which scanners for leaked secrets know one, and by
 * which a slip of the hand is told from a wrong secret. Pure, but for the random bits.
 */
import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const PREFIX = 'ek_'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 62^43 > 2^256, 62^6 > 2^32. */
const SECRET_DIGITS = 43
const CHECK_DIGITS = 6
const FORM = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_DIGITS + CHECK_DIGITS}}$`)

export function newSecret(): string {
  const digits = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), SECRET_DIGITS)
  return `${PREFIX}${digits}${checkOf(digits)}`
}

/** Whether it can be a secret at all. Says nothing about whether it is one. */
export function isWellFormed(text: string): boolean {
  if (!FORM.test(text)) return false
  const digits = text.slice(PREFIX.length, PREFIX.length + SECRET_DIGITS)
  return text.endsWith(checkOf(digits))
}

/**
 * What is kept. A slow, salted hash protects secrets that can be guessed; among 2^256 nothing can be, so that a plain
 * SHA-256 gives nothing away and costs a caller nothing. It is looked up by an index: what the look-up's time tells is about
 * the hash, which nobody can steer towards one that is there, and not about the secret.
 */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

const checkOf = (digits: string): string => base62(BigInt(crc32(digits)), CHECK_DIGITS)

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = DIGITS[Number(rest % 62n)] + text
  return text
}
