/** Which containers, and which of their lines, a follower of logs has asked for. */
import { RecordReader } from '../../protocol/log-records.ts'
import type { ContainerSummary, LogsQuery } from '../engine/types.ts'
import { containerName } from '../stack/container-name.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { RemovedContainer } from './kept-logs.ts'
import { type LogSelection, momentOf } from './log-query.ts'

export type LogSpan = Pick<LogsQuery, 'since' | 'until'>

type Who = Pick<LogSelection, 'services' | 'index'>

/** By name. What never ran has written nothing. */
export function selectedOf(containers: readonly ContainerSummary[], { services, index }: Who): ContainerSummary[] {
  return containers
    .filter(({ State, Labels }) => State !== 'created' && Labels[COMPOSE.oneOff] !== 'True')
    .filter(({ Labels }) => services.size === 0 || services.has(Labels[COMPOSE.service] ?? ''))
    .filter(({ Labels }) => index === undefined || Labels[COMPOSE.number] === String(index))
    .sort((a, b) => (containerName(a) < containerName(b) ? -1 : 1))
}

export const isSelected = ({ service, replica }: RemovedContainer, { services, index }: Who): boolean =>
  (services.size === 0 || services.has(service)) && (index === undefined || replica === index)

export const spanOf = ({ since, until }: LogSelection): LogSpan => ({
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
})

/** Only what was written between `since` and `until`. */
export function withinSpan(records: Uint8Array, { since, until }: LogSpan): Uint8Array {
  if (since === undefined && until === undefined) return records
  const from = since === undefined ? undefined : momentOf(since)
  const to = until === undefined ? undefined : momentOf(until)
  const reader = new RecordReader(records)
  const runs: Uint8Array[] = []
  let begin = -1
  while (reader.advance()) {
    const { seconds, nanoseconds } = reader
    const isEarly = from !== undefined && (seconds - from.seconds || nanoseconds - from.nanoseconds) < 0
    const isLate = to !== undefined && (seconds - to.seconds || nanoseconds - to.nanoseconds) > 0
    if (!isEarly && !isLate) {
      if (begin < 0) begin = reader.at
    } else if (begin >= 0) {
      runs.push(records.subarray(begin, reader.at))
      begin = -1
    }
  }
  if (begin >= 0) runs.push(records.subarray(begin, reader.at))
  return runs.length === 1 ? runs[0]! : Buffer.concat(runs)
}
