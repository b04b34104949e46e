import { describe, expect, test } from 'vitest'
import { imageReference } from '../../../daemon/reconcile/desired-reader.ts'
import type { ServiceState } from '../../../daemon/stack/desired.ts'
import type { RevisionRow } from '../../../daemon/store/revisions.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { AT, aBench, aModel, aRevision } from '../support/core.ts'
import { aNetwork, anOutdated, idsOf, isBefore, NOTHING, needs, planOf } from '../support/stack-builders.ts'

const state = (service: string, parts: Partial<ServiceState> = {}): ServiceState => ({
  service,
  revision: 1,
  run: 'running',
  scale: undefined,
  recreate: 0,
  restart: 0,
  outdated: 'replace',
  ...parts,
})

/** What is desired of a stack of these services, all of whose images are known. */
function desiredOf(
  specs: Readonly<Record<string, Partial<Service>>>,
  states: readonly ServiceState[] = Object.keys(specs).map((name) => state(name)),
  revisions: readonly RevisionRow[] = [aRevision(1, aModel(specs))],
) {
  const row = {
    name: 'shop',
    presence: 'present',
    revision: revisions.length,
    disabled: [],
    condition: 'steady',
    reason: undefined,
    updatedAt: AT,
  } as const
  return aBench().core.desired.compose(
    row,
    states,
    (number) => revisions[number - 1],
    () => states.map(({ service }) => ({ service, reference: `${service}:1`, imageId: `sha256:${service}` })),
  )
}

describe('what is desired of a service', () => {
  test.each([
    ['one replica by itself', {}, undefined, 1],
    ['deploy.replicas', { deploy: { replicas: 3 } }, undefined, 3],
    ['scale, which wins over deploy.replicas', { scale: 2, deploy: { replicas: 3 } }, undefined, 2],
    ['--scale, which wins over the file', { scale: 2 }, 5, 5],
    ['mode: global, which is one on one engine', { deploy: { mode: 'global', replicas: 3 } }, undefined, 1],
    ['a scale of zero', { scale: 0 }, undefined, 0],
    ['none where a provider stands for it, whatever is asked', { provider: { type: 'x' } }, 2, 0],
  ] as readonly (readonly [string, Partial<Service>, number | undefined, number])[])(
    'replicas: %s',
    (_, spec, scale, replicas) => {
      expect(desiredOf({ web: spec }, [state('web', { scale })]).services.web?.replicas).toBe(replicas)
    },
  )

  test.each([
    [{}, 'no'],
    [{ restart: 'on-failure:3' }, 'on-failure'],
    [{ restart: 'always' }, 'always'],
    [{ restart: 'always', deploy: { restart_policy: { condition: 'none' } } }, 'no'],
    [{ deploy: { restart_policy: { condition: 'any' } } }, 'always'],
  ] as readonly (readonly [Partial<Service>, string])[])('the restart policy of %o is %s', (spec, policy) => {
    expect(desiredOf({ web: spec }).services.web?.restartPolicy).toBe(policy)
  })

  test('host ports are those that the file fixes, not those that the Engine chooses', () => {
    const ports = [
      { target: 80, published: '8080', host_ip: '127.0.0.1' },
      { target: 81 },
      { target: 82, published: '9000-9001' },
      { target: 53, published: '53', protocol: 'udp' },
    ]
    expect(desiredOf({ web: { ports } }).services.web?.hostPorts).toEqual([
      { ip: '127.0.0.1', port: 8080, protocol: 'tcp' },
      { ip: '', port: 53, protocol: 'udp' },
    ])
  })

  test('volumes are the named ones, by their name on the Engine', () => {
    const model = aModel(
      {
        web: {
          volumes: [
            { type: 'volume', source: 'data', target: '/d' },
            { type: 'volume', target: '/anonymous' },
            { type: 'bind', source: '/a', target: '/b' },
          ],
        },
      },
      { volumes: { data: { name: 'shop_data' } } },
    )
    expect(desiredOf({}, [state('web')], [aRevision(1, model)]).services.web?.volumes).toEqual(['shop_data'])
  })

  test('without a known image its spec is not known either', () => {
    const { core } = aBench()
    const row = {
      name: 'shop',
      presence: 'present',
      revision: 1,
      disabled: [],
      condition: 'steady',
      reason: undefined,
      updatedAt: AT,
    } as const
    const desired = core.desired.compose(row, [state('web')], () => aRevision(1, aModel({ web: {} })))
    expect(desired.services.web?.specHash).toBeUndefined()
  })

  test('each service is what its own revision says', () => {
    const revisions = [
      aRevision(1, aModel({ web: { scale: 1 }, db: {} })),
      aRevision(2, aModel({ web: { scale: 4 }, db: {} })),
    ]
    const desired = desiredOf({}, [state('web', { revision: 2 }), state('db')], revisions)
    expect(desired.services.web?.replicas).toBe(4)
    expect(desired.services.db?.revision).toBe(1)
  })

  test('a network is what the newest revision says that is in use', () => {
    const older = aModel({ web: {} }, { networks: { default: { name: 'shop_default', internal: true } } })
    const revisions = [aRevision(1, older), aRevision(2, aModel({ web: {} }))]
    const mixed = desiredOf({}, [state('web')], revisions)
    const pure = desiredOf({}, [state('web', { revision: 2 })], revisions)
    expect(mixed.networks).toEqual(pure.networks)
  })

  test('external objects have nothing that could differ', () => {
    const model = aModel({ web: {} }, { networks: { default: { name: 'proxy', external: true } } })
    expect(desiredOf({}, [state('web')], [aRevision(1, model)]).networks).toEqual([
      { key: 'default', name: 'proxy', external: true, spare: false, specHash: '' },
    ])
  })
})

test('an image without a name is called after stack and service, as Compose does', () => {
  expect(imageReference('shop', 'web', { build: { context: '.' } })).toBe('shop-web')
  expect(imageReference('shop', 'web', { image: 'mine:2' })).toBe('mine:2')
})

describe('a service in the namespace of another (network_mode: service:vpn)', () => {
  const desiredNow = () =>
    desiredOf({
      vpn: {},
      app: {
        network_mode: 'service:vpn',
        networks: {},
        depends_on: { vpn: needs('service_started', { restart: true }) },
      },
    })

  test('is created after it', () => {
    const plan = planOf({ desired: desiredNow(), observed: { ...NOTHING, networks: [aNetwork()] } })
    expect(isBefore(plan, 'create-container vpn 1', 'create-container app 1')).toBe(true)
  })

  test('is made anew when that is', () => {
    const desired = desiredNow()
    const { app, vpn } = desired.services
    const containers = [anOutdated(vpn!), { ...anOutdated(app!), specHash: app!.specHash }]
    const networks = desired.networks.map(({ name, specHash }) => aNetwork(name, { specHash }))
    const plan = planOf({ desired, observed: { ...NOTHING, networks, containers } })
    expect(idsOf(plan)).toContain('create-container app 1')
  })
})
