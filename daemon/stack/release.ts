/**
 * Releases of a stack that is switched as a whole. Each has networks of its own, on which its names mean its own containers;
 * what a release does not change joins them beside those that it is on. So a container finds what belongs to its release,
 * whichever others are there. Pure.
 *
 * The Engine answers a name from the first network of the asker that has it, and takes networks in the order of their names
 * (tried with 20.10 and 28; the first one is also the way out). Older releases come first: so whatever two containers have
 * in common, they find each other over the network on which the later one of them was made, and over no other. A network can
 * go once nothing that was made on it is left.
 */
import type { DesiredService, DesiredStack, ServiceState } from './desired.ts'
import type { Observed, ObservedContainer } from './observed.ts'

/** The name on the Engine of what a release has in the place of a network of the file. */
export const releaseNetwork = (name: string, release: number | undefined): string =>
  release === undefined ? name : `${name}.r${String(release).padStart(5, '0')}`

/** Which networks of a service stand for this one of the file, the one that it is made on first. */
export function networksFor(name: string, { networks }: Pick<DesiredService, 'networks'>): string[] {
  const known = networks.filter(
    (one) => one === name || (one.startsWith(name) && OF_A_RELEASE.test(one.slice(name.length))),
  )
  return known.length === 0 ? [name] : known
}

const OF_A_RELEASE = /^\.r\d{5,}$/

/** The name in the file of what a release has in its place; of any other, that name itself. */
export const fileNetwork = (name: string): string => name.replace(/\.r\d{5,}$/, '')

/** The same for a container outside the loop. */
export function networksOfOneOff(name: string, service: string, { services, networks }: DesiredStack): string[] {
  const home = services[service]?.release ?? 0
  const found = networks.filter(
    (network) => network.name === releaseNetwork(name, network.release) && (network.release ?? 0) >= home,
  )
  const names = found.sort((a, b) => (a.release ?? 0) - (b.release ?? 0)).map((network) => network.name)
  return names.length === 0 ? [name] : names
}

/** Networks of releases on which something is made that is wanted: name on the Engine -> release. */
export function homeNetworks({ services, oneOffs = [] }: DesiredStack): Map<string, number> {
  const found = new Map<string, number>()
  for (const { run, release, releaseNetworks = [] } of [...Object.values(services), ...oneOffs])
    if (run !== 'removed' && release !== undefined)
      for (const name of releaseNetworks) found.set(releaseNetwork(name, release), release)
  return found
}

/** What is wanted, with the networks of later releases that each service serves as well. */
export function withEveryRelease(desired: DesiredStack, observed: Observed): DesiredStack {
  const wanted = homeNetworks(desired)
  const there = new Map(observed.containers.flatMap(madeOn))
  if (wanted.size === 0 && there.size === 0) return desired
  const joined = (service: DesiredService): DesiredService => {
    // A name that knows no version is found by whoever is there.
    const known = service.releasing === 'shared' ? new Map([...there, ...wanted]) : wanted
    const later = [...known]
      .filter(
        ([name, release]) => release > (service.release ?? 0) && service.releaseNetworks?.includes(fileNetwork(name)),
      )
      .sort(([one, a], [other, b]) => a - b || (one < other ? -1 : 1))
    return { ...service, networks: [...service.networks, ...later.map(([name]) => name)] }
  }
  return {
    ...desired,
    services: Object.fromEntries(Object.values(desired.services).map((one) => [one.service, joined(one)])),
    ...(desired.oneOffs !== undefined && { oneOffs: desired.oneOffs.map(joined) }),
  }
}

function madeOn({ release, ownership, networks }: ObservedContainer): [string, number][] {
  if (release === undefined || ownership !== 'ours') return []
  const names = Object.keys(networks).filter((name) => name === releaseNetwork(fileNetwork(name), release))
  return names.map((name) => [name, release])
}

/**
 * The release of each service once a request is the desired state: what it changes belongs to the `next` one, all else stays
 * where it is. `known`: states whose containers may be there, the last one first.
 */
export function assignReleases(
  after: DesiredStack,
  known: readonly DesiredStack[],
  next: number,
): Record<string, ServiceState['release']> {
  const [before] = known
  const isFirst = before === undefined || Object.keys(before.services).length === 0
  const releaseOf = (service: DesiredService): ServiceState['release'] => {
    if (service.releasing === 'shared') return undefined
    const same = known.find((state) => isSame(service, after, state))
    if (same !== undefined) return same.services[service.service]!.release
    if (service.outdated === 'keep') return before?.services[service.service]?.release
    return service.releasing === undefined || isFirst ? undefined : next
  }
  return Object.fromEntries(Object.values(after.services).map((service) => [service.service, releaseOf(service)]))
}

/** Its containers are there as they are wanted, and so are the networks that they are on. */
function isSame(service: DesiredService, after: DesiredStack, state: DesiredStack): boolean {
  const other = state.services[service.service]
  if (other === undefined || service.specHash === undefined || service.specHash !== other.specHash) return false
  if (service.recreate !== other.recreate) return false
  const definition = ({ networks }: DesiredStack, name: string): string | undefined =>
    networks.find((network) => network.name === name)?.specHash
  return (service.releaseNetworks ?? []).every(
    (name) => definition(after, name) === definition(state, releaseNetwork(name, other.release)),
  )
}

/** Made for a release that nothing was ever switched to: nobody relies on it. */
export const neverServed = (
  { release = 0 }: Pick<ObservedContainer, 'release'>,
  switched: number | undefined,
): boolean => switched !== undefined && release > switched
