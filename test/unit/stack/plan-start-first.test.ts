import { describe, expect, it } from 'vitest'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { Rollout } from '../../../daemon/stack/rollout.ts'
import type { Routed, ServiceRouting } from '../../../daemon/stack/routing.ts'
import {
  aContainer,
  actionOf,
  anOutdated,
  aPort,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isBefore,
  isChain,
  needs,
  planOf,
  temporaryNameOf,
} from '../support/stack-builders.ts'

const ROLLOUT: Rollout = {
  order: 'start-first',
  why: 'it has a route',
  isWritten: false,
  watched: true,
  parallelism: 1,
  delayMs: 0,
  monitorMs: 5000,
  monitor: 'instead',
  maxFailureRatio: 0,
  failureAction: undefined,
}
const ROUTING: ServiceRouting = {
  ports: [{ ip: '', port: 80, target: 8080, mode: 'tcp' }],
  routes: [],
  balance: 'roundrobin',
  drainMs: 30_000,
}

const aRollout = (parts: Partial<Rollout> = {}) => {
  const rollout = { ...ROLLOUT, ...parts }
  return { update: rollout, rollback: rollout }
}
const web = (parts: Partial<DesiredService> = {}) => aService('web', { rollouts: aRollout(), ...parts })
const ready = (address = '172.18.0.2'): Routed => ({ service: 'web', address, state: 'ready' })

describe('a start-first replacement', () => {
  const service = web()
  const desired = aStack([service])
  const old = anOutdated(service)

  it('starts the new one beside the old one, which goes once the new one counts', () => {
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old] }) })
    expect(
      isChain(
        plan,
        'create-container web 1',
        'start-container web 1',
        'await-replica web 1',
        `stop-container ${old.id}`,
        `remove-container ${old.id}`,
        'rename-container web 1',
      ),
    ).toBe(true)
    expect(plan.rollouts).toEqual([{ service: 'web', order: 'start-first', why: 'it has a route' }])
  })

  it('is taken up by the next plan where a crash left both', () => {
    const next = aContainer(service, { name: temporaryNameOf(service, 1), created: 2000 })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old, next] }) })
    expect(idsOf(plan)).not.toContain('create-container web 1')
    expect(isChain(plan, 'await-replica web 1', `stop-container ${old.id}`, 'rename-container web 1')).toBe(true)
    expect(actionOf(plan, 'await-replica web 1').body).toMatchObject({ id: next.id, monitorMs: 5000 })
  })

  it.each([
    ['paused', 'unpause-container web 1'],
    ['exited', 'start-container web 1'],
    ['created', 'start-container web 1'],
  ] as const)('is taken up by the next plan where it left the new one %s', (state, comesUp) => {
    const next = aContainer(service, { name: temporaryNameOf(service, 1), created: 2000, state })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old, next] }) })
    expect(actionOf(plan, comesUp).body).toMatchObject({ id: next.id })
    expect(isChain(plan, comesUp, 'await-replica web 1', `stop-container ${old.id}`, 'rename-container web 1')).toBe(
      true,
    )
  })

  it('keeps of several old ones the one that serves, and removes at once what never took over', () => {
    const failed = anOutdated(service, { id: 'failed', name: 'shop-web-1.next-1', created: 2000 })
    for (const next of [[], [aContainer(service, { name: temporaryNameOf(service, 1), created: 3000 })]]) {
      const plan = planOf({ desired, observed: asDeclared(desired, { containers: [failed, old, ...next] }) })
      expect(isBefore(plan, 'await-replica web 1', `stop-container ${old.id}`)).toBe(true)
      expect(isBefore(plan, 'await-replica web 1', `stop-container ${failed.id}`)).toBe(false)
    }
  })

  it('keeps of several old ones the one that the ingress brings connections, whatever it is called', () => {
    const routed = anOutdated(service, { id: 'routed', name: 'shop-web-1.next-1', created: 2000 })
    const routings = { published: {}, routed: { [routed.id]: ready() } }
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old, routed] }), memory: { routings } })
    expect(isBefore(plan, 'await-replica web 1', `stop-container ${routed.id}`)).toBe(true)
    expect(isBefore(plan, 'await-replica web 1', `stop-container ${old.id}`)).toBe(false)
  })

  it('gives way where a port of the old one moves to a service that it waits for', () => {
    const db = aService('db', { hostPorts: [{ ip: '', port: 8080, protocol: 'tcp' }] })
    const stack = aStack([db, web({ dependsOn: { db: needs() } })])
    const ports = [aPort(8080, { containerId: old.id, containerName: old.name })]
    const plan = planOf({ desired: stack, observed: asDeclared(stack, { containers: [old], ports }) })
    expect(isChain(plan, `stop-container ${old.id}`, 'start-container db 1', 'start-container web 1')).toBe(true)
    expect(plan.rollouts[0]).toMatchObject({
      order: 'stop-first',
      why: expect.stringContaining('port 8080 moves to db'),
    })
  })

  it('stays as it is where a port of the old one moves to a service that it does not wait for', () => {
    const db = aService('db', { hostPorts: [{ ip: '', port: 8080, protocol: 'tcp' }] })
    const stack = aStack([db, service])
    const ports = [aPort(8080, { containerId: old.id, containerName: old.name })]
    const plan = planOf({ desired: stack, observed: asDeclared(stack, { containers: [old], ports }) })
    expect(isChain(plan, 'start-container web 1', `stop-container ${old.id}`, 'start-container db 1')).toBe(true)
  })

  it('is taken up by the next plan where a signal asked the new one to end: it is restarted first', () => {
    const next = aContainer(service, { id: 'next', name: temporaryNameOf(service, 1), created: 2000 })
    const observed = asDeclared(desired, { containers: [old, next] })
    for (const memory of [{ signalled: ['next'] }, { stopping: ['next'] }]) {
      const plan = planOf({ desired, observed, memory })
      expect(isChain(plan, 'restart-container web 1', 'await-replica web 1', `stop-container ${old.id}`)).toBe(true)
    }
  })

  it('on the way back trusts the one that served all along', () => {
    const current = aContainer(service, { created: 1000 })
    const failed = anOutdated(service, { id: 'failed', name: 'shop-web-1.next', created: 2000 })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [current, failed] }) })
    expect(actionOf(plan, 'await-replica web 1').body).toMatchObject({ id: current.id, monitorMs: 0 })
    expect(idsOf(plan)).not.toContain(`stop-container ${current.id}`)
    expect(idsOf(plan)).toContain(`remove-container ${failed.id}`)
  })

  it('gives way to data that two containers would share, where nobody wrote the order', () => {
    const writing = anOutdated(service, { writableMounts: ['/data'] })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [writing] }) })
    expect(isBefore(plan, `stop-container ${writing.id}`, 'start-container web 1')).toBe(true)
    expect(plan.rollouts[0]).toMatchObject({ order: 'stop-first', why: expect.stringContaining('/data') })
    const written = aStack([web({ rollouts: aRollout({ isWritten: true }) })])
    const asWritten = planOf({ desired: written, observed: asDeclared(written, { containers: [writing] }) })
    expect(isBefore(asWritten, 'start-container web 1', `stop-container ${writing.id}`)).toBe(true)
  })

  it('of several replicas goes in batches, and a batch waits for the one before', () => {
    const three = web({ replicas: 3, rollouts: aRollout({ delayMs: 700, parallelism: 2 }) })
    const stack = aStack([three])
    const containers = [1, 2, 3].map((replica) => anOutdated(three, { replica }))
    const plan = planOf({ desired: stack, observed: asDeclared(stack, { containers }) })
    const gate = actionOf(plan, 'continue-rollout web 2')
    expect(gate.body).toMatchObject({ delayMs: 700 })
    expect(gate.tolerates).toEqual(gate.after)
    expect(isChain(plan, 'rename-container web 1', gate.id, 'create-container web 3')).toBe(true)
    expect(isBefore(plan, gate.id, 'create-container web 2')).toBe(false)
  })
})

describe('a stop-first service', () => {
  it('without a word in the file waits for nothing', () => {
    const plain = aService('web', { replicas: 2, rollouts: aRollout({ order: 'stop-first', watched: false }) })
    const desired = aStack([plain])
    const containers = [1, 2].map((replica) => anOutdated(plain, { replica }))
    const kinds = planOf({ desired, observed: asDeclared(desired, { containers }) }).actions.map(
      ({ body }) => body.kind,
    )
    expect(kinds.filter((kind) => kind === 'await-replica' || kind === 'continue-rollout')).toEqual([])
  })

  it('that is watched is followed after its start', () => {
    const watched = web({ rollouts: aRollout({ order: 'stop-first' }) })
    const desired = aStack([watched])
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [anOutdated(watched)] }) })
    expect(isChain(plan, 'rename-container web 1', 'start-container web 1', 'await-replica web 1')).toBe(true)
  })
})

describe('a service in the ingress', () => {
  const service = web({ routing: ROUTING, hostPorts: [{ ip: '', port: 80, protocol: 'tcp' }] })
  const desired = aStack([service])
  const address = { addresses: { [service.networks[0]!]: '172.18.0.2' } }
  const published = { published: { web: ROUTING } }

  it('is published, and a new container admitted once it counts', () => {
    const plan = planOf({ desired })
    expect(isChain(plan, 'start-container web 1', 'await-replica web 1', 'admit-replica web 1')).toBe(true)
    expect(isBefore(plan, 'publish-service web', 'admit-replica web 1')).toBe(true)
  })

  it('drains the old container once the new one is admitted', () => {
    const old = anOutdated(service)
    const routings = { ...published, routed: { [old.id]: ready() } }
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old] }), memory: { routings } })
    expect(
      isChain(
        plan,
        'admit-replica web 1',
        `drain-replica ${old.id}`,
        `stop-container ${old.id}`,
        'rename-container web 1',
      ),
    ).toBe(true)
    expect(idsOf(plan)).not.toContain('publish-service web')
  })

  it('takes a port over from the Engine after the old container has stopped, and says that there is a gap', () => {
    const old = anOutdated(service)
    const ports = [aPort(80, { containerId: old.id })]
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old], ports }) })
    expect(
      isChain(plan, 'await-replica web 1', `stop-container ${old.id}`, 'publish-service web', 'admit-replica web 1'),
    ).toBe(true)
    expect(plan.warnings).toEqual([expect.stringContaining('port 80 of web moves from the Engine to the ingress')])
  })

  it('leaves a port with the Engine for a container that stays as it is', () => {
    const there = aContainer(service, address)
    const ports = [aPort(80, { containerId: there.id })]
    expect(planOf({ desired, observed: asDeclared(desired, { containers: [there], ports }) }).actions).toEqual([])
  })

  it('is admitted again where it came back with another address, and left where it did not', () => {
    const there = aContainer(service, address)
    const planWith = (routed: Record<string, Routed>) =>
      idsOf(
        planOf({
          desired,
          observed: asDeclared(desired, { containers: [there] }),
          memory: { routings: { ...published, routed } },
          policy: { mode: 'heal' },
        }),
      )
    expect(planWith({ [there.id]: ready() })).toEqual([])
    expect(planWith({ [there.id]: ready('172.18.0.9') })).toEqual(['await-replica web 1', 'admit-replica web 1'])
    expect(planWith({})).toEqual(['await-replica web 1', 'admit-replica web 1'])
    expect(planWith({ [there.id]: { ...ready(), state: 'draining' } })).toContain('admit-replica web 1')
  })

  it('keeps what the old container serves as it is until a new one counts', () => {
    const old = anOutdated(service)
    const before: ServiceRouting = { ...ROUTING, ports: [{ ...ROUTING.ports[0]!, target: 9090 }] }
    const routings = { published: { web: before }, routed: { [old.id]: ready() } }
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old] }), memory: { routings } })
    expect(isChain(plan, 'await-replica web 1', 'publish-service web', 'admit-replica web 1')).toBe(true)
  })

  it('of several replicas changes what it serves with the first batch', () => {
    const three = web({ replicas: 3, routing: ROUTING })
    const stack = aStack([three])
    const containers = [1, 2, 3].map((replica) => anOutdated(three, { replica }))
    const routings = { published: { web: { ...ROUTING, drainMs: 0 } }, routed: {} }
    const plan = planOf({ desired: stack, observed: asDeclared(stack, { containers }), memory: { routings } })
    expect(
      isChain(plan, 'await-replica web 1', 'publish-service web', 'continue-rollout web 2', 'create-container web 2'),
    ).toBe(true)
  })

  it('takes a port over from another service once that has let go of it', () => {
    const other = aService('api', { rollouts: aRollout() })
    const stack = aStack([service, other])
    const containers = [aContainer(service, address), aContainer(other)]
    const routings = { published: { api: ROUTING }, routed: {} }
    const plan = planOf({ desired: stack, observed: asDeclared(stack, { containers }), memory: { routings } })
    expect(isBefore(plan, 'unpublish-service api', 'publish-service web')).toBe(true)
  })

  it('forgets a container that is gone', () => {
    const there = aContainer(service, address)
    const routings = { ...published, routed: { [there.id]: ready(), gone: ready('172.18.0.7') } }
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [there] }), memory: { routings } })
    expect(idsOf(plan)).toEqual(['unroute-replica gone'])
  })

  it('goes from the ingress when it is stopped, and when the stack is taken down', () => {
    const stopped = aStack([{ ...service, run: 'stopped' }])
    const there = aContainer(service, address)
    const routings = { ...published, routed: { [there.id]: ready() } }
    const containers = [there]
    const stop = planOf({ desired: stopped, observed: asDeclared(stopped, { containers }), memory: { routings } })
    expect(isChain(stop, 'stop-container web 1', 'unpublish-service web')).toBe(true)
    const absent = aStack([service], { presence: 'absent' })
    const down = planOf({ desired: absent, observed: asDeclared(absent, { containers }), memory: { routings } })
    expect(isChain(down, `stop-container ${there.id}`, 'unpublish-service web')).toBe(true)
  })
})

describe('a paused rollout', () => {
  const service = web()
  const desired = aStack([service])
  const observed = asDeclared(desired, { containers: [anOutdated(service)] })
  const memory = { pausedRollouts: { web: service.revision } }

  it('is left as it is by the loop, which says so', () => {
    const plan = planOf({ desired, observed, memory, policy: { mode: 'heal' } })
    expect(plan.actions).toEqual([])
    expect(plan.concerns).toEqual([expect.stringMatching(/rollout of web to revision 1 is paused: evenkeel up/)])
  })

  it('goes on when somebody asks', () => {
    expect(idsOf(planOf({ desired, observed, memory }))).toContain('create-container web 1')
  })
})
