/**
 * Takes over a project that Docker Compose started: what its containers stand for, and which desired state leaves each of
 * them as it is. Pure: it says what to write down; nothing is done to a container.
 */
import type { Model } from '../../protocol/stackfile/model.ts'
import type { Adopted } from './adopted.ts'
import { declaredReplicas, type RunState, type ServiceState } from './desired.ts'
import { composeHash } from './mapping/compose-hash.ts'
import { networkSpecHash, serviceSpecHash } from './mapping/spec-hash.ts'
import type { Observed, ObservedContainer } from './observed.ts'

export interface AdoptInput {
  readonly model: Model
  /** The number of the revision that holds this model. */
  readonly revision: number
  readonly observed: Observed
  /** Digests of configs and secrets by `kind:name`. */
  readonly fileDigests: Readonly<Record<string, string>>
}

export interface Adoption {
  readonly services: readonly ServiceState[]
  readonly adopted: readonly Adopted[]
  /** The image that each service's containers run, by service. */
  readonly images: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
}

export function adopt(input: AdoptInput): Adoption {
  const { model, observed } = input
  const adopted: Adopted[] = []
  const services: ServiceState[] = []
  const images: Record<string, string> = {}
  const warnings: string[] = []
  for (const service of Object.keys(model.services)) {
    const own = containersOf(service, observed)
    services.push(stateOf(service, own, input))
    if (model.services[service]!.provider !== undefined) continue
    if (own[0] === undefined) {
      warnings.push(`service ${service} has no container: it has none until you bring it up`)
      continue
    }
    images[service] = own[0].imageId
    for (const [index, container] of own.entries()) {
      // One of ours, from before an `eject`, says by its labels what it is.
      if (container.ownership === 'ours') continue
      const stands = isAsDeclared(container, service, input) && container.imageId === images[service]
      adopted.push({
        id: container.id,
        kind: 'container',
        replica: index + 1,
        revision: stands ? input.revision : undefined,
        specHash: stands
          ? serviceSpecHash({ model, service, imageId: container.imageId, fileDigests: input.fileDigests })
          : undefined,
      })
    }
  }
  return { services, adopted: [...adopted, ...networksOf(input)], images, warnings }
}

/** By number, so that gaps that Compose left close. What is on its way out is not taken over. */
function containersOf(service: string, { containers }: Observed): ObservedContainer[] {
  return containers
    .filter((one) => one.service === service && !one.oneOff && one.state !== 'removing' && one.state !== 'dead')
    .sort((a, b) => a.replica - b.replica || (a.name < b.name ? -1 : 1))
}

function isAsDeclared(container: ObservedContainer, service: string, { model, observed }: AdoptInput): boolean {
  const firstOf = (name: string) => containersOf(name, observed)[0]?.id
  return container.composeHash === composeHash(model.services[service]!, firstOf)
}

/** The state in which nothing has to be done: what differs waits for the next `up` (`outdated: 'keep'`). */
function stateOf(service: string, own: readonly ObservedContainer[], { model, revision }: AdoptInput): ServiceState {
  return {
    service,
    revision,
    run: model.services[service]!.provider === undefined ? runOf(own, restartPolicyOf(service, model)) : 'running',
    scale: own.length === 0 || own.length === declaredReplicas(model, service) ? undefined : own.length,
    // Containers of ours from before an `eject` carry counters: the next request is to count from there.
    recreate: Math.max(0, ...own.map((container) => container.recreate)),
    restart: Math.max(0, ...own.map((container) => container.restart)),
    outdated: 'keep',
    ...releaseOf(Math.max(0, ...own.map(({ release = 0 }) => release))),
  }
}

const releaseOf = (release: number): Pick<ServiceState, 'release'> => (release === 0 ? {} : { release })

/**
 * What somebody stopped stays stopped: it has exited although its policy would have it run. A job that has ended, and what
 * its policy gave up, count as running: the loop starts neither.
 */
function runOf(own: readonly ObservedContainer[], restartPolicy: string): RunState {
  if (own.length === 0) return 'removed'
  if (own.some(({ state }) => state === 'running' || state === 'restarting')) return 'running'
  if (own.some(({ state }) => state === 'paused')) return 'paused'
  const isKeptUp = restartPolicy === 'always' || restartPolicy === 'unless-stopped'
  return isKeptUp || own.every(({ state }) => state === 'created') ? 'stopped' : 'running'
}

function restartPolicyOf(service: string, model: Model): string {
  const { restart, deploy } = model.services[service]!
  return deploy?.restart_policy?.condition === 'any' ? 'always' : (restart ?? 'no')
}

/** Networks that Compose made for this project are taken as they are, so that `down` removes them as it would. */
function networksOf({ model, revision, observed }: AdoptInput): Adopted[] {
  return Object.entries(model.networks ?? {}).flatMap(([key, network]) => {
    if (network === null || network.external === true) return []
    const there = observed.networks.find(
      (one) => one.name === network.name && one.key === key && one.ownership === 'foreign',
    )
    if (there === undefined) return []
    return [
      { id: there.id, kind: 'network' as const, replica: undefined, revision, specHash: networkSpecHash(network) },
    ]
  })
}
