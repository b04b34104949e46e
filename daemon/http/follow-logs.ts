/** The logs of a stack over a WebSocket. */
import { Problem } from '../../protocol/problems.ts'
import type { LogsQuery } from '../../protocol/streams.ts'
import type { Core } from '../reconcile/core.ts'
import type { EngineWatch } from '../reconcile/engine-watch.ts'
import { parseLogsQuery } from '../streams/log-query.ts'
import { LogSession } from '../streams/log-session.ts'
import type { FrameSocket } from './frame-socket.ts'

export async function followLogs(
  { store, engine, observer, clock }: Core,
  watch: EngineWatch,
  stack: string,
  query: LogsQuery,
  socket: FrameSocket,
): Promise<void> {
  const selection = parseLogsQuery(query, clock.now())
  const row = store.stacks.find(stack)
  const containers = (signal: AbortSignal) => observer.containers(stack, signal)
  if (row === undefined && (await containers(socket.signal)).length === 0) {
    throw new Problem('stack-not-found', `there is no stack ${stack}`, { hint: 'see: evenkeel ls' })
  }
  const known = store.stacks.services(stack).map((state) => state.service)
  for (const service of selection.services) {
    if (row?.presence !== 'present' || known.includes(service)) continue
    throw new Problem('service-not-found', `no such service: ${service}`, {
      hint: `stack ${stack} has: ${known.join(', ')}`,
    })
  }
  const isExpected = () => store.stacks.find(stack)?.condition === 'converging'
  await new LogSession({ engine, watch, containers, isExpected }, selection, socket, socket.signal).run()
}
