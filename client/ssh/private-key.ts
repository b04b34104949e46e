/** Private keys from files: OpenSSH's own format (openssh/PROTOCOL.key) and PEM. Without a passphrase: an agent asks for those. */
import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { WireReader } from './wire.ts'

/** Why a file is no key that can be used as it is. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
  readonly kind: 'locked' | 'unknown'

  constructor(kind: 'locked' | 'unknown', message: string) {
    super(message)
    this.kind = kind
  }
}

const OPENSSH = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/
const MAGIC = 'openssh-key-v1\0'

export function readPrivateKey(text: string): KeyObject {
  const body = OPENSSH.exec(text)?.[1]
  if (body === undefined) return fromPem(text)
  const bytes = Buffer.from(body, 'base64')
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) throw damaged()
  try {
    return fromOpenSsh(new WireReader(bytes.subarray(MAGIC.length)))
  } catch (error) {
    throw error instanceof KeyFileError ? error : damaged()
  }
}

function fromPem(text: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) throw locked()
  try {
    return createPrivateKey(text)
  } catch {
    throw new KeyFileError('unknown', 'it is no private key')
  }
}

const locked = (): KeyFileError => new KeyFileError('locked', 'it is protected by a passphrase')
const damaged = (): KeyFileError => new KeyFileError('unknown', 'the private key is damaged')

function fromOpenSsh(from: WireReader): KeyObject {
  const cipher = from.text()
  from.string() // how the passphrase becomes a key
  from.string() // with what options
  if (from.number() !== 1) throw new KeyFileError('unknown', 'it holds several keys')
  from.string() // the public key, which the private part has again
  if (cipher !== 'none') throw locked()
  const secret = new WireReader(from.string())
  const [check, again] = [secret.number(), secret.number()]
  if (check !== again) throw damaged()
  return createPrivateKey({ format: 'jwk', key: webKey(secret.text(), secret) })
}

function webKey(type: string, from: WireReader): JsonWebKey {
  switch (type) {
    case 'ssh-ed25519': {
      const publicKey = from.string()
      return { kty: 'OKP', crv: 'Ed25519', x: url(publicKey), d: url(from.string().subarray(0, 32)) }
    }
    case 'ssh-rsa': {
      const [n, e, d, qi, p, q] = [1, 2, 3, 4, 5, 6].map(() => from.string()) as [
        Buffer,
        Buffer,
        Buffer,
        Buffer,
        Buffer,
        Buffer,
      ]
      const remainder = (prime: Buffer) => bytesOf(bigint(d) % (bigint(prime) - 1n))
      const parts = { n, e, d, p, q, qi, dp: remainder(p), dq: remainder(q) }
      return { kty: 'RSA', ...Object.fromEntries(Object.entries(parts).map(([key, value]) => [key, url(bare(value))])) }
    }
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521': {
      const bits = Number(from.text().slice('nistp'.length))
      const point = from.string().subarray(1) // after the mark for a point that is written in full
      const half = point.length / 2
      const d = bare(from.string())
      return {
        kty: 'EC',
        crv: `P-${bits}`,
        x: url(point.subarray(0, half)),
        y: url(point.subarray(half)),
        d: url(Buffer.concat([Buffer.alloc(half - d.length), d])),
      }
    }
    default:
      throw new KeyFileError('unknown', `keys of the type ${type} need an agent`)
  }
}

const url = (bytes: Buffer): string => bytes.toString('base64url')
const bare = (bytes: Buffer): Buffer =>
  bytes.subarray(
    Math.max(
      0,
      bytes.findIndex((byte) => byte !== 0),
    ),
  )
const bigint = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`)

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}
