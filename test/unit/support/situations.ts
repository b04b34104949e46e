/** Random desired and observed states: replicas of every age, state and name, leftovers of crashes, strangers. */
import fc from 'fast-check'
import type { DesiredService, DesiredStack } from '../../../daemon/stack/desired.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import type { Policy } from '../../../daemon/stack/policy.ts'
import type { Dependency } from '../../../protocol/stackfile/model.ts'
import type { World } from './engine-model.ts'
import {
  aContainer,
  aForeign,
  aNetwork,
  anOutdated,
  aService,
  aStack,
  aVolume,
  NETWORK,
  nameOf,
  REQUEST,
  temporaryNameOf,
} from './stack-builders.ts'

export interface RandomSituation {
  readonly desired: DesiredStack
  readonly world: World
  readonly policy: Policy
}

/**
 * `settled`: nothing that is known to need a second plan, which is a service that is to be paused, and a restart that
 * was asked for while its container did not run. `any`: these too.
 */
export type Range = 'settled' | 'any'

const NAMES = ['db', 'job', 'api', 'web'] as const
const SLOTS = 3

const aDependency = fc.option(
  fc.record({
    condition: fc.constantFrom<Dependency['condition']>(
      'service_started',
      'service_healthy',
      'service_completed_successfully',
    ),
    required: fc.boolean(),
    restart: fc.boolean(),
  }),
  { nil: undefined, freq: 2 },
)

const aRawContainer = fc.record({
  fits: fc.boolean(),
  state: fc.constantFrom<ObservedContainer['state']>(
    'running',
    'running',
    'exited',
    'created',
    'paused',
    'restarting',
    'dead',
    'removing',
  ),
  exitCode: fc.constantFrom(0, 1, 137),
  health: fc.constantFrom<ObservedContainer['health']>('none', 'starting', 'healthy', 'unhealthy'),
  recreateBehind: fc.nat({ max: 1 }),
  restartBehind: fc.nat({ max: 1 }),
  naming: fc.constantFrom('own', 'own', 'temporary', 'other'),
  anonymous: fc.boolean(),
})

const aRawService = fc.record({
  run: fc.constantFrom<DesiredService['run']>('running', 'running', 'running', 'stopped', 'removed', 'paused'),
  replicas: fc.nat({ max: SLOTS }),
  recreate: fc.nat({ max: 1 }),
  restart: fc.nat({ max: 1 }),
  outdated: fc.constantFrom<DesiredService['outdated']>('replace', 'replace', 'keep'),
  restartPolicy: fc.constantFrom('no', 'always', 'unless-stopped', 'on-failure'),
  hasVolume: fc.boolean(),
  onSecondNetwork: fc.boolean(),
  dependencies: fc.array(aDependency, { minLength: NAMES.length, maxLength: NAMES.length }),
  slots: fc.array(fc.array(aRawContainer, { maxLength: 2 }), { minLength: SLOTS, maxLength: SLOTS }),
})

const aRawWorld = fc.record({
  services: fc.array(aRawService, { minLength: 1, maxLength: NAMES.length }),
  network: fc.constantFrom('as declared', 'not there', 'changed', 'made by Compose'),
  volumes: fc.constantFrom('as declared', 'not there', 'made by Compose', 'not there, known'),
  hasDropped: fc.boolean(),
  hasOneOff: fc.boolean(),
  hasLookAlike: fc.boolean(),
  hasOrphan: fc.boolean(),
  policy: fc.record({
    mode: fc.constantFrom<Policy['mode']>('request', 'heal'),
    wait: fc.constantFrom<Policy['wait']>('started', 'ready'),
    dependents: fc.constantFrom<Policy['dependents']>('restart', 'leave'),
    graceSeconds: fc.constantFrom(undefined, 0, 5),
    inScope: fc.option(fc.subarray([...NAMES]), { nil: undefined }),
  }),
})

type RawWorld = typeof aRawWorld extends fc.Arbitrary<infer T> ? T : never

export const aSituation = (range: Range): fc.Arbitrary<RandomSituation> => aRawWorld.map((raw) => build(raw, range))

function build(raw: RawWorld, range: Range): RandomSituation {
  const services = raw.services.map((of, index): DesiredService => {
    const dependsOn = Object.fromEntries(
      of.dependencies
        .slice(0, index)
        .flatMap((dependency, at) => (dependency ? [[NAMES[at]!, dependency] as const] : [])),
    )
    return aService(NAMES[index]!, {
      run: range === 'settled' && of.run === 'paused' ? 'running' : of.run,
      replicas: of.replicas,
      recreate: of.recreate,
      restart: of.restart,
      outdated: of.outdated,
      restartPolicy: of.restartPolicy,
      volumes: of.hasVolume ? ['shop_data'] : [],
      networks: of.onSecondNetwork ? [NETWORK, 'shop_back'] : [NETWORK],
      dependsOn,
    })
  })
  const desired = aStack(services)
  const containers = services.flatMap((service, index) => containersOf(service, raw.services[index]!, raw, range))
  const stranger = aService('gone')
  // Others on a network of ours hold it: plan-down.test.ts and heal.test.ts have what follows from that.
  const beside = { networks: {} }
  if (raw.hasDropped && raw.network !== 'changed') containers.push(aContainer(stranger))
  if (raw.hasOneOff) containers.push(aContainer(services[0]!, { ...beside, name: 'shop-run', oneOff: true }))
  if (raw.hasLookAlike) containers.push(aForeign(services[0]!, { ...beside, name: 'shop_look_alike' }))
  if (raw.hasOrphan) containers.push(aForeign(stranger, { ...beside, name: 'shop-orphan-1' }))
  const byName = (names: readonly string[]) => names.map((name) => (name === NETWORK ? networkOf(raw) : aNetwork(name)))
  return {
    desired,
    policy: {
      ...REQUEST,
      mode: raw.policy.mode,
      wait: raw.policy.mode === 'heal' ? 'started' : raw.policy.wait,
      dependents: raw.policy.dependents,
      graceSeconds: raw.policy.graceSeconds,
      scope: raw.policy.inScope === undefined ? 'all' : new Set(raw.policy.inScope),
    },
    world: {
      observed: {
        containers,
        networks: byName(desired.networks.map((network) => network.name)).filter((network) => network !== undefined),
        volumes: desired.volumes.flatMap(({ name }) =>
          raw.volumes === 'as declared'
            ? [aVolume(name)]
            : raw.volumes === 'made by Compose'
              ? [aVolume(name, { ownership: 'foreign', specHash: undefined })]
              : [],
        ),
        ports: [],
      },
      memory: { restarted: {}, volumes: raw.volumes === 'not there, known' ? ['shop_data'] : [] },
    },
  }
}

function networkOf(raw: RawWorld) {
  switch (raw.network) {
    case 'as declared':
      return aNetwork()
    case 'changed':
      return aNetwork(NETWORK, { specHash: 'an older definition' })
    case 'made by Compose':
      return aNetwork(NETWORK, { ownership: 'foreign', specHash: undefined })
    default:
      return undefined
  }
}

function containersOf(
  service: DesiredService,
  { slots }: RawWorld['services'][number],
  raw: RawWorld,
  range: Range,
): ObservedContainer[] {
  const found: ObservedContainer[] = []
  for (const [index, slot] of slots.entries()) {
    const replica = index + 1
    const count = service.run === 'removed' ? 0 : service.replicas
    // Leftovers on a network that is made anew are the cases that plan-networks.test.ts names as not held back.
    const candidates = raw.network === 'changed' ? (replica <= count ? slot.slice(0, 1) : []) : slot
    let hasCurrent = false
    for (const [at, draw] of candidates.entries()) {
      const isOver = draw.state === 'dead' || draw.state === 'removing'
      // Two that fit at once are a case of plan-replace.test.ts.
      const fits: boolean = (draw.fits || service.outdated === 'keep') && !hasCurrent && !isOver
      if (!fits && !draw.fits && service.outdated === 'keep') continue
      const recreate = Math.max(service.recreate - (fits ? 0 : draw.recreateBehind), 0)
      const moves = draw.state === 'running' || draw.state === 'restarting'
      const behind = range === 'any' || moves ? draw.restartBehind : 0
      const isCurrent: boolean = fits || (!isOver && service.outdated === 'keep' && recreate === service.recreate)
      if (isCurrent && hasCurrent) continue
      hasCurrent ||= isCurrent
      const own = nameOf(service, replica)
      const wanted =
        draw.naming === 'own'
          ? own
          : draw.naming === 'temporary' && fits
            ? temporaryNameOf(service, replica)
            : `${own}.next-older${at}`
      const name = found.some((container) => container.name === wanted) ? `${own}.other${at}` : wanted
      const parts = {
        id: `${service.service}-${replica}-${at}`,
        name,
        replica,
        recreate,
        restart: Math.max(service.restart - behind, 0),
        state: draw.state,
        health: draw.health,
        exitCode: draw.state === 'exited' ? draw.exitCode : undefined,
        anonymousVolumes: draw.anonymous ? { '/data': `anonymous-${service.service}-${replica}-${at}` } : {},
      }
      found.push(fits ? aContainer(service, parts) : anOutdated(service, parts))
    }
  }
  return found
}
