/** Names that resolve inside a stack's networks, read from its running containers: what the Engine answers, not what we asked for. */
import type { ResolvedName } from '../../protocol/resources/name.ts'
import type { ContainerInspect } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import { fileNetwork } from '../stack/release.ts'
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { inspectAll } from './inspect-all.ts'
import { mustFind } from './must-find.ts'

/** The Engine's own network has no names. */
const NAMELESS = new Set(['bridge', 'host', 'none'])

export async function namesOf({ engine, observer, store }: Core, stack: string): Promise<ResolvedName[]> {
  const signal = deadline()
  const summaries = await observer.containers(stack, signal)
  if (summaries.length === 0)
    mustFind(store.stacks.find(stack), 'stack-not-found', `there is no stack ${stack}`, 'see: evenkeel ls')
  const running = summaries.filter(({ State, Labels }) => State === 'running' && Labels[COMPOSE.oneOff] !== 'True')
  const containers = await inspectAll(
    engine,
    running.map(({ Id }) => Id),
    signal,
  )
  return resolvedNames([...containers.values()])
}

/** Pure: by network, then by name. */
export function resolvedNames(containers: readonly ContainerInspect[]): ResolvedName[] {
  const found = new Map<string, { name: string; network: string; targets: { container: string; address: string }[] }>()
  for (const { Id, Name, NetworkSettings } of containers) {
    const container = Name.replace(/^\//, '')
    for (const [network, { IPAddress, Aliases }] of Object.entries(NetworkSettings.Networks)) {
      if (NAMELESS.has(network)) continue
      // Engines before 25 list the short id among the aliases.
      const names = new Set([container, ...(Aliases ?? [])].filter((name) => name !== Id.slice(0, 12)))
      for (const name of names) {
        const key = `${network} ${name}`
        const entry = found.get(key) ?? { name, network, targets: [] }
        entry.targets.push({ container, address: IPAddress })
        found.set(key, entry)
      }
    }
  }
  const byContainer = (a: { container: string }, b: { container: string }) => (a.container < b.container ? -1 : 1)
  const networksOf = containers.map(({ Name, NetworkSettings }) => ({
    container: Name.replace(/^\//, ''),
    networks: Object.keys(NetworkSettings.Networks),
  }))
  return [...found.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, entry]) => {
      const { name, network } = entry
      const isAnsweredBefore = (other: string): boolean =>
        other < network && fileNetwork(other) === fileNetwork(network) && found.has(`${other} ${name}`)
      const askers = networksOf
        .filter(({ networks }) => networks.includes(network) && !networks.some(isAnsweredBefore))
        .map(({ container }) => container)
      return { ...entry, targets: entry.targets.sort(byContainer), askers: askers.sort() }
    })
}
