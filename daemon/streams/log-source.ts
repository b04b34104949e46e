/** Who wrote a line, as records and frames tell it. */
import type { LogSource } from '../../protocol/streams.ts'
import type { ContainerSummary } from '../engine/types.ts'
import { containerName } from '../stack/container-name.ts'
import { COMPOSE } from '../stack/labels.ts'

/** The number that a container's records carry: the first 32 bits of its id. The same for all who follow it. */
export const sourceOf = (id: string): number => Number.parseInt(id.slice(0, 8), 16) >>> 0

export const sourceFrame = (container: ContainerSummary): LogSource => ({
  type: 'source',
  source: sourceOf(container.Id),
  container: container.Id,
  name: containerName(container),
  service: container.Labels[COMPOSE.service] ?? '',
  replica: Number(container.Labels[COMPOSE.number] ?? 0),
})

export const removedFrame = (removed: Omit<LogSource, 'type' | 'source'>): LogSource => ({
  type: 'source',
  source: sourceOf(removed.container),
  container: removed.container,
  name: removed.name,
  service: removed.service,
  replica: removed.replica,
})
