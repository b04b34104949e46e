/** Servers of HAProxy as they are to be, without a reload: they come first, then all change at once, then what is left goes. */
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
      const change = await prepare(runtime, backend, server, there.get(key))
      there.delete(key)
      if (change !== undefined) states.push({ backend: backend.name, name: serverName(server.id), ...change })
    }
  }
  // Who takes over does so before anybody leaves.
  const [ready, others] = [states.filter(isReady), states.filter((one) => !isReady(one))]
  await runtime.setStates([...ready, ...others])
  // What has connections still is let have them, and goes the next time.
  for (const { backend, name } of there.values()) await runtime.remove(backend, name)
}

const isReady = ({ state }: ServerState): boolean => state === 'ready'

/** Whatever comes before its state and weight may change; answers these, where they are others. */
async function prepare(
  runtime: Api,
  backend: Backend,
  server: IngressServer,
  known: RuntimeServer | undefined,
): Promise<Pick<ServerState, 'state' | 'weight'> | undefined> {
  const { id, address, weight } = server
  const name = serverName(id)
  const at = hostPort(address, backend.target)
  const state = stateIn(backend, server.state)
  const isKept = server.state === 'ready' || server.state === 'standby'
  if (known !== undefined && (known.address === at || !isKept)) {
    // Of one that is brought nothing it does not matter.
    const isWeighed = state !== 'ready' || known.weight === weight
    if (isWeighed) return known.state === state ? undefined : { state }
    return { state, weight }
  }
  if (!isKept) return undefined
  if (known === undefined) await runtime.add(backend.name, name, at, `weight ${weight} ${serverWords(backend)}`)
  else await runtime.move(backend.name, name, { host: address, port: backend.target })
  if (hasCookies(backend)) await runtime.makeCookies(backend.name)
  return { state, weight }
}

/** A client with a cookie is brought to a server that drains still, but not to one that is out. What is open stays open in either. */
function stateIn(backend: Backend, state: IngressServer['state']): RuntimeServer['state'] {
  const isPassedOver = state === 'draining' || state === 'standby'
  if (isPassedOver) return hasCookies(backend) ? 'out' : 'draining'
  return state
}
