/** Servers of HAProxy as they are to be, without a reload: they come first, then all states change at once, then what is left goes. */
import { hasCookies, hostPort, serverWords } from './backend.ts'
import { TO_NEWEST } from './config.ts'
import type { Runtime, RuntimeServer, ServerState } from './runtime.ts'
import { type Backend, backendsOf, type IngressServer, type IngressService, serverName } from './table.ts'

type Api = Pick<Runtime, 'servers' | 'add' | 'move' | 'makeCookies' | 'setStates' | 'remove'>

export async function syncServers(runtime: Api, services: readonly IngressService[]): Promise<void> {
  const servers = (await runtime.servers()).filter(({ backend }) => !backend.startsWith(TO_NEWEST))
  const there = new Map(servers.map((server) => [`${server.backend}/${server.name}`, server]))
  const states: ServerState[] = []
  for (const backend of services.flatMap(backendsOf)) {
    for (const server of backend.servers) {
      const key = `${backend.name}/${serverName(server.id)}`
      const state = await prepare(runtime, backend, server, there.get(key))
      there.delete(key)
      if (state !== undefined) states.push({ backend: backend.name, name: serverName(server.id), state })
    }
  }
  // Who takes over does so before anybody leaves.
  const [ready, others] = [states.filter(isReady), states.filter((one) => !isReady(one))]
  await runtime.setStates([...ready, ...others])
  // What has connections still is let have them, and goes the next time.
  for (const { backend, name } of there.values()) await runtime.remove(backend, name)
}

const isReady = ({ state }: ServerState): boolean => state === 'ready'

/** Whatever comes before its state may change; answers that, where it is another one. */
async function prepare(
  runtime: Api,
  backend: Backend,
  { id, address, state }: IngressServer,
  known: RuntimeServer | undefined,
): Promise<RuntimeServer['state'] | undefined> {
  const name = serverName(id)
  const at = hostPort(address, backend.target)
  const wanted = stateIn(backend, state)
  if (known !== undefined && (known.address === at || state !== 'ready'))
    return known.state === wanted ? undefined : wanted
  if (state !== 'ready') return undefined
  if (known === undefined) await runtime.add(backend.name, name, at, serverWords(backend))
  else await runtime.move(backend.name, name, { host: address, port: backend.target })
  if (hasCookies(backend)) await runtime.makeCookies(backend.name)
  return 'ready'
}

/** A client with a cookie is brought to a server that drains still, but not to one that is out. What is open stays open in either. */
const stateIn = (backend: Backend, state: IngressServer['state']): IngressServer['state'] =>
  state === 'draining' && hasCookies(backend) ? 'out' : state
