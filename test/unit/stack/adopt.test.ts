import { describe, expect, test } from 'vitest'
import { adopt } from '../../../daemon/stack/adopt.ts'
import { withAdopted } from '../../../daemon/stack/adopted.ts'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import { composeHash } from '../../../daemon/stack/mapping/compose-hash.ts'
import { serviceSpecHash } from '../../../daemon/stack/mapping/spec-hash.ts'
import type { Observed, ObservedContainer } from '../../../daemon/stack/observed.ts'
import { HEAL } from '../../../daemon/stack/policy.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aModel } from '../support/core.ts'
import { aForeign, aNetwork, aService, aStack, idsOf, NETWORK, NOTHING, planOf } from '../support/stack-builders.ts'

const MODEL = aModel({ web: { environment: { A: '1' } }, db: { restart: 'always' } })
const NONE = () => undefined

/** As Compose made it from the file, where nothing else is said. */
function madeByCompose(service: string, parts: Partial<ObservedContainer> = {}): ObservedContainer {
  const hash = MODEL.services[service] === undefined ? '' : composeHash(MODEL.services[service], NONE)
  return aForeign(aService(service), { composeHash: hash, ...parts })
}

const adoptionOf = (containers: readonly ObservedContainer[], parts: Partial<Observed> = {}, model = MODEL) =>
  adopt({ model, revision: 3, observed: { ...NOTHING, ...parts, containers }, fileDigests: {} })
const serviceOf = (containers: readonly ObservedContainer[], service: string, model = MODEL) =>
  adoptionOf(containers, {}, model).services.find((state) => state.service === service)

describe('a container that Compose made', () => {
  test('stands for the revision where Compose’s own hash says that it is of this file', () => {
    const web = madeByCompose('web')
    expect(adoptionOf([web]).adopted).toEqual([
      {
        id: web.id,
        kind: 'container',
        replica: 1,
        revision: 3,
        specHash: serviceSpecHash({ model: MODEL, service: 'web', imageId: web.imageId, fileDigests: {} }),
      },
    ])
  })

  test('stands for no revision where it was made from something else', () => {
    const [one] = adoptionOf([madeByCompose('web', { composeHash: 'of an older file' })]).adopted
    expect([one?.revision, one?.specHash]).toEqual([undefined, undefined])
  })

  test('that runs another image than its fellows stands for none either', () => {
    const two = [madeByCompose('web'), madeByCompose('web', { id: 'b', replica: 2, imageId: 'sha256:older' })]
    expect(adoptionOf(two).adopted.map((one) => one.revision)).toEqual([3, undefined])
  })

  test('is numbered without the gaps that Compose left', () => {
    const containers = [madeByCompose('web', { id: 'c', replica: 4 }), madeByCompose('web', { id: 'a' })]
    expect(adoptionOf(containers).adopted.map(({ id, replica }) => [id, replica])).toEqual([
      ['a', 1],
      ['c', 2],
    ])
  })

  test('is not taken over where it is a one-off or on its way out', () => {
    expect(
      adoptionOf([madeByCompose('web', { oneOff: true }), madeByCompose('web', { state: 'dead' })]).adopted,
    ).toEqual([])
  })

  test('of a service that the file does not have is not taken over', () => {
    expect(adoptionOf([madeByCompose('legacy')]).adopted).toEqual([])
  })

  test('is not written down again where our labels say all of it', () => {
    expect(adoptionOf([madeByCompose('web', { ownership: 'ours' })]).adopted).toEqual([])
  })
})

describe('the desired state after it', () => {
  test('keeps what differs until somebody asks for a change', () => {
    expect(serviceOf([madeByCompose('web', { composeHash: 'other' })], 'web')).toMatchObject({
      run: 'running',
      outdated: 'keep',
      scale: undefined,
    })
  })

  test('has as many replicas as there are', () => {
    expect(serviceOf([madeByCompose('web'), madeByCompose('web', { id: 'b', replica: 2 })], 'web')?.scale).toBe(2)
  })

  test('leaves out what has no container, and says so', () => {
    const adoption = adoptionOf([madeByCompose('web')])
    expect(adoption.services.find(({ service }) => service === 'db')?.run).toBe('removed')
    expect(adoption.warnings).toEqual(['service db has no container: it has none until you bring it up'])
  })

  test.each([
    ['paused', 'web', 'paused'],
    ['restarting', 'web', 'running'],
    ['created', 'web', 'stopped'],
    // A job that has ended.
    ['exited', 'web', 'running'],
    // Its policy would have it run: somebody stopped it.
    ['exited', 'db', 'stopped'],
  ] as const)('of a container that is %s: %s is %s', (state, service, run) => {
    expect(serviceOf([madeByCompose(service, { state, exitCode: 0 })], service)?.run).toBe(run)
  })

  test('goes on from the counters of containers that were ours before', () => {
    expect(serviceOf([madeByCompose('web', { ownership: 'ours', recreate: 2, restart: 5 })], 'web')).toMatchObject({
      recreate: 2,
      restart: 5,
    })
  })
})

describe('a network that Compose made', () => {
  const theirs = aNetwork(NETWORK, { ownership: 'foreign', specHash: undefined })

  test('for this project is ours from then on', () => {
    const { adopted } = adoptionOf([], { networks: [theirs] })
    expect(adopted).toMatchObject([{ id: theirs.id, kind: 'network' }])
    expect(withAdopted({ ...NOTHING, networks: [theirs] }, adopted).networks[0]?.ownership).toBe('ours')
  })

  test('for another project is not', () => {
    expect(adoptionOf([], { networks: [{ ...theirs, key: undefined }] }).adopted).toEqual([])
  })
})

describe('the planner', () => {
  const imageId = 'sha256:web'
  const specHash = serviceSpecHash({ model: MODEL, service: 'web', imageId, fileDigests: {} })
  const web: DesiredService = aService('web', { specHash, outdated: 'keep' })
  const desired = aStack([web])
  const seen = (container: ObservedContainer): Observed => {
    const observed = { ...NOTHING, containers: [container], networks: [aNetwork()] }
    return withAdopted(observed, adoptionOf([container], { networks: [aNetwork()] }).adopted)
  }

  test('has nothing to do with what was adopted as it is declared, now and when asked', () => {
    const observed = seen(madeByCompose('web'))
    expect(idsOf(planOf({ desired, observed, policy: HEAL }))).toEqual([])
    expect(idsOf(planOf({ desired: aStack([{ ...web, outdated: 'replace' }]), observed }))).toEqual([])
  })

  test('leaves what differs alone by itself, and replaces it when asked', () => {
    const observed = seen(madeByCompose('web', { id: 'old', composeHash: 'other' }))
    expect(idsOf(planOf({ desired, observed, policy: HEAL }))).toEqual([])
    const asked = planOf({ desired: aStack([{ ...web, outdated: 'replace' }]), observed })
    expect(idsOf(asked)).toEqual([
      'create-container web 1',
      'stop-container old',
      'remove-container old',
      'rename-container web 1',
      'start-container web 1',
    ])
  })

  test('takes a container that nobody adopted for a stranger still', () => {
    const observed = { ...NOTHING, containers: [madeByCompose('web')], networks: [aNetwork()] }
    expect(planOf({ desired, observed, policy: HEAL }).warnings).toHaveLength(1)
  })
})

describe('the hash of Compose', () => {
  const spec = (parts: Partial<Service>): Service => ({ image: 'x:1', networks: { default: null }, ...parts })

  test('does not hang on what changes nothing in a container', () => {
    const more = spec({ scale: 3, profiles: ['a'], pull_policy: 'always', depends_on: {} })
    expect(composeHash(more, NONE)).toBe(composeHash(spec({}), NONE))
  })

  test('has the container in place of the service that lends a namespace or its volumes', () => {
    const theirs = spec({ network_mode: 'service:db', ipc: 'service:db', pid: 'service:db', volumes_from: ['db:ro'] })
    const byId = spec({
      network_mode: 'container:id1',
      ipc: 'container:id1',
      pid: 'container:id1',
      volumes_from: ['id1'],
    })
    // Written out, a container's name is a plain word to Compose in volumes_from.
    const { volumes_from: _, ...bare } = theirs
    const { volumes_from: __, ...bareById } = byId
    expect(composeHash(bare, () => 'id1')).toBe(composeHash(bareById, NONE))
    expect(composeHash(theirs, () => 'id1')).not.toBe(composeHash(theirs, () => 'id2'))
    expect(composeHash(spec({ volumes_from: ['container:id1'] }), NONE)).toBe(
      composeHash(spec({ volumes_from: ['db:ro'] }), () => 'id1'),
    )
  })
})

test('a service that a provider stands for is taken over without a container', () => {
  const { services, warnings } = adoptionOf([], {}, aModel({ db: { provider: { type: 'x' } } }))
  expect(services).toMatchObject([{ service: 'db', run: 'running' }])
  expect(warnings).toEqual([])
})
