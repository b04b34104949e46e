import { describe, expect, test } from 'vitest'
import { Endings } from '../../../daemon/reconcile/endings.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ID = 'the-container'

/** Endings over a store and a clock that the test sets. */
function aScene(folder = temporaryFolder()) {
  const store = openStore(folder)
  let nowMs = Date.parse('2026-01-02T03:04:05Z')
  const clock = { now: () => new Date(nowMs), sleep: async () => {} }
  const endings = new Endings(store, clock)
  const happens = (Action: string, attributes: Record<string, string> = {}, timeNano = '0') =>
    endings.observe('shop', {
      Type: 'container',
      Action,
      Actor: { ID, Attributes: { name: 'shop-web-1', ...attributes } },
      time: 0,
      timeNano,
    })
  return {
    store,
    endings,
    happens,
    passes: (ms: number) => {
      nowMs += ms
    },
    stoppedByHand: () => {
      happens('kill', { signal: '15' })
      const halt = happens('die', { exitCode: '0' })
      happens('stop')
      return halt
    },
    crashes: (exitCode = '1') => {
      happens('die', { exitCode })
      happens('start')
    },
    halted: () => endings.haltedOf('shop'),
  }
}

describe('a stop past the daemon', () => {
  test('is a signal and then an end', () => {
    const scene = aScene()
    expect(scene.stoppedByHand()).toEqual({ stack: 'shop', id: ID, name: 'shop-web-1', times: 1 })
    expect(scene.halted()).toEqual({ [ID]: 1 })
  })

  test('is not an end that is told of late, after the start that came of it', () => {
    const scene = aScene()
    scene.happens('start', {}, '2000000000')
    scene.happens('kill', { signal: '15' }, '1000000000')
    expect(scene.happens('die', { exitCode: '0' }, '1000000001')).toBeUndefined()
    expect(scene.halted()).toEqual({})
    scene.happens('kill', { signal: '15' }, '3000000000')
    expect(scene.happens('die', { exitCode: '0' }, '3000000001')).toMatchObject({ times: 1 })
  })

  test('is an end although the clock of the Engine was set back an hour', () => {
    const scene = aScene()
    scene.happens('start', {}, '7200000000000')
    scene.happens('kill', { signal: '15' }, '3600000000000')
    expect(scene.happens('die', { exitCode: '0' }, '3600000000001')).toMatchObject({ times: 1 })
  })

  test('is not an end without a signal, nor one long after it, nor one after SIGHUP', () => {
    const scene = aScene()
    expect(scene.happens('die', { exitCode: '1' })).toBeUndefined()
    scene.happens('kill', { signal: '15' })
    scene.passes(16_000)
    expect(scene.happens('die', { exitCode: '1' })).toBeUndefined()
    scene.happens('kill', { signal: '1' })
    expect(scene.happens('die', { exitCode: '1' })).toBeUndefined()
    expect(scene.halted()).toEqual({})
  })

  test('is none of ours, whose events may come after the answer', async () => {
    const scene = aScene()
    await scene.endings.during(ID, async () => {
      expect(scene.stoppedByHand()).toBeUndefined()
    })
    scene.passes(4000)
    expect(scene.stoppedByHand()).toBeUndefined()
    scene.passes(11_000)
    expect(scene.stoppedByHand()).toMatchObject({ times: 1 })
  })

  test('is none of ours where the container was started since', async () => {
    const scene = aScene()
    await scene.endings.during(ID, async () => {
      expect(scene.stoppedByHand()).toBeUndefined()
    })
    scene.happens('start')
    expect(scene.stoppedByHand()).toMatchObject({ times: 1 })
  })

  test('is one where the Engine tells of it twice', () => {
    const scene = aScene()
    scene.stoppedByHand()
    scene.passes(10)
    scene.happens('die')
    expect(scene.halted()).toEqual({ [ID]: 1 })
  })

  test('is counted within an hour, and is over for a container that was started', () => {
    const scene = aScene()
    scene.stoppedByHand()
    scene.happens('start')
    expect(scene.halted()).toEqual({})
    scene.passes(3_500_000)
    scene.stoppedByHand()
    expect(scene.halted()).toEqual({ [ID]: 2 })
    scene.happens('start')
    scene.passes(3_700_000)
    expect(scene.stoppedByHand()).toMatchObject({ times: 1 })
  })

  test('is forgotten when somebody wants it to run, and with the container', () => {
    const scene = aScene()
    scene.stoppedByHand()
    scene.endings.forgive('shop', ID)
    expect(scene.halted()).toEqual({})
    scene.stoppedByHand()
    scene.happens('destroy')
    expect(scene.halted()).toEqual({})
  })

  test('is not what an Engine did that went away', () => {
    const scene = aScene()
    scene.stoppedByHand()
    scene.passes(3000)
    scene.endings.engineLost()
    expect(scene.halted()).toEqual({})
  })

  test('is over where it has ended by itself since, although nobody saw it start', () => {
    const scene = aScene()
    scene.stoppedByHand()
    scene.passes(60_000)
    scene.crashes()
    expect(scene.halted()).toEqual({})
  })

  test('is forgotten with the stack', () => {
    const scene = aScene()
    scene.stoppedByHand()
    scene.store.memory.forgetStack('shop')
    scene.endings.forgetStack('shop')
    expect(scene.halted()).toEqual({})
  })

  test('is none of a call of ours whose end may come much later, as of a signal', async () => {
    const scene = aScene()
    await scene.endings.during(ID, async () => {}, 15_000)
    scene.passes(14_000)
    expect(scene.stoppedByHand()).toBeUndefined()
  })

  test('is known to the next life of the daemon', () => {
    const folder = temporaryFolder()
    const scene = aScene(folder)
    scene.stoppedByHand()
    scene.store.close()
    const next = aScene(folder)
    expect(next.halted()).toEqual({ [ID]: 1 })
  })
})

describe('a crash loop', () => {
  test('is three ends by itself within five minutes, with the last exit code', () => {
    const scene = aScene()
    scene.crashes()
    scene.crashes()
    expect(scene.endings.crashLoopOf(ID)).toBeUndefined()
    scene.crashes('3')
    expect(scene.endings.crashLoopOf(ID)).toMatchObject({ times: 3, exitCode: 3, outOfMemory: false })
    scene.passes(5 * 60_000 + 1)
    expect(scene.endings.crashLoopOf(ID)).toBeUndefined()
  })

  test('tells that its memory ran out', () => {
    const scene = aScene()
    scene.crashes()
    scene.crashes()
    scene.happens('oom')
    scene.happens('die', { exitCode: '137' })
    expect(scene.endings.crashLoopOf(ID)).toMatchObject({ exitCode: 137, outOfMemory: true })
  })

  test('is over when somebody stops it', () => {
    const scene = aScene()
    for (let count = 0; count < 3; count += 1) scene.crashes()
    scene.stoppedByHand()
    expect(scene.endings.crashLoopOf(ID)).toBeUndefined()
  })
})

describe('a loop of the Engine’s own', () => {
  const killed = (
    scene: ReturnType<typeof aScene>,
    { times = 3, ranMs = 2000, exitCode = '137', oom = false } = {},
  ) => {
    for (let time = 0; time < times; time += 1) {
      scene.happens('start')
      scene.passes(ranMs)
      if (oom) scene.happens('oom')
      scene.happens('die', { exitCode })
    }
  }

  test('is three ends by SIGKILL, each soon after a start, that nobody sent', () => {
    const scene = aScene()
    killed(scene, { times: 2 })
    expect(scene.endings.isEndedByEngine(ID)).toBe(false)
    killed(scene, { times: 1 })
    expect(scene.endings.isEndedByEngine(ID)).toBe(true)
    expect(scene.endings.isLoopToBeEnded(ID)).toBe(true)
  })

  test.each([
    ['an exit code of the program’s own', { exitCode: '1' }],
    ['lives that are longer', { ranMs: 16_000 }],
    ['memory that ran out', { oom: true }],
  ])('is not %s', (_, how) => {
    const scene = aScene()
    killed(scene, how)
    expect(scene.endings.isEndedByEngine(ID)).toBe(false)
  })

  test('is not what somebody kills', () => {
    const scene = aScene()
    killed(scene, { times: 2 })
    scene.happens('start')
    scene.happens('kill', { signal: '9' })
    scene.happens('die', { exitCode: '137' })
    expect(scene.endings.isEndedByEngine(ID)).toBe(false)
  })

  test('is ended at most once a minute, and ever more rarely, for it may be none', () => {
    const scene = aScene()
    for (const waitMs of [60_000, 120_000]) {
      killed(scene)
      expect(scene.endings.isLoopToBeEnded(ID)).toBe(true)
      scene.endings.endsLoop(ID)
      scene.passes(waitMs - 7000)
      killed(scene)
      expect(scene.endings.isEndedByEngine(ID)).toBe(true)
      expect(scene.endings.isLoopToBeEnded(ID)).toBe(false)
      scene.passes(1000)
    }
  })
})
