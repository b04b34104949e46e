import { describe, expect, test } from 'vitest'
import { problemOf } from '../support/problems.ts'
import {
  aContainer,
  actionOf,
  aNetwork,
  anOutdated,
  aPort,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  isChain,
  NETWORK,
  NOTHING,
  planOf,
} from '../support/stack-builders.ts'

const web = aService('web')
const desired = aStack([web])
const changed = aNetwork(NETWORK, { specHash: 'an older definition' })
const ID = 'id-of-shop-web-1'

describe('a network whose definition changed', () => {
  const plan = planOf({ desired, observed: asDeclared(desired, { networks: [changed] }) })

  test('is made anew when its containers have gone, which then are made anew on it', () => {
    expect(
      isChain(
        plan,
        `stop-container ${ID}`,
        `remove-container ${ID}`,
        `remove-network ${NETWORK}`,
        `create-network ${NETWORK}`,
        'create-container web 1',
        'start-container web 1',
      ),
    ).toBe(true)
  })

  test('gives its containers their own name at once: nobody holds it any more', () => {
    expect(actionOf(plan, 'create-container web 1').body).toMatchObject({ name: 'shop-web-1' })
    expect(idsOf(plan)).not.toContain('rename-container web 1')
  })

  test('is called replaced', () => {
    expect(actionOf(plan, `create-network ${NETWORK}`)).toMatchObject({
      effect: 'replace',
      reason: 'its definition changed',
    })
  })

  test('leaves containers on other networks alone', () => {
    const both = aStack([web, aService('db', { networks: ['shop_back'] })])
    const observed = asDeclared(both, { networks: [changed, aNetwork('shop_back')] })
    expect(idsOf(planOf({ desired: both, observed }))).not.toContain('stop-container id-of-shop-db-1')
  })

  test('replaces an outdated container only once', () => {
    const observed = asDeclared(desired, { networks: [changed], containers: [anOutdated(web)] })
    expect(idsOf(planOf({ desired, observed })).filter((id) => id.startsWith('create-container'))).toHaveLength(1)
  })

  test('is removed only when a replica that is scaled away has gone as well', () => {
    const observed = asDeclared(desired, {
      networks: [changed],
      containers: [aContainer(web), aContainer(web, { replica: 2 })],
    })
    const scaled = planOf({ desired, observed })
    expect(isBefore(scaled, 'stop-container id-of-shop-web-2', `remove-network ${NETWORK}`)).toBe(true)
  })

  test('is removed only when the containers of a dropped service have gone as well', () => {
    const observed = asDeclared(desired, {
      networks: [changed],
      containers: [aContainer(web), aContainer(aService('worker'))],
    })
    const dropping = planOf({ desired, observed })
    expect(isBefore(dropping, 'stop-container id-of-shop-worker-1', `remove-network ${NETWORK}`)).toBe(true)
  })

  test('is removed only when a service that leaves it has left it', () => {
    const moved = aService('db', { networks: ['shop_back'] })
    const both = aStack([web, moved])
    const onBoth = anOutdated(moved, { networks: { [NETWORK]: changed.id } })
    const observed = asDeclared(both, {
      networks: [changed, aNetwork('shop_back')],
      containers: [aContainer(web), onBoth],
    })
    const leaving = planOf({ desired: both, observed })
    expect(isBefore(leaving, `stop-container ${onBoth.id}`, `remove-network ${NETWORK}`)).toBe(true)
  })

  test('does not cost the old container where the new one is refused a port', () => {
    const front = aService('web', { hostPorts: [{ ip: '', port: 80, protocol: 'tcp' }] })
    const published = aStack([front])
    const observed = { ...asDeclared(published, { networks: [changed] }), ports: [aPort(80)] }
    const refused = planOf({ desired: published, observed })
    expect(isBefore(refused, 'refuse web', `stop-container ${ID}`)).toBe(true)
  })
})

test('a container that is bound to a network which is no longer there is made anew on the new one', () => {
  const observed = { ...NOTHING, containers: [aContainer(web, { state: 'exited', exitCode: 0 })] }
  expect(idsOf(planOf({ desired, observed }))).toContain('create-container web 1')
})

describe('a network that is missing', () => {
  test('is made, and containers are started on it afterwards', () => {
    expect(isBefore(planOf({ desired }), `create-network ${NETWORK}`, 'start-container web 1')).toBe(true)
  })

  test('is made before a container that is on others as well is created: the Engine asks for those then', () => {
    const two = aStack([aService('web', { networks: [NETWORK, 'shop_back'] })])
    expect(isBefore(planOf({ desired: two }), 'create-network shop_back', 'create-container web 1')).toBe(true)
    expect(isBefore(planOf({ desired: two }), `create-network ${NETWORK}`, 'create-container web 1')).toBe(true)
  })

  test('is made before a container that was created and never started is started', () => {
    const container = aContainer(web, { state: 'created', networks: { [NETWORK]: '' } })
    const observed = { ...NOTHING, containers: [container] }
    expect(isBefore(planOf({ desired, observed }), `create-network ${NETWORK}`, 'start-container web 1')).toBe(true)
  })

  test('is not made while no service that is wanted uses it', () => {
    const unused = aStack([aService('web', { run: 'removed' })])
    expect(idsOf(planOf({ desired: unused }))).toEqual([])
  })

  test('and external is refused, with what to do', () => {
    const external = aStack([web], { networks: [{ key: 'default', name: 'proxy', external: true, specHash: '' }] })
    const using = { ...external, services: { web: aService('web', { networks: ['proxy'] }) } }
    expect(problemOf(() => planOf({ desired: using }))).toMatchObject({
      code: 'conflict',
      message: 'network proxy declared as external, but could not be found',
      hint: 'create it (docker network create proxy) or take `external` off networks.default',
    })
  })
})

describe('a network of that name that is not ours', () => {
  const foreign = { ownership: 'foreign', specHash: undefined } as const

  test('is refused: somebody else’s is never used by accident', () => {
    const networks = [aNetwork(NETWORK, { ...foreign, key: undefined })]
    expect(problemOf(() => planOf({ desired, observed: { ...NOTHING, networks } }))).toMatchObject({
      code: 'conflict',
      message: `a network ${NETWORK} exists that is not of this stack`,
    })
  })

  test('is taken as it is where Compose made it for this very project and key', () => {
    const networks = [aNetwork(NETWORK, foreign)]
    expect(idsOf(planOf({ desired, observed: asDeclared(desired, { networks }) }))).toEqual([])
  })

  test('is used where it was declared external, and never changed', () => {
    const external = aStack([aService('web', { networks: ['proxy'] })], {
      networks: [{ key: 'proxy', name: 'proxy', external: true, specHash: '' }],
    })
    const networks = [aNetwork('proxy', { ...foreign, key: undefined })]
    expect(idsOf(planOf({ desired: external, observed: { ...NOTHING, networks } }))).toEqual([
      'create-container web 1',
      'start-container web 1',
    ])
  })

  test('gives way to ours where there are two of one name', () => {
    const networks = [aNetwork(NETWORK, { ...foreign, id: 'theirs', key: undefined }), aNetwork()]
    expect(idsOf(planOf({ desired, observed: asDeclared(desired, { networks }) }))).toEqual([])
  })
})
