import { describe, expect, test } from 'vitest'
import {
  type AddressSpace,
  DEFAULT_POOLS,
  mustHaveAddresses,
  parseSubnet,
} from '../../../daemon/stack/address-space.ts'
import type { DesiredNetwork } from '../../../daemon/stack/desired.ts'
import { problemOf } from '../support/problems.ts'
import { aNetwork, aService, aStack, asDeclared, NETWORK, planOf } from '../support/stack-builders.ts'

const wanted = (...subnets: string[]): DesiredNetwork => ({
  key: 'back',
  name: 'shop_back',
  external: false,
  specHash: '',
  subnets,
})
const taken = (...subnets: string[]) =>
  subnets.map((subnet) => ({ id: `id-${subnet}`, name: `n-${subnet}`, subnets: [subnet] }))
const space = (subnets: string[], pools = DEFAULT_POOLS): AddressSpace => ({ networks: taken(...subnets), pools })
const SMALL = [{ base: '10.9.0.0/22', size: 24 }]
const NONE = new Set<string>()

describe('a subnet', () => {
  test.each([
    ['10.1.0.0/16', '10.1.2.0/24'],
    ['10.1.2.0/24', '10.1.0.0/16'],
    ['10.1.2.0/24', '10.1.2.0/24'],
    ['10.1.2.77/24', '10.1.2.128/25'],
    ['fd00:1::/32', 'fd00:1:2::/48'],
  ])('%s is refused beside %s, before anything is touched', (own, other) => {
    const problem = problemOf(() => mustHaveAddresses([wanted(own)], space([other]), NONE))
    expect(problem).toMatchObject({ code: 'conflict' })
    expect(problem.message).toBe(`network shop_back: its subnet ${own} overlaps ${other} of network n-${other}`)
    expect(problem.hint).toContain('networks.back.ipam.config')
  })

  test.each([
    ['10.1.0.0/24', '10.1.1.0/24'],
    ['fd00:1::/48', 'fd00:2::/48'],
    ['10.0.0.0/8', 'fd00::/8'],
    ['nonsense', '10.1.0.0/16'],
  ])('%s goes beside %s', (own, other) => {
    expect(() => mustHaveAddresses([wanted(own)], space([other]), NONE)).not.toThrow()
  })

  test('may be that of the network whose place it takes', () => {
    const leaving = new Set(['id-10.1.0.0/16'])
    expect(() => mustHaveAddresses([wanted('10.1.0.0/16')], space(['10.1.0.0/16']), leaving)).not.toThrow()
  })

  test('is refused where two of one stack overlap', () => {
    const two = [wanted('10.1.0.0/16'), { ...wanted('10.1.3.0/24'), name: 'shop_front' }]
    expect(problemOf(() => mustHaveAddresses(two, space([]), NONE)).message).toContain('of network shop_back')
  })

  test.each(['10.0.0.0', '10.0.0.0/33', '256.0.0.0/8', '1::2::3/64', 'fd00::/129', ''])('"%s" is none', (text) => {
    expect(parseSubnet(text)).toBeUndefined()
  })
})

describe('a pool', () => {
  const any = (count: number) => Array.from({ length: count }, (_, index) => ({ ...wanted(), name: `shop_${index}` }))

  test('of the Engine itself has room for 31 networks', () => {
    expect(() => mustHaveAddresses(any(31), space([]), NONE)).not.toThrow()
    expect(problemOf(() => mustHaveAddresses(any(32), space([]), NONE)).message).toBe(
      '32 network(s) are to be made, and the Engine has addresses for no more than 31',
    )
  })

  test('is used up by networks that lie in it, in part or as a whole', () => {
    const full = ['10.9.0.0/24', '10.9.1.128/25', '10.9.2.0/23']
    const problem = problemOf(() => mustHaveAddresses(any(1), space(full, SMALL), NONE))
    expect(problem.message).toBe('1 network(s) are to be made, and the Engine has addresses for none')
    expect(problem.hint).toContain('10.9.0.0/22 in pieces of /24')
    expect(problem.hint).toContain('default-address-pools')
    expect(() => mustHaveAddresses(any(1), space(full.slice(1), SMALL), NONE)).not.toThrow()
  })

  test('is used up by the subnets that the stack itself names', () => {
    const own = [wanted('10.9.0.0/22'), ...any(1)]
    expect(problemOf(() => mustHaveAddresses(own, space([], SMALL), NONE)).code).toBe('conflict')
  })

  test('of very many pieces is counted at once', () => {
    const pools = [{ base: '10.0.0.0/8', size: 30 }]
    expect(problemOf(() => mustHaveAddresses(any(1), space(['10.0.0.0/8'], pools), NONE)).code).toBe('conflict')
  })
})

describe('the plan', () => {
  const desired = aStack([aService('web')], {
    networks: [{ key: 'default', name: NETWORK, external: false, specHash: 'new', subnets: ['10.1.0.0/16'] }],
  })

  test('is refused for a subnet that is taken', () => {
    const observed = { ...asDeclared(desired, { containers: [], networks: [] }), addresses: space(['10.1.0.0/24']) }
    expect(problemOf(() => planOf({ desired, observed })).code).toBe('conflict')
  })

  test('lets a network take over the addresses of the one that it replaces', () => {
    const old = aNetwork(NETWORK, { id: 'id-10.1.0.0/24' })
    const observed = { ...asDeclared(desired, { networks: [old] }), addresses: space(['10.1.0.0/24']) }
    expect(planOf({ desired, observed }).actions.map(({ body }) => body.kind)).toContain('create-network')
  })
})
