import { describe, expect, test } from 'vitest'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
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
  planOf,
  temporaryNameOf,
} from '../support/stack-builders.ts'

const web = aService('web')
const desired = aStack([web])
const planWith = (containers: readonly ObservedContainer[], more: Partial<Parameters<typeof planOf>[0]> = {}) =>
  planOf({ desired, observed: asDeclared(desired, { containers }), ...more })

describe('a container whose spec changed', () => {
  const old = anOutdated(web, { id: 'old' })

  test('stops only when its successor has been created, which then takes its name and starts', () => {
    expect(
      isChain(
        planWith([old]),
        'create-container web 1',
        'stop-container old',
        'remove-container old',
        'rename-container web 1',
        'start-container web 1',
      ),
    ).toBe(true)
  })

  test('has its successor created under a temporary name', () => {
    const plan = planWith([old])
    expect(actionOf(plan, 'create-container web 1').body).toMatchObject({ name: temporaryNameOf(web, 1) })
    expect(actionOf(plan, 'rename-container web 1').body).toMatchObject({ name: 'shop-web-1', id: undefined })
  })

  test('is called replaced, for the reason that was given', () => {
    const plan = planWith([old], { explain: (container) => `${container.id}: environment.VERSION changed` })
    expect(actionOf(plan, 'create-container web 1')).toMatchObject({
      effect: 'replace',
      reason: 'old: environment.VERSION changed',
    })
  })

  test('hands its anonymous volumes on', () => {
    const plan = planWith([anOutdated(web, { anonymousVolumes: { '/cache': 'a1' } })])
    expect(actionOf(plan, 'create-container web 1').body).toMatchObject({ carriedVolumes: { '/cache': 'a1' } })
  })

  test('hands none on where they are to be renewed', () => {
    const plan = planWith([anOutdated(web, { anonymousVolumes: { '/cache': 'a1' } })], {
      policy: { anonymousVolumes: 'renew' },
    })
    expect(actionOf(plan, 'create-container web 1').body).toMatchObject({ carriedVolumes: {} })
  })

  test('keeps the volumes themselves when it is removed', () => {
    expect(actionOf(planWith([old]), 'remove-container old').body).toMatchObject({ anonymousVolumes: 'keep' })
  })

  test('is removed without a stop where it does not run', () => {
    expect(idsOf(planWith([anOutdated(web, { id: 'old', state: 'exited' })]))).not.toContain('stop-container old')
  })

  test('gets a successor that is not started where the service is stopped', () => {
    const stopped = aStack([aService('web', { run: 'stopped' })])
    const plan = planOf({ desired: stopped, observed: asDeclared(stopped, { containers: [old] }) })
    expect(idsOf(plan)).not.toContain('start-container web 1')
  })

  test('stays where outdated ones are accepted (--no-recreate)', () => {
    const accepting = aStack([aService('web', { outdated: 'keep' })])
    expect(idsOf(planOf({ desired: accepting, observed: asDeclared(accepting, { containers: [old] }) }))).toEqual([])
  })

  test('is replaced even so where a recreate was asked for', () => {
    const forced = aStack([aService('web', { outdated: 'keep', recreate: 1 })])
    const observed = asDeclared(forced, { containers: [anOutdated(web, { recreate: 0 })] })
    expect(idsOf(planOf({ desired: forced, observed }))).toContain('create-container web 1')
  })

  test('stays for as long as the image of the new spec is not known', () => {
    const unknown = aStack([aService('web', { specHash: undefined })])
    expect(idsOf(planOf({ desired: unknown, observed: asDeclared(unknown, { containers: [old] }) }))).toEqual([])
  })
})

test('--force-recreate replaces a container of the very same spec', () => {
  const forced = aStack([aService('web', { recreate: 1 })])
  const observed = asDeclared(forced, { containers: [aContainer(web, { recreate: 0 })] })
  expect(idsOf(planOf({ desired: forced, observed }))).toContain('create-container web 1')
})

test('a dead container is replaced', () => {
  expect(idsOf(planWith([aContainer(web, { id: 'dead', state: 'dead' })]))).toEqual([
    'create-container web 1',
    'remove-container dead',
    'rename-container web 1',
    'start-container web 1',
  ])
})

describe('a crash', () => {
  const old = anOutdated(web, { id: 'old' })
  const next = aContainer(web, { id: 'next', name: temporaryNameOf(web, 1), state: 'created' })

  test('after the successor was created: the old one goes, the successor takes its name and starts', () => {
    const plan = planWith([old, next])
    expect(idsOf(plan).sort()).toEqual([
      'remove-container old',
      'rename-container web 1',
      'start-container web 1',
      'stop-container old',
    ])
    expect(
      isChain(plan, 'stop-container old', 'remove-container old', 'rename-container web 1', 'start-container web 1'),
    ).toBe(true)
    expect(actionOf(plan, 'start-container web 1').body).toMatchObject({ id: 'next' })
  })

  test('after the old one was stopped: the same, without the stop', () => {
    expect(idsOf(planWith([{ ...old, state: 'exited' }, next]))).toEqual([
      'remove-container old',
      'rename-container web 1',
      'start-container web 1',
    ])
  })

  test('after the old one was removed: the successor takes its name and starts', () => {
    expect(idsOf(planWith([next]))).toEqual(['rename-container web 1', 'start-container web 1'])
  })

  test('after the successor was renamed: it starts, also by the loop alone', () => {
    const renamed = aContainer(web, { state: 'created' })
    expect(idsOf(planWith([renamed], { policy: { mode: 'heal' } }))).toEqual(['start-container web 1'])
  })

  test('that left a successor which is outdated by now: both go for a newer one', () => {
    const stale = anOutdated(web, { id: 'stale', name: 'shop-web-1.next-older0', state: 'created' })
    const plan = planWith([old, stale])
    expect(isChain(plan, 'create-container web 1', 'remove-container old', 'rename-container web 1')).toBe(true)
    expect(isChain(plan, 'create-container web 1', 'remove-container stale', 'rename-container web 1')).toBe(true)
  })

  test('that left a successor which is outdated by now: anonymous volumes come from the one that ran', () => {
    const ran = { ...old, anonymousVolumes: { '/data': 'from the one that ran' } }
    const stale = anOutdated(web, {
      id: 'stale',
      name: 'shop-web-1.next-older0',
      state: 'created',
      anonymousVolumes: { '/data': 'from the one that never did' },
    })
    expect(actionOf(planWith([stale, ran]), 'create-container web 1').body).toMatchObject({
      carriedVolumes: { '/data': 'from the one that ran' },
    })
  })

  test('that left two successors of one spec: the one that runs stays', () => {
    const other = aContainer(web, { id: 'other', name: temporaryNameOf(web, 1), state: 'created' })
    expect(idsOf(planWith([other, aContainer(web)]))).toEqual(['remove-container other'])
  })

  test('that left two of one spec, the name with the one that goes: the other is renamed after that has gone', () => {
    const named = aContainer(web, { id: 'named', state: 'exited', exitCode: 0 })
    const runs = aContainer(web, { id: 'runs', name: temporaryNameOf(web, 1) })
    expect(isBefore(planWith([named, runs]), 'remove-container named', 'rename-container web 1')).toBe(true)
  })

  test('that left a dead successor: its temporary name is free before the next one is created', () => {
    const dead = aContainer(web, { id: 'dead', name: temporaryNameOf(web, 1), state: 'dead' })
    const plan = planWith([old, dead])
    const { body } = actionOf(plan, 'create-container web 1')
    const usesItsName = body.kind === 'create-container' && body.name === dead.name
    expect(usesItsName && !isBefore(plan, 'remove-container dead', 'create-container web 1')).toBe(false)
  })
})

describe('a service that left the file', () => {
  const worker = aService('worker')
  const revised = aStack([web], { revision: 7 })
  const observed = asDeclared(revised, { containers: [aContainer(web), aContainer(worker)] })

  test('goes with the revision that drops it, and the plan says so', () => {
    const plan = planOf({ desired: revised, observed })
    expect(idsOf(plan)).toEqual(['stop-container id-of-shop-worker-1', 'remove-container id-of-shop-worker-1'])
    expect(actionOf(plan, 'remove-container id-of-shop-worker-1').reason).toBe(
      'its service is no longer in the file (revision 7)',
    )
  })

  test('stays where its profile is merely off', () => {
    const plan = planOf({ desired: { ...revised, disabled: ['worker'] }, observed })
    expect(idsOf(plan)).toEqual([])
    expect(plan.warnings).toEqual([])
  })

  test('gives its container_name free before a service that takes it is created', () => {
    const renamed = aStack([aService('front', { containerName: 'www' })])
    const before = aContainer(aService('web', { containerName: 'www' }), { id: 'before' })
    const plan = planOf({ desired: renamed, observed: asDeclared(renamed, { containers: [before] }) })
    expect(isBefore(plan, 'remove-container before', 'create-container front 1')).toBe(true)
  })

  test('gives its host port free before a service that takes it is started', () => {
    const hostPorts = [{ ip: '', port: 80, protocol: 'tcp' }]
    const renamed = aStack([aService('front', { hostPorts })])
    const before = aContainer(aService('web', { hostPorts }), { id: 'before' })
    const ports = [{ containerId: 'before', containerName: 'shop-web-1', ip: '', port: 80, protocol: 'tcp' }]
    const plan = planOf({ desired: renamed, observed: { ...asDeclared(renamed, { containers: [before] }), ports } })
    expect(isBefore(plan, 'stop-container before', 'start-container front 1')).toBe(true)
  })
})

describe('a host port that moved from one service to another', () => {
  const at = (port: number) => [{ ip: '', port, protocol: 'tcp' }]
  const [web, api] = [aService('web', { hostPorts: at(8081) }), aService('api', { hostPorts: at(8080) })]
  const desired = aStack([web, api])
  const [oldWeb, oldApi] = [anOutdated(web), anOutdated(api)]
  const observed = asDeclared(desired, {
    containers: [oldWeb, oldApi],
    ports: [aPort(8080, { containerId: oldWeb.id }), aPort(8081, { containerId: oldApi.id })],
  })

  test('is free before its new holder starts, also where two change places', () => {
    const plan = planOf({ desired, observed })
    expect(isBefore(plan, 'stop-container id-of-shop-api-1', 'start-container web 1')).toBe(true)
    expect(isBefore(plan, 'stop-container id-of-shop-web-1', 'start-container api 1')).toBe(true)
  })

  test('is waited for as well where its old holder goes at once, with no grace', () => {
    const plan = planOf({ desired, observed, policy: { graceSeconds: 0 } })
    expect(isBefore(plan, 'remove-container id-of-shop-api-1', 'start-container web 1')).toBe(true)
  })

  test('keeps nobody waiting for others', () => {
    const apart = { ...observed, ports: [aPort(9000, { containerId: oldApi.id })] }
    expect(
      isBefore(planOf({ desired, observed: apart }), 'stop-container id-of-shop-api-1', 'start-container web 1'),
    ).toBe(false)
  })
})
