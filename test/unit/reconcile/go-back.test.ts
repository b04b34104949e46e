import { describe, expect, it } from 'vitest'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aModel, aRevision, aRunningStack, type Bench, deploy, queue, runNext, up } from '../support/core.ts'
import { refused } from '../support/fake-engine.ts'

const FOLLOWED = { update_config: { order: 'start-first', monitor: '0s' } }
const web = (version: string, parts: Partial<Service> = {}): Partial<Service> => ({
  environment: { VERSION: version },
  deploy: FOLLOWED,
  ...parts,
})

/** A stack of two services, of which the second fails in revision 2. */
async function aFailingUpdate(parts: Partial<Service> = {}): Promise<Bench> {
  const bench = await aRunningStack({ api: web('1'), web: web('1', parts) })
  bench.core.store.revisions.add(aRevision(2, aModel({ api: web('2'), web: web('2', parts) })))
  failStarts(bench)
  return bench
}

/** No new container of the service `web` can be started. */
function failStarts({ engine }: Bench): void {
  engine.onCall = (call) => {
    if (/^start shop-web-1(\.next|$)/.test(call)) throw refused('start', 400, 'exec format error')
  }
}

const statesOf = (bench: Bench) =>
  bench.core.store.stacks.services('shop').map(({ service, revision }) => `${service} ${revision}`)

describe('a rollout that fails', () => {
  it('takes the whole stack back, and says why and where it is', async () => {
    const bench = await aFailingUpdate()
    const deployment = await deploy(bench, up(2))
    expect(deployment).toMatchObject({ state: 'failed', error: { code: 'deployment-failed' } })
    expect(deployment.error?.detail).toMatch(/exec format error(.|\n)*the stack is back on revision 1/)
    expect(bench.core.store.stacks.find('shop')?.revision).toBe(1)
    expect(statesOf(bench)).toEqual(['api 1', 'web 1'])
  })

  it('is paused where the file says so: what was reached stays, and the loop does not go on by itself', async () => {
    const bench = await aFailingUpdate({
      deploy: { update_config: { ...FOLLOWED.update_config, failure_action: 'pause' } },
    })
    const deployment = await deploy(bench, up(2))
    expect(deployment.error?.detail).toMatch(/the rollout is paused where it is/)
    expect(statesOf(bench)).toEqual(['api 2', 'web 2'])
    expect(bench.core.store.memory.all('shop', 'paused')).toEqual({ web: 2 })
  })

  it('goes on where the file says so, and is told as a warning', async () => {
    const bench = await aFailingUpdate({
      deploy: { update_config: { ...FOLLOWED.update_config, failure_action: 'continue' } },
    })
    const deployment = await deploy(bench, up(2))
    expect(deployment).toMatchObject({ state: 'succeeded', warnings: [expect.stringContaining('put up with')] })
    expect(statesOf(bench)).toEqual(['api 2', 'web 2'])
  })

  it('goes on with its way back where a crash cut that short', async () => {
    const bench = await aFailingUpdate()
    const id = queue(bench, up(2), 2)
    const crash = new AbortController()
    const fail = bench.engine.onCall!
    bench.engine.onCall = (call) => {
      fail(call)
      if (call.startsWith('remove') && call.includes('.next')) crash.abort(new Error('the daemon ends'))
    }
    expect(await runNext(bench, crash.signal)).toMatchObject({ id, state: 'running' })
    bench.engine.onCall = fail
    const deployment = await runNext(bench)
    expect(deployment).toMatchObject({ id, state: 'failed' })
    expect(deployment.error?.detail).toMatch(/back on revision 1/)
    expect(statesOf(bench)).toEqual(['api 1', 'web 1'])
  })
})

it('a plain stack that fails stays where it was asked to be, as in Compose', async () => {
  const bench = await aRunningStack({ web: { environment: { VERSION: '1' } } })
  bench.core.store.revisions.add(aRevision(2, aModel({ web: { environment: { VERSION: '2' } } })))
  failStarts(bench)
  expect((await deploy(bench, up(2))).error?.detail).not.toContain('back on revision')
  expect(statesOf(bench)).toEqual(['web 2'])
})
