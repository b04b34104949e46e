import { describe, expect, test } from 'vitest'
import {
  aContainer,
  actionOf,
  aNetwork,
  aPort,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  NOTHING,
  needs,
  planOf,
} from '../support/stack-builders.ts'

describe('a stack of which nothing is there', () => {
  const db = aService('db', { volumes: ['shop_data'] })
  const web = aService('web', { dependsOn: { db: needs() } })
  const desired = aStack([web, db])

  test('gets its network, its volume, and each container created and started', () => {
    expect(idsOf(planOf({ desired })).sort()).toEqual([
      'create-container db 1',
      'create-container web 1',
      'create-network shop_default',
      'create-volume shop_data',
      'start-container db 1',
      'start-container web 1',
    ])
  })

  test('has its containers started after their network, and created after their volumes', () => {
    const plan = planOf({ desired })
    expect(isBefore(plan, 'create-network shop_default', 'start-container db 1')).toBe(true)
    expect(isBefore(plan, 'create-container db 1', 'start-container db 1')).toBe(true)
    expect(isBefore(plan, 'create-volume shop_data', 'create-container db 1')).toBe(true)
    expect(isBefore(plan, 'create-volume shop_data', 'create-container web 1')).toBe(false)
  })

  test('has containers created beside their only network, which the Engine asks for when they start', () => {
    expect(isBefore(planOf({ desired }), 'create-network shop_default', 'create-container db 1')).toBe(false)
  })

  test('has a service started after what it depends on', () => {
    expect(isBefore(planOf({ desired }), 'start-container db 1', 'start-container web 1')).toBe(true)
  })

  test('has all containers created side by side: only starts wait for dependencies', () => {
    expect(isBefore(planOf({ desired }), 'start-container db 1', 'create-container web 1')).toBe(false)
  })

  test('names containers as Compose does', () => {
    expect(actionOf(planOf({ desired }), 'create-container web 1').body).toMatchObject({ name: 'shop-web-1' })
  })

  test('says of each action why it is done', () => {
    const plan = planOf({ desired })
    expect(actionOf(plan, 'create-container web 1')).toMatchObject({ effect: 'create', reason: 'it is not there' })
    expect(actionOf(plan, 'start-container web 1')).toMatchObject({ effect: 'create', reason: 'it is new' })
  })

  test('lists its actions in an order that respects what each waits for', () => {
    const ids = idsOf(planOf({ desired }))
    expect(ids.indexOf('start-container db 1')).toBeLessThan(ids.indexOf('start-container web 1'))
  })
})

describe('a stack that is as declared', () => {
  const db = aService('db', { volumes: ['shop_data'] })
  const desired = aStack([db, aService('web', { replicas: 2, dependsOn: { db: needs('service_healthy') } })])

  test('needs nothing, upon a request as well as by the loop', () => {
    const observed = asDeclared(desired)
    expect(idsOf(planOf({ desired, observed }))).toEqual([])
    expect(idsOf(planOf({ desired, observed, policy: { mode: 'heal' } }))).toEqual([])
  })

  test('counts each container, network and volume as unchanged', () => {
    expect(planOf({ desired, observed: asDeclared(desired) })).toMatchObject({ unchanged: 5, warnings: [] })
  })
})

describe('scale', () => {
  const web = aService('web', { replicas: 3 })

  test('numbers replicas from 1', () => {
    const plan = planOf({ desired: aStack([web]) })
    expect(plan.actions.flatMap(({ body }) => (body.kind === 'create-container' ? [body.name] : []))).toEqual([
      'shop-web-1',
      'shop-web-2',
      'shop-web-3',
    ])
  })

  test('up makes only the replicas that are missing', () => {
    const desired = aStack([web])
    const observed = asDeclared(desired, { containers: [aContainer(web), aContainer(web, { replica: 3 })] })
    expect(idsOf(planOf({ desired, observed }))).toEqual(['create-container web 2', 'start-container web 2'])
  })

  test('down stops and removes the replicas above it', () => {
    const one = aService('web', { replicas: 1 })
    const desired = aStack([one])
    const observed = asDeclared(desired, { containers: [aContainer(web), aContainer(web, { replica: 2 })] })
    const plan = planOf({ desired, observed })
    expect(idsOf(plan)).toEqual(['stop-container id-of-shop-web-2', 'remove-container id-of-shop-web-2'])
    expect(isBefore(plan, 'stop-container id-of-shop-web-2', 'remove-container id-of-shop-web-2')).toBe(true)
  })

  test('of zero removes all', () => {
    const desired = aStack([aService('web', { replicas: 0 })])
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(web)] }) })
    expect(idsOf(plan)).toEqual(['stop-container id-of-shop-web-1', 'remove-container id-of-shop-web-1'])
  })

  test('down keeps the anonymous volumes of what it removes', () => {
    const desired = aStack([aService('web', { replicas: 0 })])
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(web)] }) })
    expect(actionOf(plan, 'remove-container id-of-shop-web-1').body).toMatchObject({ anonymousVolumes: 'keep' })
  })
})

test('a container_name is the name of the container', () => {
  const plan = planOf({ desired: aStack([aService('web', { containerName: 'frontend' })]) })
  expect(actionOf(plan, 'create-container web 1')).toMatchObject({
    object: 'Container frontend',
    body: { name: 'frontend' },
  })
})

test('without any grace one call stops and removes', () => {
  const web = aService('web')
  const desired = aStack([aService('web', { replicas: 0 })])
  const observed = asDeclared(desired, { containers: [aContainer(web)] })
  const plan = planOf({ desired, observed, policy: { graceSeconds: 0 } })
  expect(plan.actions.map((action) => action.body)).toMatchObject([{ kind: 'remove-container', mode: 'force' }])
})

test('containers wait for the images that were drawn for their service', () => {
  const plan = planOf({
    desired: aStack([aService('web')]),
    imageActions: (draft) => ({
      web: [
        draft.add({
          body: { kind: 'pull-image', reference: 'web:1', platform: undefined, fallback: undefined },
          key: 'web:1',
          object: 'Image web:1',
          effect: 'create',
          reason: 'it is not here',
        }),
      ],
    }),
  })
  expect(isBefore(plan, 'pull-image web:1', 'create-container web 1')).toBe(true)
})

describe('a host port', () => {
  const web = aService('web', { hostPorts: [{ ip: '', port: 8080, protocol: 'tcp' }] })
  const desired = aStack([web])
  const taken = (port: Parameters<typeof aPort>[1] = {}) =>
    idsOf(planOf({ desired, observed: { ...NOTHING, ports: [aPort(8080, port)] } })).includes('refuse web')

  test('that a stranger holds is refused before anything of the service is made', () => {
    const plan = planOf({ desired, observed: { ...NOTHING, ports: [aPort(8080)] } })
    expect(isBefore(plan, 'refuse web', 'create-container web 1')).toBe(true)
    expect(actionOf(plan, 'refuse web').body).toMatchObject({
      code: 'port-taken',
      message: 'port 8080/tcp of service web is held by container a-stranger',
    })
  })

  test('that a stranger holds is refused before the old container is stopped', () => {
    const old = aContainer(web, { specHash: 'an older spec' })
    const observed = { ...asDeclared(desired), containers: [old], ports: [aPort(8080)] }
    expect(isBefore(planOf({ desired, observed }), 'refuse web', `stop-container ${old.id}`)).toBe(true)
  })

  test('of another service does not hold back this one', () => {
    const both = aStack([web, aService('db')])
    const plan = planOf({ desired: both, observed: { ...NOTHING, ports: [aPort(8080)] } })
    expect(isBefore(plan, 'refuse web', 'create-container db 1')).toBe(false)
  })

  test('that the container to be replaced holds is free', () => {
    const old = aContainer(web, { specHash: 'an older spec' })
    const ports = [aPort(8080, { containerId: old.id, containerName: old.name })]
    const plan = planOf({ desired, observed: { ...asDeclared(desired), containers: [old], ports } })
    expect(idsOf(plan)).not.toContain('refuse web')
  })

  test('that another service of the stack keeps is refused before the old container is stopped', () => {
    const other = aService('old', { outdated: 'keep' })
    const [old, keeper] = [aContainer(web, { specHash: 'an older spec' }), aContainer(other)]
    const ports = [aPort(8080, { containerId: keeper.id, containerName: keeper.name })]
    const both = aStack([web, other])
    const plan = planOf({ desired: both, observed: { ...asDeclared(both), containers: [old, keeper], ports } })
    expect(isBefore(plan, 'refuse web', `stop-container ${old.id}`)).toBe(true)
    expect(actionOf(plan, 'refuse web').body).toMatchObject({
      message: 'port 8080/tcp of service web is held by container shop-old-1',
    })
  })

  test('that another service of the stack gives up is free', () => {
    const other = aService('old')
    const keeper = aContainer(other, { specHash: 'an older spec' })
    const ports = [aPort(8080, { containerId: keeper.id, containerName: keeper.name })]
    const both = aStack([web, other])
    const plan = planOf({ desired: both, observed: { ...asDeclared(both), containers: [keeper], ports } })
    expect(isBefore(plan, `stop-container ${keeper.id}`, 'start-container web 1')).toBe(true)
    expect(idsOf(plan)).not.toContain('refuse web')
  })

  test('is not looked at while nothing is created', () => {
    expect(idsOf(planOf({ desired, observed: asDeclared(desired, { ports: [aPort(8080)] }) }))).toEqual([])
  })

  test('is another one on another protocol', () => {
    expect(taken({ protocol: 'udp' })).toBe(false)
  })

  test('is taken on all addresses by whoever holds it on one', () => {
    expect(taken({ ip: '127.0.0.1' })).toBe(true)
    expect(taken({ ip: '::' })).toBe(true)
  })

  test('is free on an address of its own', () => {
    const local = aStack([aService('web', { hostPorts: [{ ip: '127.0.0.1', port: 8080, protocol: 'tcp' }] })])
    const plan = planOf({ desired: local, observed: { ...NOTHING, ports: [aPort(8080, { ip: '10.0.0.1' })] } })
    expect(idsOf(plan)).not.toContain('refuse web')
  })

  test('that an orphan of the project holds, which stays, is refused as a stranger’s is', () => {
    const orphan = aContainer(aService('old'), { ownership: 'foreign' })
    const ports = [aPort(8080, { containerId: orphan.id, containerName: orphan.name })]
    expect(idsOf(planOf({ desired, observed: { ...NOTHING, containers: [orphan], ports } }))).toContain('refuse web')
  })
})

describe('a service that is to be stopped from the beginning (create, up --no-start)', () => {
  const desired = aStack([aService('web', { run: 'stopped' })])

  test('is created and not started', () => {
    expect(idsOf(planOf({ desired, observed: { ...NOTHING, networks: [aNetwork()] } }))).toEqual([
      'create-container web 1',
    ])
  })

  test('is as declared then', () => {
    const observed = asDeclared(desired, { containers: [aContainer(aService('web'), { state: 'created' })] })
    expect(idsOf(planOf({ desired, observed }))).toEqual([])
  })
})
