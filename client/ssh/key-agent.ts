/** An SSH agent over keys from files, for as long as a command runs: they never leave this process. */
import { type KeyObject, sign as signBytes } from 'node:crypto'
import { AGENT_REFUSAL, AgentMessage } from '../../protocol/ssh-loan.ts'
import type { SshAgent } from './ssh-agent.ts'
import { integer, number, string, WireReader } from './wire.ts'

/** Flags of a sign request: which hash an RSA key signs with. Without one, SHA-1, which servers refuse by now. */
const RSA_SHA2_256 = 2
const RSA_SHA2_512 = 4

interface HeldKey {
  readonly key: KeyObject
  readonly publicKey: Buffer
  readonly comment: string
}

export class KeyAgent implements SshAgent {
  readonly #keys: readonly HeldKey[]

  constructor(keys: readonly { readonly key: KeyObject; readonly comment: string }[]) {
    this.#keys = keys.map(({ key, comment }) => ({ key, comment, publicKey: publicKeyOf(key) }))
  }

  async answer(message: Buffer): Promise<Uint8Array> {
    if (message[0] === AgentMessage.listKeys) {
      const entries = this.#keys.flatMap(({ publicKey, comment }) => [string(publicKey), string(comment)])
      return Buffer.concat([Buffer.of(AgentMessage.keys), number(this.#keys.length), ...entries])
    }
    if (message[0] !== AgentMessage.sign) return AGENT_REFUSAL
    const request = new WireReader(message.subarray(1))
    const [wanted, data, flags] = [request.string(), request.string(), request.number()]
    const held = this.#keys.find(({ publicKey }) => publicKey.equals(wanted))
    if (held === undefined) return AGENT_REFUSAL
    return Buffer.concat([Buffer.of(AgentMessage.signature), string(signatureOf(held.key, data, flags))])
  }
}

interface WebKey {
  readonly kty: string
  readonly crv?: string
  readonly n?: string
  readonly e?: string
  readonly x?: string
  readonly y?: string
}

const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url')

/** As the wire has it: RFC 4253 (RSA), RFC 5656 (ECDSA), RFC 8709 (Ed25519). */
export function publicKeyOf(key: KeyObject): Buffer {
  const { kty, crv, n, e, x, y } = key.export({ format: 'jwk' }) as WebKey
  if (kty === 'RSA') return Buffer.concat([string('ssh-rsa'), integer(bytes(e)), integer(bytes(n))])
  if (kty === 'EC') {
    const curve = curveOf(crv)
    const point = Buffer.concat([Buffer.of(4), bytes(x), bytes(y)])
    return Buffer.concat([string(`ecdsa-sha2-${curve.name}`), string(curve.name), string(point)])
  }
  return Buffer.concat([string('ssh-ed25519'), string(bytes(x))])
}

function signatureOf(key: KeyObject, data: Buffer, flags: number): Buffer {
  const { kty, crv } = key.export({ format: 'jwk' }) as WebKey
  if (kty === 'RSA') {
    const [name, hash] =
      (flags & RSA_SHA2_512) !== 0
        ? ['rsa-sha2-512', 'sha512']
        : (flags & RSA_SHA2_256) !== 0
          ? ['rsa-sha2-256', 'sha256']
          : ['ssh-rsa', 'sha1']
    return Buffer.concat([string(name!), string(signBytes(hash, data, key))])
  }
  if (kty === 'EC') {
    const curve = curveOf(crv)
    const both = signBytes(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' })
    const half = both.length / 2
    const pair = Buffer.concat([integer(both.subarray(0, half)), integer(both.subarray(half))])
    return Buffer.concat([string(`ecdsa-sha2-${curve.name}`), string(pair)])
  }
  return Buffer.concat([string('ssh-ed25519'), string(signBytes(null, data, key))])
}

function curveOf(crv: string | undefined): { readonly name: string; readonly hash: string } {
  if (crv === 'P-256') return { name: 'nistp256', hash: 'sha256' }
  return crv === 'P-384' ? { name: 'nistp384', hash: 'sha384' } : { name: 'nistp521', hash: 'sha512' }
}
