/** Desired and observed states for the planner: a stack `shop`, by default as it is right after a successful `up`. */
import type { Action, StackPlan } from '../../../daemon/stack/actions.ts'
import type { DesiredService, DesiredStack } from '../../../daemon/stack/desired.ts'
import type {
  Observed,
  ObservedContainer,
  ObservedNetwork,
  ObservedVolume,
  PublishedPort,
} from '../../../daemon/stack/observed.ts'
import { plan } from '../../../daemon/stack/plan.ts'
import type { Memory, PlanInput } from '../../../daemon/stack/plan-input.ts'
import type { Policy } from '../../../daemon/stack/policy.ts'
import type { Dependency } from '../../../protocol/stackfile/model.ts'

export const STACK = 'shop'
export const INSTANCE = 'instance-of-this-daemon'
export const NETWORK = 'shop_default'

export function aService(service: string, parts: Partial<DesiredService> = {}): DesiredService {
  return {
    service,
    revision: 1,
    run: 'running',
    scale: undefined,
    recreate: 0,
    restart: 0,
    outdated: 'replace',
    replicas: 1,
    containerName: undefined,
    image: { reference: `${service}:1`, id: `sha256:${service}` },
    specHash: `${service}-spec`,
    dependsOn: {},
    networks: [NETWORK],
    volumes: [],
    restartPolicy: 'no',
    sharesWith: [],
    hostPorts: [],
    healthcheck: 'image',
    ...parts,
  }
}

export const needs = (
  condition: Dependency['condition'] = 'service_started',
  parts: Partial<Dependency> = {},
): Dependency => ({ condition, required: true, ...parts })

export function aStack(services: readonly DesiredService[], parts: Partial<DesiredStack> = {}): DesiredStack {
  const named = (names: readonly string[]) =>
    [...new Set(names)].map((name) => ({ key: keyOf(name), name, external: false, specHash: `${name}-spec` }))
  return {
    stack: STACK,
    instance: INSTANCE,
    presence: 'present',
    revision: 1,
    services: Object.fromEntries(services.map((service) => [service.service, service])),
    disabled: [],
    networks: named(services.flatMap((service) => service.networks)),
    volumes: named(services.flatMap((service) => service.volumes)),
    ...parts,
  }
}

export const keyOf = (name: string): string => name.replace(`${STACK}_`, '')
export const nameOf = (service: DesiredService, replica: number): string =>
  service.containerName ?? `${STACK}-${service.service}-${replica}`
export const temporaryNameOf = (service: DesiredService, replica: number): string =>
  `${nameOf(service, replica)}.next-${(service.specHash ?? '').slice(0, 8)}${service.recreate}`

/** A container that this daemon made for the service as it is declared now, and that runs. */
export function aContainer(service: DesiredService, parts: Partial<ObservedContainer> = {}): ObservedContainer {
  const replica = parts.replica ?? 1
  const name = parts.name ?? nameOf(service, replica)
  return {
    id: `id-of-${name}`,
    name,
    ownership: 'ours',
    service: service.service,
    replica,
    oneOff: false,
    revision: service.revision,
    specHash: service.specHash,
    recreate: service.recreate,
    restart: service.restart,
    image: service.image.reference,
    imageId: service.image.id ?? '',
    state: 'running',
    health: 'none',
    exitCode: undefined,
    created: 1000,
    networks: Object.fromEntries(service.networks.map((network) => [network, `id-of-${network}`])),
    anonymousVolumes: {},
    ...parts,
  }
}

export const anOutdated = (service: DesiredService, parts: Partial<ObservedContainer> = {}): ObservedContainer =>
  aContainer(service, { specHash: 'an older spec', ...parts })

export const aForeign = (service: DesiredService, parts: Partial<ObservedContainer> = {}): ObservedContainer =>
  aContainer(service, { ownership: 'foreign', specHash: undefined, revision: undefined, ...parts })

export const aNetwork = (name = NETWORK, parts: Partial<ObservedNetwork> = {}): ObservedNetwork => ({
  id: `id-of-${name}`,
  name,
  ownership: 'ours',
  key: keyOf(name),
  specHash: `${name}-spec`,
  ...parts,
})

export const aVolume = (name: string, parts: Partial<ObservedVolume> = {}): ObservedVolume => ({
  name,
  ownership: 'ours',
  project: 'shop',
  key: keyOf(name),
  specHash: `${name}-spec`,
  ...parts,
})

export const aPort = (port: number, parts: Partial<PublishedPort> = {}): PublishedPort => ({
  containerId: 'id-of-a-stranger',
  containerName: 'a-stranger',
  ip: '0.0.0.0',
  port,
  protocol: 'tcp',
  ...parts,
})

export const NOTHING: Observed = { containers: [], networks: [], volumes: [], ports: [] }

/** What is there when all is as declared; `parts` replace whole lists. */
export function asDeclared(desired: DesiredStack, parts: Partial<Observed> = {}): Observed {
  const states = { running: 'running', stopped: 'exited', paused: 'paused', removed: 'exited' } as const
  return {
    containers: Object.values(desired.services)
      .filter((service) => service.run !== 'removed')
      .flatMap((service) =>
        Array.from({ length: service.replicas }, (_, index) =>
          aContainer(service, { replica: index + 1, state: states[service.run] }),
        ),
      ),
    networks: desired.networks.map((network) => aNetwork(network.name, { specHash: network.specHash })),
    volumes: desired.volumes.map((volume) => aVolume(volume.name, { specHash: volume.specHash })),
    ports: [],
    ...parts,
  }
}

export const REQUEST: Policy = {
  mode: 'request',
  scope: 'all',
  orphans: 'keep',
  anonymousVolumes: 'carry',
  wait: 'started',
  lookAlikes: 'refuse',
  dependents: 'restart',
  graceSeconds: undefined,
}

export interface Situation {
  readonly desired: DesiredStack
  readonly observed?: Observed
  readonly policy?: Partial<Policy>
  readonly memory?: Partial<Memory>
  readonly removal?: PlanInput['removal']
  readonly operation?: PlanInput['operation']
  readonly imageActions?: PlanInput['imageActions']
  readonly explain?: PlanInput['explain']
  readonly nowMs?: number
}

export function planOf(situation: Situation): StackPlan {
  return plan({
    nowMs: situation.nowMs ?? 0,
    desired: situation.desired,
    observed: situation.observed ?? NOTHING,
    memory: { restarted: {}, volumes: [], ...situation.memory },
    policy: { ...REQUEST, ...situation.policy },
    removal: situation.removal,
    operation: situation.operation,
    imageActions: situation.imageActions,
    explain: situation.explain ?? (() => 'its definition changed'),
  })
}

export const idsOf = (of: StackPlan): string[] => of.actions.map((action) => action.id)

export function actionOf(of: StackPlan, id: string): Action {
  const found = of.actions.find((action) => action.id === id)
  if (found === undefined) throw new Error(`the plan has no "${id}", but: ${idsOf(of).join(', ')}`)
  return found
}

/** Whether the plan holds the second back until the first is done, directly or not. */
export function isBefore(of: StackPlan, first: string, second: string): boolean {
  actionOf(of, first)
  const seen = new Set<string>()
  const reaches = (id: string): boolean => {
    if (seen.has(id)) return false
    seen.add(id)
    return actionOf(of, id).after.some((before) => before === first || reaches(before))
  }
  return reaches(second)
}

/** Whether each of these is held back until the one before it is done. */
export const isChain = (of: StackPlan, ...ids: readonly string[]): boolean =>
  ids.slice(1).every((id, index) => isBefore(of, ids[index]!, id))
