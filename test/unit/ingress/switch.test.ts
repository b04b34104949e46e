import { describe, expect, it, onTestFinished } from 'vitest'
import { writeSwitch } from '../../../daemon/ingress/release-switch.ts'
import type { RuntimeServer } from '../../../daemon/ingress/runtime.ts'
import { syncServers } from '../../../daemon/ingress/sync-servers.ts'
import { type IngressService, serverName } from '../../../daemon/ingress/table.ts'
import type { ServiceRouting } from '../../../daemon/stack/routing.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROUTING: ServiceRouting = {
  ports: [],
  routes: [{ host: 'shop.test', path: '/', target: 80 }],
  balance: 'roundrobin',
  drainMs: 1000,
}

/** What HAProxy is told, one line for each call. */
function aRuntime(servers: readonly RuntimeServer[]) {
  const told: string[] = []
  const tell = async (words: string): Promise<void> => void told.push(words)
  return {
    told,
    servers: async () => [...servers],
    add: (backend: string, name: string, address: string) => tell(`add ${backend}/${name} ${address}`),
    move: (backend: string, name: string, to: { host: string; port: number }) =>
      tell(`move ${backend}/${name} ${to.host}`),
    makeCookies: (backend: string) => tell(`cookies ${backend}`),
    setStates: (states: readonly { name: string; state: string; weight?: number }[]) =>
      tell(states.map(({ name, state, weight }) => [name, state, weight].join(' ').trim()).join('; ')),
    remove: (_: string, name: string) => tell(`remove ${name}`).then(() => true),
  }
}
const service = (name: string, servers: IngressService['servers'], routing = ROUTING): IngressService => ({
  stack: 'shop',
  service: name,
  routing,
  servers,
})
const server = (id: string, state: 'ready' | 'draining' | 'out' = 'ready') => ({
  id,
  address: '172.18.0.2',
  state,
  weight: 1,
})
const there = (of: string, id: string, state: RuntimeServer['state'] = 'ready'): RuntimeServer => ({
  backend: `shop:${of}:80:http`,
  name: serverName(id),
  address: '172.18.0.2:80',
  state,
  weight: 1,
})

describe('servers of the ingress', () => {
  it('are all there before any of them changes, and change in one call: who takes over first', async () => {
    const runtime = aRuntime([there('web', 'web-1'), there('api', 'api-1'), there('web', 'web-0', 'out')])
    await syncServers(runtime, [
      service('web', [server('web-1', 'draining'), server('web-2')]),
      service('api', [server('api-1', 'draining'), server('api-2')]),
    ])
    expect(runtime.told).toEqual([
      'add shop:web:80:http/web-2 172.18.0.2:80',
      'add shop:api:80:http/api-2 172.18.0.2:80',
      'web-2 ready 1; api-2 ready 1; web-1 draining; api-1 draining',
      'remove web-0',
    ])
  })

  it('with cookies are out once they drain, and one that came back is moved', async () => {
    const sticky = { ...ROUTING, balance: 'sticky' } as const
    const moved = { ...there('web', 'web-2'), address: '172.18.0.9:80' }
    const runtime = aRuntime([there('web', 'web-1'), moved])
    await syncServers(runtime, [service('web', [server('web-1', 'draining'), server('web-2')], sticky)])
    expect(runtime.told).toEqual([
      'move shop:web:80:http/web-2 172.18.0.2',
      'cookies shop:web:80:http',
      'web-2 ready 1; web-1 out',
    ])
  })

  it('change their parts in the same call, and one that stands by is brought nothing', async () => {
    const runtime = aRuntime([there('web', 'web-1'), there('web', 'web-2', 'draining')])
    const [nine, one, green] = [{ ...server('web-1'), weight: 9 }, server('web-2'), server('web-3')]
    await syncServers(runtime, [service('web', [nine, one, { ...green, state: 'standby' }])])
    expect(runtime.told).toEqual([
      'add shop:web:80:http/web-3 172.18.0.2:80',
      'web-1 ready 9; web-2 ready; web-3 draining 1',
    ])
  })
})

describe('a switch', () => {
  it('is written as a whole, and taken back as a whole', () => {
    const store = openStore(temporaryFolder())
    onTestFinished(() => store.close())
    const { memory } = store
    const state = () => ({ published: memory.all('shop', 'published'), routed: memory.all('shop', 'routed') })
    memory.set('shop', 'published', 'web', ROUTING)
    memory.set('shop', 'published', 'gone', ROUTING)
    memory.set('shop', 'routed', 'web-1', { service: 'web', address: '172.18.0.2', state: 'ready' })
    memory.set('shop', 'routed', 'gone-1', { service: 'gone', address: '172.18.0.3', state: 'ready' })
    const before = state()
    const takeBack = writeSwitch(memory, 'shop', {
      publish: [{ service: 'api', routing: ROUTING }],
      unpublish: ['gone'],
      admit: [{ service: 'web', id: 'web-2', address: '172.19.0.2' }],
      drain: ['web-1', 'gone-1', 'unknown'],
    })
    expect(state()).toEqual({
      published: { web: ROUTING, api: ROUTING },
      routed: {
        'web-1': { service: 'web', address: '172.18.0.2', state: 'draining' },
        'web-2': { service: 'web', address: '172.19.0.2', state: 'ready' },
      },
    })
    takeBack()
    expect(state()).toEqual(before)
  })
})
