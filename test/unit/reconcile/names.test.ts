import { expect, test } from 'vitest'
import type { ContainerInspect } from '../../../daemon/engine/types.ts'
import { resolvedNames } from '../../../daemon/reconcile/names.ts'

const aContainer = (replica: number, networks: Record<string, string[] | null>) =>
  ({
    Id: `${replica}`.repeat(64),
    Name: `/shop-web-${replica}`,
    NetworkSettings: {
      Networks: Object.fromEntries(
        Object.entries(networks).map(([name, Aliases]) => [name, { IPAddress: `10.0.0.${replica}`, Aliases }]),
      ),
    },
  }) as unknown as ContainerInspect

test('names are told by network, each with all whom it means; the short id and the default bridge are left out', () => {
  const found = resolvedNames([
    aContainer(2, { shop_default: ['web', 'web.shop', '2'.repeat(12)], bridge: null }),
    aContainer(1, { shop_default: ['web', 'web.shop'] }),
  ])
  const both = [
    { container: 'shop-web-1', address: '10.0.0.1' },
    { container: 'shop-web-2', address: '10.0.0.2' },
  ]
  const askers = ['shop-web-1', 'shop-web-2']
  expect(found).toEqual([
    { name: 'shop-web-1', network: 'shop_default', targets: [both[0]], askers },
    { name: 'shop-web-2', network: 'shop_default', targets: [both[1]], askers },
    { name: 'web', network: 'shop_default', targets: both, askers },
    { name: 'web.shop', network: 'shop_default', targets: both, askers },
  ])
})

test('who is on networks of several releases is answered by the older one that has the name', () => {
  const found = resolvedNames([
    aContainer(1, { shop_default: ['db'], 'shop_default.r00001': ['db'], 'shop_default.r00002': ['db'] }),
    aContainer(2, { 'shop_default.r00001': ['api'], 'shop_default.r00002': ['api'] }),
    aContainer(3, { 'shop_default.r00002': ['web'] }),
  ])
  const askersOf = (name: string) => found.filter((one) => one.name === name).map(({ askers }) => askers)
  expect(askersOf('db')).toEqual([['shop-web-1'], ['shop-web-2'], ['shop-web-3']])
  expect(askersOf('api')).toEqual([['shop-web-1', 'shop-web-2'], ['shop-web-3']])
  expect(askersOf('web')).toEqual([['shop-web-1', 'shop-web-2', 'shop-web-3']])
})
