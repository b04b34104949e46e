import { describe, expect, test } from 'vitest'
import type { ContainerInspect, ContainerSummary, Engine } from '../../../daemon/engine/types.ts'
import type { WatchState } from '../../../daemon/reconcile/engine-watch.ts'
import {
  keepHealthChecksAwake,
  type Since,
  type WakeParts,
  wakeHealthChecks,
} from '../../../daemon/reconcile/wake-health.ts'
import { COMPOSE, OURS } from '../../../daemon/stack/labels.ts'
import { Channel, type Feed } from '../../../protocol/feed.ts'
import { Problem } from '../../../protocol/problems.ts'
import { settled } from '../support/settled.ts'

const FORGETFUL = { version: '20.10.24+dfsg1', liveRestore: true }

/** An Engine with containers whose health is asked for, or not any more. */
class Setting {
  readonly calls: string[] = []
  readonly sleeps: number[] = []
  readonly abort = new AbortController()
  readonly frozen = new Set<string>()
  readonly warnings: string[] = []
  /** Ids of those that are asked still. */
  readonly asked = new Set<string>()
  held = ''
  onSleep = (): void => {}
  unpauses: () => Promise<void> = async () => {}
  checks = 0
  readonly #engine: Engine

  constructor({ version, liveRestore }: typeof FORGETFUL, containers: readonly Partial<ContainerSummary>[]) {
    this.#engine = {
      version: async () => ({ version }),
      info: async () => ({ LiveRestoreEnabled: liveRestore }),
      containers: {
        list: async () => containers,
        inspect: async (id: string) => this.#inspect(id),
        pause: async (id: string) => void this.calls.push(`pause ${id} ${this.frozen.has(id) ? 'frozen' : ''}`),
        unpause: async (id: string) => {
          this.calls.push(`unpause ${id}`)
          await this.unpauses()
        },
      },
    } as unknown as Engine
  }

  run(since: Since): Promise<void> {
    return wakeHealthChecks(this.#parts(), since, this.abort.signal)
  }

  keep(states: Feed<WatchState>, resumed: Feed<unknown> = new Channel()): Promise<void> {
    return keepHealthChecksAwake(this.#parts(), { states, resumed }, this.abort.signal)
  }

  #parts(): WakeParts {
    return {
      engine: this.#engine,
      store: {
        instance: 'here',
        adopted: { has: (id: string) => id === 'adopted' },
        holds: { of: (stack: string) => (stack === this.held ? {} : undefined) },
      } as unknown as WakeParts['store'],
      clock: {
        now: () => new Date(0),
        sleep: async (ms) => {
          this.sleeps.push(ms)
          this.onSleep()
        },
      },
      frozen: this.frozen,
      log: { info: () => {}, warn: (_, message) => void this.warnings.push(message) },
    }
  }

  #inspect(id: string): Partial<ContainerInspect> {
    this.checks += 1
    const Start = this.asked.has(id) ? `check ${this.checks}` : 'the last check'
    return {
      State: { Status: 'running', StartedAt: 'then', Health: { Log: [{ Start }] } },
      Config: { Healthcheck: { Interval: 2e9 } },
    } as unknown as ContainerInspect
  }
}

const ours = (Id: string, stack = 'shop'): Partial<ContainerSummary> => ({
  Id,
  Labels: { [COMPOSE.project]: stack, [OURS.instance]: 'here' },
})
const woken = (id: string): string[] => [`pause ${id} frozen`, `unpause ${id}`]

describe('health checks of containers that outlived the Engine', () => {
  test('are woken by a pause of a moment once it is back', async () => {
    const setting = new Setting(FORGETFUL, [ours('a')])
    await setting.run('is-back')
    expect(setting.calls).toEqual(woken('a'))
    expect(setting.frozen.size).toBe(0)
  })

  test('are waited for, for as long as one may take, where nobody saw the Engine go', async () => {
    const setting = new Setting(FORGETFUL, [ours('a'), ours('b')])
    setting.asked.add('a')
    await setting.run('unknown')
    expect(setting.calls).toEqual(woken('b'))
    expect(setting.sleeps).toEqual([37_000, 37_000])
  })

  test('are woken upon each connection after the first, and the last pause is over when that ends', async () => {
    const setting = new Setting(FORGETFUL, [ours('a')])
    setting.asked.add('a')
    const states = new Channel<WatchState>()
    const kept = setting.keep(states)
    states.publish('connected')
    await settled()
    expect(setting.sleeps).toEqual([37_000])
    expect(setting.calls).toEqual([])
    states.publish('lost')
    let thaw = (): void => {}
    setting.unpauses = () => new Promise((resolve) => (thaw = resolve))
    states.publish('connected')
    await settled()
    expect(setting.calls).toEqual(woken('a'))
    setting.abort.abort()
    let isOver = false
    void kept.then(() => {
      isOver = true
    })
    await settled()
    expect(isOver).toBe(false)
    thaw()
    await kept
    states.publish('connected')
    await settled()
    expect(setting.calls).toEqual(woken('a'))
  })

  test.each([
    { ...FORGETFUL, version: '23.0.1' },
    { ...FORGETFUL, version: '28.5.2+dfsg4' },
    { ...FORGETFUL, liveRestore: false },
  ])('are left alone by %j, which forgets none', async (engine) => {
    const setting = new Setting(engine, [ours('a')])
    await setting.run('is-back')
    expect(setting.calls).toEqual([])
  })

  test('are woken where they are ours, and adopted ones, and of no stack on hold', async () => {
    const setting = new Setting(FORGETFUL, [
      { Id: 'foreign', Labels: { [COMPOSE.project]: 'shop' } },
      { Id: 'adopted', Labels: { [COMPOSE.project]: 'old' } },
      ours('held', 'kept'),
    ])
    setting.held = 'kept'
    await setting.run('is-back')
    expect(setting.calls).toEqual(woken('adopted'))
  })

  test('are left as they are where their stack is put on hold meanwhile', async () => {
    const setting = new Setting(FORGETFUL, [ours('a')])
    setting.onSleep = () => {
      setting.held = 'shop'
    }
    await setting.run('unknown')
    expect(setting.calls).toEqual([])
  })

  test('are woken at the end of the hold that kept them, and only those that are not asked', async () => {
    const setting = new Setting(FORGETFUL, [ours('a'), ours('b')])
    setting.asked.add('b')
    setting.held = 'shop'
    const [states, resumed] = [new Channel<WatchState>(), new Channel<unknown>()]
    const kept = setting.keep(states, resumed)
    resumed.publish('shop')
    states.publish('connected')
    await settled()
    states.publish('lost')
    resumed.publish('shop')
    states.publish('connected')
    await settled()
    expect(setting.calls).toEqual([])
    setting.held = ''
    resumed.publish('shop')
    await settled()
    expect(setting.calls).toEqual(woken('a'))
    setting.abort.abort()
    await kept
  })

  test('that cannot be woken are told, and keep nobody else from it', async () => {
    const setting = new Setting(FORGETFUL, [ours('a'), ours('b')])
    let count = 0
    setting.unpauses = async () => {
      count += 1
      if (count === 1) throw new Problem('engine-unreachable', 'gone')
    }
    await setting.run('is-back')
    expect(setting.calls).toEqual([...woken('a'), ...woken('b')])
    expect(setting.warnings).toEqual(['whether its health is asked for is not known'])
    // From now on the loop sees that it is paused, and should run.
    expect(setting.frozen.size).toBe(0)
  })

  test('are left as they are once the daemon ends', async () => {
    const setting = new Setting(FORGETFUL, [ours('a')])
    setting.abort.abort()
    await setting.run('is-back')
    expect(setting.calls).toEqual([])
    expect(setting.warnings).toEqual([])
  })
})
