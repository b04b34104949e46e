/** Servers of HAProxy come, change and go over its runtime API, without a reload. */
import { hasCookies, hostPort, serverWords } from './backend.ts'
import { TO_NEWEST } from './config.ts'
import type { Runtime, RuntimeServer } from './runtime.ts'
import { type Backend, backendsOf, type IngressServer, type IngressService, serverName } from './table.ts'

export async function syncServers(runtime: Runtime, services: readonly IngressService[]): Promise<void> {
  const servers = (await runtime.servers()).filter(({ backend }) => !backend.startsWith(TO_NEWEST))
  const there = new Map(servers.map((server) => [`${server.backend}/${server.name}`, server]))
  for (const backend of services.flatMap(backendsOf)) {
    // Who is to serve does so before anybody ceases to.
    const ordered = [...backend.servers].sort((a, b) => Number(b.state === 'ready') - Number(a.state === 'ready'))
    for (const server of ordered) {
      const key = `${backend.name}/${serverName(server.id)}`
      await bring(runtime, backend, server, there.get(key))
      there.delete(key)
    }
  }
  // What has connections still is let have them, and goes the next time.
  for (const { backend, name } of there.values()) await runtime.remove(backend, name)
}

async function bring(
  runtime: Runtime,
  backend: Backend,
  server: IngressServer,
  known: RuntimeServer | undefined,
): Promise<void> {
  const { state, address, weight } = server
  const name = serverName(server.id)
  const wanted = stateIn(backend, state)
  const isKept = state === 'ready' || state === 'standby'
  const isMoved = known !== undefined && isKept && known.address !== hostPort(address, backend.target)
  if (known === undefined) {
    if (!isKept) return
    await runtime.add(backend.name, name, hostPort(address, backend.target), `weight ${weight} ${serverWords(backend)}`)
    if (hasCookies(backend)) await runtime.makeCookies(backend.name)
  } else if (isMoved) {
    await runtime.move(backend.name, name, { host: address, port: backend.target })
    if (hasCookies(backend)) await runtime.makeCookies(backend.name)
  }
  if (known !== undefined && wanted === 'ready' && known.weight !== weight)
    await runtime.setWeight(backend.name, name, weight)
  if (known?.state !== wanted || isMoved) await runtime.setState(backend.name, name, wanted)
}

/** A client with a cookie is brought to a server that drains still, but not to one that is out. What is open stays open in either. */
function stateIn(backend: Backend, state: IngressServer['state']): RuntimeServer['state'] {
  const isPassedOver = state === 'draining' || state === 'standby'
  if (isPassedOver) return hasCookies(backend) ? 'out' : 'draining'
  return state
}
