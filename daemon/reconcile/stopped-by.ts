/** What a signal means to the services of a stack. */
import type { KillOptions } from '../../protocol/resources/operations.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { isEnding, isStopSignal } from './stop-signals.ts'

/** Services that this signal is meant to stop: by its name, or because it is their own stop signal. */
export async function stoppedBy(
  { store, engine, observer }: Core,
  stack: string,
  { signal, services }: KillOptions,
): Promise<string[] | 'all'> {
  // A request that waits before this one may bring services that nobody can look at yet.
  if (isEnding(signal)) return 'all'
  const known = store.stacks.services(stack).map((state) => state.service)
  const meant = services.length === 0 ? known : known.filter((service) => services.includes(service))
  if (meant.length === 0) return meant
  const until = deadline()
  const running = (await observer.containers(stack, until)).filter(({ State }) => State === 'running')
  const stopped = await Promise.all(
    meant.map(async (service) => {
      const one = running.find(({ Labels }) => Labels[COMPOSE.service] === service)
      if (one === undefined) return []
      return isStopSignal(signal, await engine.containers.inspect(one.Id, { signal: until })) ? [service] : []
    }),
  )
  return stopped.flat()
}
