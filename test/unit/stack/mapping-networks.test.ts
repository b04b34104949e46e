import { describe, expect, test } from 'vitest'
import { compareVersions } from '../../../daemon/stack/mapping/api-needs.ts'
import { containerCreate } from '../../../daemon/stack/mapping/container.ts'
import { networkCreate } from '../../../daemon/stack/mapping/network.ts'
import { volumeCreate } from '../../../daemon/stack/mapping/volume.ts'
import type { Network, Service, Volume } from '../../../protocol/stackfile/model.ts'
import { containerInput, partOf } from '../support/container-input.ts'
import { problemOf } from '../support/problems.ts'

const planOf = (spec: Partial<Service>, parts: Parameters<typeof containerInput>[1] = {}) =>
  containerCreate(containerInput(spec, parts))
const endpointsOf = (spec: Partial<Service>, parts: Parameters<typeof containerInput>[1] = {}) =>
  planOf(spec, parts).body.NetworkingConfig?.EndpointsConfig
const TWO = { networks: { back: null, default: { priority: 10 } } }

describe('the networks of a container', () => {
  test('are all joined at creation, from API 1.44 on', () => {
    expect(Object.keys(endpointsOf(TWO) ?? {})).toEqual(['shop_default', 'shop_back'])
    expect(planOf(TWO).connectAfterCreate).toEqual([])
  })

  test('are joined one after the other before: the first at creation', () => {
    const plan = planOf(TWO, { apiVersion: '1.43' })
    expect(Object.keys(plan.body.NetworkingConfig?.EndpointsConfig ?? {})).toEqual(['shop_default'])
    expect(plan.connectAfterCreate.map(({ networkName }) => networkName)).toEqual(['shop_back'])
  })

  test('have the one of the highest priority as the main one', () => {
    expect(partOf(planOf(TWO).body, 'HostConfig.NetworkMode')).toBe('shop_default')
  })

  test('are ordered by name where priorities are equal', () => {
    expect(partOf(planOf({ networks: { default: null, back: null } }).body, 'HostConfig.NetworkMode')).toBe('shop_back')
  })

  test('know the container by its name, its service and its aliases', () => {
    expect(endpointsOf({ networks: { default: { aliases: ['www', 'web'] } } })).toMatchObject({
      shop_default: { Aliases: ['shop-web-1', 'web', 'www', 'web.shop', '1.web.shop'] },
    })
  })

  test('know the container by its final name while it is created under a temporary one', () => {
    const plan = planOf({}, { containerName: 'shop-web-1.next-abc' })
    expect(plan.query.name).toBe('shop-web-1.next-abc')
    expect(plan.body.NetworkingConfig?.EndpointsConfig.shop_default?.Aliases).toEqual([
      'shop-web-1',
      'web',
      'web.shop',
      '1.web.shop',
    ])
  })

  test('give it the addresses that the file asks for', () => {
    expect(
      endpointsOf({
        networks: { default: { ipv4_address: '10.0.0.2', ipv6_address: 'fd::2', link_local_ips: ['169.254.1.1'] } },
      }),
    ).toMatchObject({
      shop_default: { IPAMConfig: { IPv4Address: '10.0.0.2', IPv6Address: 'fd::2', LinkLocalIPs: ['169.254.1.1'] } },
    })
  })

  test('take driver options, gateway priority and interface name', () => {
    expect(
      endpointsOf({ networks: { default: { driver_opts: { a: 'b' }, gw_priority: 1, interface_name: 'eth7' } } }),
    ).toMatchObject({
      shop_default: { DriverOpts: { a: 'b', 'com.docker.network.endpoint.ifname': 'eth7' }, GwPriority: 1 },
    })
  })

  test('are none where the file has none', () => {
    const body = planOf({ networks: {} }).body
    expect(body.HostConfig).toEqual({ NetworkMode: 'none' })
    expect(body.NetworkingConfig).toBeUndefined()
  })
})

describe('mac_address', () => {
  const spec = { mac_address: '02:00:00:00:00:01' }

  test('belongs to the main endpoint from API 1.44 on', () => {
    expect(endpointsOf({ ...spec, ...TWO })).toMatchObject({ shop_default: { MacAddress: '02:00:00:00:00:01' } })
    expect(planOf({ ...spec, ...TWO }).body.MacAddress).toBeUndefined()
  })

  test('belongs to the container before', () => {
    const plan = planOf({ ...spec, ...TWO }, { apiVersion: '1.43' })
    expect(plan.body.MacAddress).toBe('02:00:00:00:00:01')
    expect(plan.body.NetworkingConfig?.EndpointsConfig.shop_default?.MacAddress).toBeUndefined()
  })
})

describe('network_mode', () => {
  test.each([
    ['host', 'host'],
    ['none', 'none'],
    ['container:abc', 'container:abc'],
    ['service:db', 'container:id-of-db'],
  ])('%s is %s for the Engine, and joins no network', (mode, expected) => {
    const { body } = planOf({ network_mode: mode })
    expect(partOf(body, 'HostConfig.NetworkMode')).toBe(expected)
    expect(body.NetworkingConfig).toBeUndefined()
  })

  test('bridge keeps links on the container', () => {
    const { body } = planOf({ network_mode: 'bridge', links: ['db'] })
    expect(partOf(body, 'HostConfig.Links')).toEqual(['shop-db-1:db', 'shop-db-1:db-1', 'shop-db-1:shop-db-1'])
  })
})

describe('links', () => {
  test('name each container of the other service three times, as Compose does', () => {
    expect(endpointsOf({ links: ['db:database'] })?.shop_default?.Links).toEqual([
      'shop-db-1:database',
      'shop-db-1:db-1',
      'shop-db-1:shop-db-1',
    ])
  })

  test('to containers elsewhere stand as they are', () => {
    expect(endpointsOf({ external_links: ['redis', 'pg:db'] })?.shop_default?.Links).toEqual(['redis:redis', 'pg:db'])
  })
})

describe('a network', () => {
  const create = (network: Partial<Network>, apiVersion = '1.51') =>
    networkCreate(
      { name: 'shop', services: {}, networks: { back: { name: 'shop_back', ...network } } },
      'back',
      { 'dev.evenkeel.stack': 'shop' },
      { apiVersion },
    )

  test('is a bridge unless the file says otherwise', () => {
    expect(create({})).toMatchObject({ Name: 'shop_back', Driver: 'bridge', CheckDuplicate: true })
    expect(create({ driver: 'macvlan' })).toMatchObject({ Driver: 'macvlan' })
  })

  test('carries our labels and Compose’s beside its own', () => {
    expect(create({ labels: { mine: 'yes' } }).Labels).toMatchObject({
      mine: 'yes',
      'dev.evenkeel.stack': 'shop',
      'com.docker.compose.project': 'shop',
      'com.docker.compose.network': 'back',
    })
  })

  test('has the flags and options of the file', () => {
    expect(
      create({
        internal: true,
        attachable: true,
        enable_ipv6: true,
        driver_opts: { 'com.docker.network.driver.mtu': '1400' },
      }),
    ).toMatchObject({
      Internal: true,
      Attachable: true,
      EnableIPv6: true,
      Options: { 'com.docker.network.driver.mtu': '1400' },
    })
  })

  test('has the address pools of the file', () => {
    expect(
      create({
        ipam: {
          config: [
            { subnet: '10.1.0.0/16', ip_range: '10.1.1.0/24', gateway: '10.1.0.1', aux_addresses: { a: '10.1.0.9' } },
          ],
        },
      }).IPAM,
    ).toEqual({
      Driver: 'default',
      Config: [
        { Subnet: '10.1.0.0/16', IPRange: '10.1.1.0/24', Gateway: '10.1.0.1', AuxiliaryAddresses: { a: '10.1.0.9' } },
      ],
    })
  })

  test('leaves addresses to the Engine where the file has no pools', () => {
    expect(create({ ipam: {} }).IPAM).toBeUndefined()
  })

  test('without IPv4 needs API 1.48', () => {
    expect(problemOf(() => create({ enable_ipv4: false }, '1.47')).code).toBe('engine-too-old')
    expect(create({ enable_ipv4: false }, '1.48')).toMatchObject({ EnableIPv4: false })
  })
})

describe('a volume', () => {
  const create = (volume: Partial<Volume>) =>
    volumeCreate({ name: 'shop', services: {}, volumes: { data: { name: 'shop_data', ...volume } } }, 'data', {
      'dev.evenkeel.stack': 'shop',
    })

  test('is local unless the file says otherwise', () => {
    expect(create({})).toMatchObject({ Name: 'shop_data', Driver: 'local' })
    expect(create({ driver: 'nfs', driver_opts: { o: 'ro' } })).toMatchObject({
      Driver: 'nfs',
      DriverOpts: { o: 'ro' },
    })
  })

  test('carries our labels and Compose’s beside its own', () => {
    expect(create({ labels: { mine: 'yes' } }).Labels).toMatchObject({
      mine: 'yes',
      'dev.evenkeel.stack': 'shop',
      'com.docker.compose.volume': 'data',
    })
  })
})

test.each([
  ['1.44', '1.44', 0],
  ['1.43', '1.44', -1],
  ['1.100', '1.44', 1],
  ['2.0', '1.99', 1],
])('API %s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign)
})
