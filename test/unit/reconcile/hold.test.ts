import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import { HoldControl } from '../../../daemon/reconcile/hold-control.ts'
import { StackControl } from '../../../daemon/reconcile/stack-control.ts'
import { StackLoop } from '../../../daemon/reconcile/stack-loop.ts'
import type { Supervisor } from '../../../daemon/reconcile/supervisor.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { DownOptions, ScaleRequest, ServicesRequest, UpRequest } from '../../../protocol/resources/stack.ts'
import { AT, aModel, aRevision, aRunningStack, type Bench, queue, up, upRequest } from '../support/core.ts'
import { problemOf, rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const CALLER = { name: 'tester' }

/** A running stack, its loop, and the use cases over both. Revision 2 has an image whose pull hangs. */
async function aDaemon() {
  const bench = await aRunningStack({ web: {} }, {}, systemClock)
  const { core, engine } = bench
  core.store.revisions.add(aRevision(2, aModel({ web: { image: 'slow:1' } })))
  engine.registry.set('slow:1', 'sha256:slow')
  engine.holdPulls()
  const stop = new AbortController()
  const loop = new StackLoop(core, 'shop', stop.signal)
  onTestFinished(async () => {
    stop.abort(new Error('the daemon ends'))
    await loop.ended()
  })
  const supervisor = {
    hold: () => loop.hold(),
    resume: () => {
      loop.forgive()
      loop.look()
    },
    requested: (_: string, id: string, request: Parameters<StackLoop['requested']>[1]) => loop.requested(id, request),
  }
  return {
    bench,
    loop,
    holds: new HoldControl(core, supervisor),
    control: new StackControl(core, supervisor as unknown as Supervisor),
  }
}

const stateOf = ({ core }: Bench, id: string) => core.store.deployments.find(id)?.state
/** The loop begins, and has had two turns: it asks each time whether it is held. */
async function turns({ core }: Bench, loop: StackLoop): Promise<void> {
  const asked = vi.spyOn(core.store.holds, 'of')
  loop.start()
  loop.look()
  await eventually(() => expect(asked.mock.calls.length).toBeGreaterThanOrEqual(2))
  asked.mockRestore()
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 })

describe('a held stack', () => {
  test('is not healed until it is resumed', async () => {
    const { bench, loop, holds } = await aDaemon()
    await holds.hold('shop', CALLER)
    bench.engine.containers.clear()
    await turns(bench, loop)
    expect(bench.engine.calls).toEqual([])
    holds.resume('shop')
    await eventually(() => expect(bench.engine.calls).toEqual(['create shop-web-1', 'start shop-web-1']))
  })

  test('refuses every request that would change it, and says the way out', async () => {
    const { bench, control, holds } = await aDaemon()
    await holds.hold('shop', CALLER)
    const services = ServicesRequest.parse({})
    const request = UpRequest.parse(upRequest(aModel({ web: {} })))
    for (const refused of [
      control.up('shop', request, CALLER),
      control.down('shop', DownOptions.parse({}), CALLER),
      control.start('shop', services, CALLER),
      control.stop('shop', services, CALLER),
      control.restart('shop', services, CALLER),
      control.scale('shop', ScaleRequest.parse({ scale: { web: 2 } }), CALLER),
    ]) {
      expect(await rejectionOf(refused)).toMatchObject({
        code: 'stack-held',
        hint: 'let it go on first: evenkeel resume shop',
      })
    }
    expect(bench.core.store.deployments.next('shop')).toBeUndefined()
  })

  test('is planned and shown', async () => {
    const { bench, control, holds } = await aDaemon()
    await holds.hold('shop', CALLER)
    bench.engine.containers.clear()
    const { actions } = await control.drift('shop')
    expect(actions).toHaveLength(2)
    expect((await control.stack('shop')).held).toMatchObject({ scope: 'stack', by: 'tester' })
  })

  test('ends what is under way, which is cancelled and no failure, and answers when it has ended', async () => {
    const { bench, loop, holds } = await aDaemon()
    loop.start()
    const slow = queue(bench, up(2), 2)
    loop.requested(slow, up(2))
    await eventually(() => expect(bench.engine.calls).toContain('pull slow:1'))
    await holds.hold('shop', CALLER)
    expect(stateOf(bench, slow)).toBe('cancelled')
    expect(bench.core.store.deployments.find(slow)?.error?.code).toBe('stack-held')
    expect(bench.core.store.stacks.find('shop')?.condition).not.toBe('failed')
  })

  test('cancels what waits', async () => {
    const { bench, holds } = await aDaemon()
    const waiting = queue(bench, up(1))
    await holds.hold('shop', CALLER)
    expect(stateOf(bench, waiting)).toBe('cancelled')
  })

  test('keeps what a crash left open for later', async () => {
    const { bench, loop } = await aDaemon()
    const { store } = bench.core
    const open = queue(bench, up(1))
    store.deployments.begin(open, AT)
    store.holds.add({ stack: undefined, since: AT, by: 'evenkeeld --hold' })
    await turns(bench, loop)
    expect(stateOf(bench, open)).toBe('running')
    store.holds.remove(undefined)
    loop.look()
    await eventually(() => expect(stateOf(bench, open)).toBe('succeeded'))
  })

  test('can be ejected: nothing of it is touched by that', async () => {
    const { bench, loop, control, holds } = await aDaemon()
    await holds.hold('shop', CALLER)
    loop.start()
    const { deployment } = await control.eject('shop', CALLER)
    await eventually(() => expect(stateOf(bench, deployment)).toBe('succeeded'))
    expect(bench.engine.calls).toEqual([])
    expect(bench.core.store.stacks.find('shop')).toBeUndefined()
    expect(control.revisions('shop', 10)).toHaveLength(2)
  })

  test('that is not known cannot be held', async () => {
    const { holds } = await aDaemon()
    expect((await rejectionOf(holds.hold('nosuch', CALLER))).code).toBe('stack-not-found')
    expect(problemOf(() => holds.resume('nosuch')).code).toBe('stack-not-found')
  })
})

describe('the hold of the whole daemon', () => {
  test('holds each stack, and is lifted apart from those of stacks', async () => {
    const { control, holds } = await aDaemon()
    await holds.hold('shop', CALLER)
    expect(await holds.hold(undefined, CALLER)).toMatchObject({ daemon: { scope: 'daemon' }, stacks: { shop: {} } })
    expect(holds.resume('shop')).toMatchObject({ daemon: { scope: 'daemon' }, stacks: {} })
    expect(await rejectionOf(control.stop('shop', ServicesRequest.parse({}), CALLER))).toMatchObject({
      code: 'stack-held',
      hint: 'let it go on first: evenkeel resume --all',
    })
    expect(holds.resume(undefined)).toEqual({ stacks: {} })
    expect(holds.heldBy('shop')).toBeUndefined()
  })
})

test('a hold stays over restarts, and says since when it is', () => {
  const folder = temporaryFolder()
  const before = openStore(folder)
  before.holds.add({ stack: 'shop', since: AT, by: 'tester' })
  before.close()
  const after = openStore(folder)
  after.holds.add({ stack: 'shop', since: 'later', by: 'somebody else' })
  expect(after.holds.all()).toEqual([{ stack: 'shop', since: AT, by: 'tester' }])
  after.close()
})
