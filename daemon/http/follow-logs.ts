/** The logs of a stack over a WebSocket. */
import { Problem } from '../../protocol/problems.ts'
import type { LogFrame, LogsQuery } from '../../protocol/streams.ts'
import type { Core } from '../reconcile/core.ts'
import type { EngineWatch } from '../reconcile/engine-watch.ts'
import type { KeptLogs } from '../streams/kept-logs.ts'
import type { LogHub } from '../streams/log-hub.ts'
import { parseLogsQuery } from '../streams/log-query.ts'
import { sendLogs } from '../streams/send-logs.ts'
import type { FrameSocket } from './frame-socket.ts'

export async function followLogs(
  { store, engine, observer, clock }: Core,
  { watch, hub, kept }: { readonly watch: EngineWatch; readonly hub: LogHub; readonly kept: KeptLogs },
  stack: string,
  query: LogsQuery,
  socket: FrameSocket,
): Promise<void> {
  const selection = parseLogsQuery(query, clock.now())
  const row = store.stacks.find(stack)
  const containers = (signal: AbortSignal) => observer.containers(stack, signal)
  const keptLogs = {
    list: () => kept.list(stack),
    find: (container: string) => kept.find(stack, container),
    records: kept.records.bind(kept),
  }
  if (row === undefined && keptLogs.list().length === 0 && (await containers(socket.signal)).length === 0) {
    throw new Problem('stack-not-found', `there is no stack ${stack}`, { hint: 'see: evenkeel ls' })
  }
  const known = store.stacks.services(stack).map((state) => state.service)
  for (const service of selection.services) {
    if (row?.presence !== 'present' || known.includes(service) || selection.of === 'previous') continue
    throw new Problem('service-not-found', `no such service: ${service}`, {
      hint: `stack ${stack} has: ${known.join(', ')}`,
    })
  }
  const isExpected = () => store.stacks.find(stack)?.condition === 'converging'
  const sink = {
    send: (frame: LogFrame) => socket.send(frame),
    sendRecords: (records: Uint8Array) => socket.sendBytes(records),
  }
  const sources = { engine, hub, watch, containers, isExpected, clock, kept: keptLogs }
  await sendLogs(sources, selection, sink, socket.signal)
}
