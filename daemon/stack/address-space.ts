/**
 * Addresses for networks: whether those that are to be made can have theirs, known before anything is touched. The Engine
 * takes also what routes of its host use for taken, which its API does not tell: it may have less room, never more.
 */
import { Problem } from '../../protocol/problems.ts'
import type { DesiredNetwork } from './desired.ts'

export interface TakenSubnets {
  readonly id: string
  readonly name: string
  /** `172.18.0.0/16` */
  readonly subnets: readonly string[]
}

/** Cut into pieces of `size` bits, one for each network that names no subnet. */
export interface AddressPool {
  readonly base: string
  readonly size: number
}

export interface AddressSpace {
  readonly networks: readonly TakenSubnets[]
  readonly pools: readonly AddressPool[]
}

/** The Engine's own, where its configuration names none (libnetwork/ipamutils). */
export const DEFAULT_POOLS: readonly AddressPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
]

interface Range {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

/** Throws where one of them cannot have its addresses. `leaving`: ids of networks that go before. */
export function mustHaveAddresses(
  wanted: readonly DesiredNetwork[],
  { networks, pools }: AddressSpace,
  leaving: ReadonlySet<string>,
): void {
  const taken = networks
    .filter(({ id }) => !leaving.has(id))
    .flatMap(({ name, subnets }) => subnets.flatMap((subnet) => rangesOf(name, subnet)))
  for (const { key, name, subnets = [] } of wanted) {
    for (const subnet of subnets) {
      const range = parseSubnet(subnet)
      if (range === undefined) continue
      const other = taken.find((candidate) => overlaps(candidate.range, range))
      if (other !== undefined) throw overlapping({ key, name, subnet }, other)
      taken.push({ name, subnet, range })
    }
  }
  const needed = wanted.filter(({ subnets }) => subnets?.length === 0).length
  const room = freePieces(
    pools,
    taken.map(({ range }) => range),
    needed,
  )
  if (room < needed) throw exhausted(needed, room, pools)
}

interface Taken {
  readonly name: string
  readonly subnet: string
  readonly range: Range
}

function rangesOf(name: string, subnet: string): Taken[] {
  const range = parseSubnet(subnet)
  return range === undefined ? [] : [{ name, subnet, range }]
}

/** How many pieces are free, counted up to `enough`. */
export function freePieces(pools: readonly AddressPool[], taken: readonly Range[], enough: number): number {
  let free = 0
  for (const { base, size } of pools) {
    const range = parseSubnet(base)
    if (range?.family !== 4) continue
    const step = 1n << BigInt(32 - size)
    let first = range.first
    while (free < enough && first + step - 1n <= range.last) {
      const piece: Range = { family: 4, first, last: first + step - 1n }
      const holder = taken.find((candidate) => overlaps(candidate, piece))
      if (holder === undefined) free += 1
      // On to the first piece that this one does not reach.
      const next = holder === undefined ? piece.last : holder.last > piece.last ? holder.last : piece.last
      first += ((next - first) / step + 1n) * step
    }
  }
  return free
}

const overlaps = (a: Range, b: Range): boolean => a.family === b.family && a.first <= b.last && b.first <= a.last

/** Undefined where it is no subnet: the Engine says what is wrong with it. */
export function parseSubnet(text: string): Range | undefined {
  const [address = '', length = ''] = text.split('/')
  const family = address.includes(':') ? 6 : 4
  const bits = family === 4 ? 32 : 128
  const value = family === 4 ? parse4(address) : parse6(address)
  if (value === undefined || !/^\d{1,3}$/.test(length) || Number(length) > bits) return undefined
  const hosts = 1n << BigInt(bits - Number(length))
  const first = value - (value % hosts)
  return { family, first, last: first + hosts - 1n }
}

function parse4(address: string): bigint | undefined {
  const parts = address.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

function parse6(address: string): bigint | undefined {
  const [head = '', tail, ...more] = address.split('::')
  if (more.length > 0) return undefined
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'))
  const [before, after] = [groups(head), groups(tail)]
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [...before, ...Array<string>(missing).fill('0'), ...after]
  if (all.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
}

function overlapping(wanted: { key: string; name: string; subnet: string }, other: Taken): Problem {
  return new Problem(
    'conflict',
    `network ${wanted.name}: its subnet ${wanted.subnet} overlaps ${other.subnet} of network ${other.name}`,
    { hint: `choose another subnet under networks.${wanted.key}.ipam.config, or remove network ${other.name}` },
  )
}

function exhausted(needed: number, room: number, pools: readonly AddressPool[]): Problem {
  const words = pools.map(({ base, size }) => `${base} in pieces of /${size}`).join(', ')
  return new Problem(
    'conflict',
    `${needed} network(s) are to be made, and the Engine has addresses for ${room === 0 ? 'none' : `no more than ${room}`}`,
    {
      hint: `its pools are ${words}. Remove networks that nobody uses (docker network prune), widen \`default-address-pools\` in /etc/docker/daemon.json, or give each network a subnet under networks.*.ipam.config`,
    },
  )
}
