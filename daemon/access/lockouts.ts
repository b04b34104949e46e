/**
 * Wrong credentials by source: after some the source has to wait, each time twice as long. Sources are addresses, IPv6 ones
 * by their /64, which is what one subscriber has. Sockets of this machine are no sources: their owner is never locked out.
 */
import { isIPv6 } from 'node:net'

export interface LockoutRules {
  /** Wrong attempts until the first wait. */
  readonly free: number
  readonly firstMs: number
  readonly longestMs: number
  /** A source that was quiet for so long starts anew. */
  readonly forgetMs: number
  /** Sources remembered. Beyond, the one that was quiet longest goes. */
  readonly sources: number
}

export const LOCKOUT: LockoutRules = {
  free: 10,
  firstMs: 30_000,
  longestMs: 3_600_000,
  forgetMs: 86_400_000,
  sources: 20_000,
}

interface Failures {
  readonly count: number
  readonly lastMs: number
  readonly untilMs: number
}

export class Lockouts {
  readonly #rules: LockoutRules
  /** In the order of their last failure. */
  readonly #sources = new Map<string, Failures>()

  constructor(rules: LockoutRules = LOCKOUT) {
    this.#rules = rules
  }

  /** Milliseconds that the source has still to wait; 0: it may try. */
  waitMs(source: string, nowMs: number): number {
    return Math.max((this.#sources.get(source)?.untilMs ?? 0) - nowMs, 0)
  }

  /** Answers how long the source has to wait from now on: 0 while it still has attempts. */
  failed(source: string, nowMs: number): number {
    const { free, firstMs, longestMs, forgetMs, sources } = this.#rules
    const before = this.#sources.get(source)
    const count = before === undefined || nowMs - before.lastMs > forgetMs ? 1 : before.count + 1
    const waitMs = count < free ? 0 : Math.min(firstMs * 2 ** (count - free), longestMs)
    this.#sources.delete(source)
    this.#sources.set(source, { count, lastMs: nowMs, untilMs: nowMs + waitMs })
    if (this.#sources.size > sources) {
      const [oldest] = this.#sources.keys()
      this.#sources.delete(oldest!)
    }
    return waitMs
  }

  /** It showed a right credential. */
  succeeded(source: string): void {
    this.#sources.delete(source)
  }
}

/** `address` as Node tells it. An IPv4 address in IPv6's clothes is an IPv4 address. */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  return isIPv6(address) ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address
}

/** The eight groups of a valid IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [bare = ''] = address.split('%')
  const [left = '', right] = bare.toLowerCase().split('::')
  const list = (text: string) => (text === '' ? [] : text.split(':'))
  // A dotted tail takes the place of two groups, the last two: beyond the first four in any case.
  const width = (groups: readonly string[]) => groups.length + (groups.at(-1)?.includes('.') === true ? 1 : 0)
  const before = list(left)
  if (right === undefined) return before.map(plain)
  const after = list(right)
  const zeros = new Array<string>(Math.max(8 - width(before) - width(after), 0)).fill('0')
  return [...before, ...zeros, ...after].map(plain)
}

const plain = (group: string): string => group.replace(/^0+(?=.)/, '')
