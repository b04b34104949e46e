import { describe, expect, it } from 'vitest'
import type { ActionBody } from '../../../daemon/stack/actions.ts'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import { releaseNetwork, withEveryRelease } from '../../../daemon/stack/release.ts'
import type { Rollout } from '../../../daemon/stack/rollout.ts'
import type { Routed, ServiceRouting } from '../../../daemon/stack/routing.ts'
import {
  aContainer,
  actionOf,
  aNetwork,
  aService,
  aStack,
  idsOf,
  isBefore,
  isChain,
  NETWORK,
  needs,
  planOf,
  type Situation,
  temporaryNameOf,
} from '../support/stack-builders.ts'

const ROLLOUT: Rollout = {
  order: 'start-first',
  why: 'the stack is released as a whole',
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
  ports: [],
  routes: [{ host: 'shop.test', path: '/', target: 8080 }],
  balance: 'roundrobin',
  drainMs: 30_000,
}
const R1 = releaseNetwork(NETWORK, 1)
const SWITCH = 'switch-release shop'

const of = (name: string, release?: number, parts: Partial<DesiredService> = {}): DesiredService =>
  aService(name, {
    release,
    releasing: 'atomic',
    networks: [releaseNetwork(NETWORK, release)],
    releaseNetworks: [NETWORK],
    rollouts: { update: ROLLOUT, rollback: ROLLOUT },
    specHash: `${name}-${release ?? 0}`,
    ...parts,
  })
const container = (service: DesiredService, parts: Partial<ObservedContainer> = {}): ObservedContainer =>
  aContainer(service, { release: service.release, ...parts })

const ROUTED = { routing: ROUTING, dependsOn: { api: needs() } }
const [web, api, db] = [of('web', 1, ROUTED), of('api', 1), of('db')]
const [oldWeb, oldApi, theDb] = [container(of('web', undefined, ROUTED)), container(of('api')), container(db)]
const next = (service: DesiredService): ObservedContainer =>
  container(service, { id: `next-${service.service}`, name: temporaryNameOf(service, 1), created: 2000 })

/** `web` and `api` are to change, `db` is as it was. */
function releaseOf(
  containers: readonly ObservedContainer[] = [oldWeb, oldApi, theDb],
  {
    services = [web, api, db],
    networks = [NETWORK],
    ...more
  }: Partial<Situation> & {
    services?: readonly DesiredService[]
    networks?: readonly string[]
  } = {},
) {
  const stack = aStack(services, {
    networks: [undefined, 1].map((release) => ({
      key: 'default',
      name: releaseNetwork(NETWORK, release),
      external: false,
      specHash: 'as in the file',
      subnets: [],
      release,
    })),
  })
  const observed = {
    containers,
    networks: networks.map((name) =>
      aNetwork(name, { specHash: 'as in the file', release: name === NETWORK ? undefined : 1 }),
    ),
    volumes: [],
    ports: [],
    ...more.observed,
  }
  const ready = (service: string): Routed => ({ service, address: '172.18.0.2', state: 'ready' })
  const routings = { published: { web: ROUTING }, routed: { [oldWeb.id]: ready('web') } }
  const memory = { switched: 0, routings, ...more.memory }
  return planOf({ ...more, desired: withEveryRelease(stack, observed), observed, memory })
}
const switchIn = (plan: ReturnType<typeof planOf>) =>
  actionOf(plan, SWITCH).body as Extract<ActionBody, { kind: 'switch-release' }>

describe('a release as a whole', () => {
  it('is switched once all that is new counts, and nothing of the old goes before', () => {
    const plan = releaseOf()
    for (const service of ['web', 'api'])
      expect(
        isChain(plan, `create-network ${R1}`, `start-container ${service} 1`, `await-replica ${service} 1`, SWITCH),
      ).toBe(true)
    for (const old of [oldWeb, oldApi])
      expect(isChain(plan, SWITCH, `stop-container ${old.id}`, `remove-container ${old.id}`)).toBe(true)
    expect(switchIn(plan)).toMatchObject({
      release: 1,
      admit: [{ service: 'web', replica: 1 }],
      drain: [oldWeb.id],
      publish: [],
    })
    expect(idsOf(plan).filter((id) => /^(admit|publish)/.test(id))).toEqual([])
  })

  it('has what does not change join its network before anything starts there', () => {
    const plan = releaseOf()
    expect(isChain(plan, `create-network ${R1}`, `connect-network db 1 ${R1}`, 'start-container web 1')).toBe(true)
    expect(idsOf(plan)).not.toContain(`connect-network api 1 ${R1}`)
  })

  it('lets go of those who call before those who are called, once all have drained', () => {
    const plan = releaseOf()
    expect(
      isChain(plan, SWITCH, `drain-replica ${oldWeb.id}`, `stop-container ${oldWeb.id}`, `stop-container ${oldApi.id}`),
    ).toBe(true)
  })

  it('publishes and takes back with the switch', () => {
    const moved = of('web', 1, { ...ROUTED, routing: { ...ROUTING, drainMs: 1 } })
    const memory = { routings: { published: { web: ROUTING, gone: ROUTING }, routed: {} } }
    const plan = releaseOf(undefined, { services: [moved, api, db], memory })
    expect(switchIn(plan)).toMatchObject({ publish: [{ service: 'web' }], unpublish: ['gone'] })
  })

  it('keeps what left the file for as long as the old ones serve', () => {
    const gone = container(of('gone'))
    expect(isBefore(releaseOf([oldWeb, oldApi, theDb, gone]), SWITCH, `stop-container ${gone.id}`)).toBe(true)
  })

  it('is taken up where a crash left both', () => {
    const plan = releaseOf([oldWeb, oldApi, theDb, next(web), next(api)], {
      networks: [NETWORK, R1],
      policy: { mode: 'heal' },
    })
    expect(idsOf(plan).filter((id) => id.startsWith('create'))).toEqual([])
    for (const service of ['web', 'api']) expect(isBefore(plan, `await-replica ${service} 1`, SWITCH)).toBe(true)
    expect(switchIn(plan).admit).toMatchObject([{ service: 'web', id: 'next-web' }])
  })

  it('is no matter of the loop that makes one container anew', () => {
    const plan = releaseOf([container(web), theDb], { networks: [NETWORK, R1], policy: { mode: 'heal' } })
    expect(idsOf(plan)).toContain('create-container api 1')
    expect(idsOf(plan)).not.toContain(SWITCH)
  })
})

describe('what cannot be there twice', () => {
  const stopFirst = { ...ROLLOUT, order: 'stop-first', why: 'it can write to /data' } as const

  it('is refused with the whole release', () => {
    const one = of('api', 1, { rollouts: { update: stopFirst, rollback: stopFirst } })
    const { blocked, actions } = releaseOf(undefined, { services: [web, one, db] })
    expect(blocked?.reason).toContain('api: it can write to /data')
    expect(blocked?.hint).toContain('x-evenkeel: {dns: shared}')
    expect(actions).toEqual([])
  })

  it('is replaced before the switch where it is left out', () => {
    const one = of('api', undefined, {
      specHash: 'new',
      releasing: 'shared',
      rollouts: { update: stopFirst, rollback: stopFirst },
    })
    const plan = releaseOf(undefined, { services: [web, one, db] })
    expect(plan.blocked).toBeUndefined()
    expect(isChain(plan, `stop-container ${oldApi.id}`, 'start-container api 1', SWITCH)).toBe(true)
  })

  it('may be a port that the Engine has', () => {
    const one = of('web', 1, { routing: { ...ROUTING, ports: [{ ip: '', port: 80, target: 80, mode: 'tcp' }] } })
    const held = { containerId: oldWeb.id, containerName: oldWeb.name, ip: '0.0.0.0', port: 80, protocol: 'tcp' }
    const { blocked } = releaseOf(undefined, { services: [one, api, db], observed: { ports: [held] } as never })
    expect(blocked?.reason).toContain('the Engine has port 80')
  })

  it('may be a network', () => {
    const desired = withEveryRelease(
      aStack([web], {
        networks: [
          {
            key: 'default',
            name: R1,
            external: false,
            specHash: 'x',
            release: 1,
            onlyOnce: 'it has the fixed subnet 10.9.0.0/24',
          },
        ],
      }),
      { containers: [oldWeb], networks: [], volumes: [], ports: [] },
    )
    expect(() => planOf({ desired })).toThrow(/network default .*it has the fixed subnet 10\.9\.0\.0\/24/)
  })
})

it('its networks count where the Engine has no room for more', () => {
  const full = { networks: [], pools: [{ base: '10.9.0.0/24', size: 16 }] }
  expect(() => releaseOf(undefined, { observed: { addresses: full } as never })).toThrow(
    /1 network\(s\) are to be made/,
  )
})

describe('a release that failed', () => {
  const back = [of('web', undefined, ROUTED), of('api'), db]
  const policy = { rollout: 'rollback' } as const
  const left = { services: back, networks: [NETWORK, R1], policy }

  it('goes at once, with its network, and nothing is switched', () => {
    const plan = releaseOf([oldWeb, oldApi, theDb, next(web), next(api)], left)
    expect(idsOf(plan)).not.toContain(SWITCH)
    for (const id of ['next-web', 'next-api'])
      expect(isChain(plan, `stop-container ${id}`, `remove-container ${id}`, `remove-network ${R1}`)).toBe(true)
  })

  it('is switched back from where it was switched to already', () => {
    const plan = releaseOf([oldWeb, oldApi, theDb, next(web), next(api)], { ...left, memory: { switched: 1 } })
    expect(isBefore(plan, SWITCH, 'stop-container next-api')).toBe(true)
    expect(switchIn(plan)).toMatchObject({ release: 0, admit: [{ service: 'web', id: oldWeb.id }] })
  })
})

describe('the networks of a release', () => {
  it('go with the last container that was made on them, in whatever state a crash left things', () => {
    const plan = releaseOf([container(of('web', undefined, ROUTED)), oldApi, theDb], {
      services: [of('web', undefined, ROUTED), of('api'), db],
      networks: [NETWORK, R1],
      policy: { mode: 'heal' },
    })
    expect(actionOf(plan, `remove-network ${R1}`).body).toMatchObject({ release: 1 })
  })

  it('stay for a one-off container that runs on them', () => {
    const oneOff = container(web, { id: 'one-off', oneOff: true, replica: 0 })
    const plan = releaseOf([oldWeb, oldApi, theDb, oneOff], {
      services: [of('web', undefined, ROUTED), of('api'), db],
      networks: [NETWORK, R1],
      policy: { mode: 'heal' },
    })
    expect(idsOf(plan)).not.toContain(`remove-network ${R1}`)
  })
})
