/** Stacks and containers as the API shows them: the store's word for what is meant, the Engine's for what is. */

import type { Container, CrashLoop } from '../../protocol/resources/container.ts'
import type { Revision, Source } from '../../protocol/resources/revision.ts'
import type { Stack, StackSummary } from '../../protocol/resources/stack.ts'
import type { Trial } from '../../protocol/resources/trial.ts'
import type { ContainerSummary } from '../engine/types.ts'
import type { Adopted } from '../stack/adopted.ts'
import { containerName } from '../stack/container-name.ts'
import { trialOverAtMs } from '../stack/judge-trial.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import { exitCodeOf, healthOf } from '../stack/observed.ts'
import type { Split } from '../stack/routing.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { StackRow } from '../store/stacks.ts'
import type { Store } from '../store/store.ts'
import type { TrialRow } from '../store/trials.ts'
import { heldBy } from './held.ts'

export function summaryOf(
  store: Store,
  row: StackRow,
  containers: readonly ContainerSummary[] | undefined,
  crashing: ReadonlyMap<string, CrashLoop> = new Map(),
): StackSummary {
  const source = store.revisions.find(row.name, row.revision)?.source
  const counts: Record<string, number> = {}
  for (const container of containers ?? []) {
    if (container.Labels[COMPOSE.project] !== row.name || container.Labels[COMPOSE.oneOff] === 'True') continue
    counts[container.State] = (counts[container.State] ?? 0) + 1
  }
  const held = heldBy(store, row.name)
  const loops = (containers ?? []).flatMap((container) => {
    const loop = crashing.get(container.Id)
    return loop === undefined || container.Labels[COMPOSE.project] !== row.name ? [] : [crashWords(container, loop)]
  })
  const isLooping = loops.length > 0 && row.condition !== 'blocked' && row.condition !== 'absent'
  const reason =
    containers === undefined
      ? 'the Engine does not answer'
      : isLooping
        ? [...loops, ...(row.reason ?? '').split('\n')].filter(Boolean).join('; ')
        : row.reason
  return {
    name: row.name,
    condition: isLooping ? 'crash-looping' : row.condition,
    ...(reason === undefined ? {} : { reason }),
    revision: row.revision,
    services: store.stacks.services(row.name).length,
    containers: counts,
    workingDir: source?.workingDir ?? '',
    configFiles: [...(source?.configFiles ?? [])],
    ...(held === undefined ? {} : { held }),
    ...withTrial(store, row.name),
    updatedAt: row.updatedAt,
  }
}

/** `web-1: exit 137, out of memory, 4 times`. */
function crashWords(container: ContainerSummary, { exitCode, outOfMemory, times }: CrashLoop): string {
  return `${containerName(container)}: exit ${exitCode}${outOfMemory ? ', out of memory' : ''}, ${times} times`
}

export function stackOfRow(
  store: Store,
  row: StackRow,
  containers: readonly ContainerSummary[] | undefined,
  crashing: ReadonlyMap<string, CrashLoop>,
): Stack {
  const source = store.revisions.find(row.name, row.revision)?.source
  return {
    ...summaryOf(store, row, containers, crashing),
    ...(source === undefined ? {} : { source: withoutProxy(source) }),
    serviceStates: store.stacks.services(row.name).flatMap((state) => {
      if (state.run === 'removed') return []
      const spec = store.revisions.find(row.name, state.revision)?.model.services[state.service]
      return [
        {
          name: state.service,
          scale: spec?.provider === undefined ? (state.scale ?? spec?.scale ?? spec?.deploy?.replicas ?? 1) : 0,
          run: state.run,
          image: spec?.image ?? `${row.name}-${state.service}`,
          ...(spec?.provider === undefined ? {} : { provider: spec.provider.type }),
        },
      ]
    }),
  }
}

const withTrial = (store: Store, stack: string): { trial?: Trial } => {
  const trial = trialAt(store, stack)
  return trial === undefined ? {} : { trial }
}

/** What is on trial of a stack. */
export function trialAt({ trials, memory }: Store, stack: string): Trial | undefined {
  const row = trials.find(stack)
  return row === undefined ? undefined : trialOfRow(row, memory.all(stack, 'split') as Record<string, Split>)
}

export function trialOfRow(row: TrialRow, splits: Readonly<Record<string, Split>> = {}): Trial {
  const { strategy, revision, share, services, waiting, begunAt, begunBy } = row
  const promotedAtMs = trialOverAtMs(row, splits)
  return {
    strategy,
    revision,
    share,
    services: [...services],
    waiting: [...waiting],
    begunAt,
    begunBy,
    ...(promotedAtMs === undefined ? {} : { promotedAt: new Date(promotedAtMs).toISOString() }),
  }
}

export function revisionOfRow(store: Store, row: RevisionRow, current: number, detail: 'summary' | 'model'): Revision {
  return {
    stack: row.stack,
    number: row.number,
    createdAt: row.createdAt,
    author: row.author,
    ...(row.note === undefined ? {} : { note: row.note }),
    source: withoutProxy(row.source),
    images: store.revisions.pins(row.stack, row.number),
    current: row.number === current,
    ...(store.trials.find(row.stack)?.revision === row.number ? withTrial(store, row.stack) : {}),
    ...(detail === 'model' ? { model: row.model } : {}),
  }
}

/** Addresses of proxies may hold passwords, which nobody reads here: containers and builds have them. */
function withoutProxy({ proxy: _, ...source }: Source): Source {
  return source
}

export function containerOf(
  summary: ContainerSummary,
  stack: string,
  known: {
    readonly instance: string
    readonly services: ReadonlySet<string>
    readonly adopted: ReadonlyMap<string, Adopted>
  },
): Container {
  const labels = summary.Labels
  const adopted = known.adopted.get(summary.Id)
  const exitCode = exitCodeOf(summary.Status)
  const revision = adopted?.revision ?? labels[OURS.revision]
  const oneOff = labels[COMPOSE.oneOff] === 'True'
  const service = labels[COMPOSE.service] ?? ''
  return {
    id: summary.Id,
    name: containerName(summary),
    stack,
    service,
    replica: oneOff ? 0 : (adopted?.replica ?? Number(labels[COMPOSE.number] ?? 0)),
    ...(revision === undefined ? {} : { revision: Number(revision) }),
    image: summary.Image,
    imageId: summary.ImageID,
    command: summary.Command,
    createdAt: new Date(summary.Created * 1000).toISOString(),
    state: summary.State,
    status: summary.Status,
    health: healthOf(summary.Status),
    ...(exitCode === undefined ? {} : { exitCode }),
    publishers: summary.Ports.map((port) => ({
      url: port.IP ?? '',
      targetPort: port.PrivatePort,
      publishedPort: port.PublicPort ?? 0,
      protocol: port.Type,
    })),
    mounts: summary.Mounts.map((mount) => mount.Name ?? mount.Source ?? mount.Destination),
    networks: Object.keys(summary.NetworkSettings?.Networks ?? {}),
    labels: { ...labels },
    oneOff,
    orphan: (labels[OURS.instance] !== known.instance && adopted === undefined) || !known.services.has(service),
  }
}
