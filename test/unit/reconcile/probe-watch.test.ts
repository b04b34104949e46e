import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Engine } from '../../../daemon/engine/types.ts'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import { type Probed, ProbeWatch } from '../../../daemon/reconcile/probe-watch.ts'
import type { Probe } from '../../../daemon/stack/probe.ts'

/** A container that answers with the status that stands there now, and who watches it. */
async function aWatch() {
  const container = { status: 200, asked: 0, headers: {} as Record<string, unknown> }
  const server = createServer((request, response) => {
    container.asked += 1
    container.headers = request.headers
    response.writeHead(container.status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const told: string[] = []
  const engine = { address: 'unix:///engine.sock' } as Engine
  const watch = new ProbeWatch({
    engine,
    clock: systemClock,
    ingress: { setReady: async (_, id, readiness) => void told.push(`${id} ${readiness}`) },
    recorder: { record: ({ message }) => void told.push(message) },
    log: { warn: () => {} },
  })
  onTestFinished(() => {
    watch.stop()
    server.close()
  })
  const probe: Probe = {
    check: { kind: 'http', path: '/up', port, headers: { Host: 'shop.test' } },
    intervalMs: 10,
    timeoutMs: 1000,
    retries: 3,
    successes: 1,
    startPeriodMs: 0,
  }
  const probed = (probes: Probed['probes']): Probed => ({
    stack: 'shop',
    service: 'web',
    id: 'one',
    name: 'shop-web-1',
    address: '127.0.0.1',
    probes,
  })
  const failing = `GET http://127.0.0.1:${port}/up: status 503`
  return { container, watch, probe, probed, told, failing }
}
const never = new AbortController().signal

describe('a replica', () => {
  it('is taken out of the ingress while it is not ready, and brought back', async () => {
    const { container, watch, probe, probed, told, failing } = await aWatch()
    watch.follow(probed({ ready: probe }))
    await vi.waitFor(() => expect(told).toEqual(['one ready']))
    expect(container.headers.host).toBe('shop.test')
    container.status = 503
    await vi.waitFor(() => expect(told).toContain('one unready'))
    expect(told.at(-1)).toBe(`container shop-web-1 is not ready: ${failing}`)
    container.status = 204
    await vi.waitFor(() => expect(told.at(-1)).toBe('one ready'))
  })

  it('that is not alive is told to its stack, once, and is no longer asked when it is gone', async () => {
    const { container, watch, probe, probed, told, failing } = await aWatch()
    const changes: string[] = []
    watch.changes.subscribe((stack) => changes.push(stack))
    container.status = 503
    watch.follow(probed({ alive: probe }))
    watch.follow(probed({ alive: probe }))
    await vi.waitFor(() => expect(changes).toEqual(['shop']))
    expect(told).toEqual([`container shop-web-1 is not alive: ${failing}`])
    watch.stop()
    const { asked } = container
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(container.asked).toBeLessThanOrEqual(asked + 1)
  })

  it('that is new counts once it passes, and fails with the last answer when its time is over', async () => {
    const { container, watch, probe, probed, failing } = await aWatch()
    container.status = 503
    const reported: string[] = []
    const passing = watch.untilReady(probed({ ready: { ...probe, startPeriodMs: 5000 } }), never, (detail) => {
      reported.push(detail)
      container.status = 200
    })
    await expect(passing).resolves.toBeUndefined()
    expect(reported).toEqual([`not ready yet: ${failing}`])
    container.status = 503
    await expect(
      watch.untilReady(probed({ ready: { ...probe, retries: 1, timeoutMs: 300 } }), never, () => {}),
    ).rejects.toMatchObject({
      code: 'dependency-failed',
      message: `container shop-web-1 is not ready: ${failing}`,
    })
  })
})
