/** What the containers of a stack use, over a WebSocket. */
import type { StatsQuery } from '../../protocol/streams.ts'
import type { ContainerSummary } from '../engine/types.ts'
import type { Core } from '../reconcile/core.ts'
import type { EngineWatch } from '../reconcile/engine-watch.ts'
import { numberOf, type StackContainers, serviceOf } from '../reconcile/stack-containers.ts'
import { containerName } from '../stack/container-name.ts'
import { servicesOf } from '../streams/log-query.ts'
import type { StatsHub } from '../streams/stats-hub.ts'
import { StatsSession } from '../streams/stats-session.ts'
import type { FrameSocket } from './frame-socket.ts'

export async function followStats(
  { engine, clock }: Core,
  containers: StackContainers,
  { watch, hub }: { readonly watch: EngineWatch; readonly hub: StatsHub },
  stack: string,
  query: StatsQuery,
  socket: FrameSocket,
): Promise<void> {
  const services = servicesOf(query.services)
  const sources = {
    engine,
    hub,
    clock,
    events: watch.events,
    containers: (signal: AbortSignal) => containers.select(stack, services, signal),
    describe: (container: ContainerSummary) => ({
      id: container.Id,
      name: containerName(container),
      service: serviceOf(container),
      replica: numberOf(container),
    }),
  }
  const selection = {
    which: query.all === 'true' ? ('all' as const) : ('running' as const),
    times: query.once === 'true' ? ('once' as const) : ('on' as const),
  }
  await new StatsSession(sources, selection, socket, socket.signal).run()
}
