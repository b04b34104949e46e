import { describe, expect, test } from 'vitest'
import type { ContainerInspect, Engine, EngineEvent } from '../../../daemon/engine/types.ts'
import type { Clock } from '../../../daemon/reconcile/clock.ts'
import { ContainerWaiter, type Until } from '../../../daemon/reconcile/container-waiter.ts'
import type { EngineWatch, WatchState } from '../../../daemon/reconcile/engine-watch.ts'
import { Channel } from '../../../protocol/feed.ts'
import { Problem } from '../../../protocol/problems.ts'
import { rejectionOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'

type State = Partial<ContainerInspect['State']>

const RUNNING: State = { Status: 'running', Running: true, ExitCode: 0 }
const health = (Status: 'starting' | 'healthy' | 'unhealthy', Output = ''): State => ({
  ...RUNNING,
  Health: { Status, FailingStreak: Status === 'unhealthy' ? 3 : 0, Log: [{ Start: '', End: '', ExitCode: 1, Output }] },
})
const exited = (ExitCode: number, parts: State = {}): State => ({
  Status: 'exited',
  Running: false,
  ExitCode,
  ...parts,
})

/** A container whose state the test sets, an event stream that the test speaks on, a clock that stands still. */
class Setting {
  state: State
  restarts = 0
  looks = 0
  readonly sleeps: number[] = []
  readonly events = new Channel<EngineEvent>()
  readonly abort = new AbortController()
  wake = (): void => {}
  readonly frozen = new Set<string>()
  readonly #waiter: ContainerWaiter

  constructor(state: State, watched: WatchState = 'connected') {
    this.state = state
    const engine = {
      containers: {
        inspect: async () => {
          this.looks += 1
          return { Name: '/shop-db-1', State: this.state, RestartCount: this.restarts, HostConfig: {}, Config: {} }
        },
      },
    } as unknown as Engine
    const watch = { events: this.events, state: watched } as unknown as EngineWatch
    const clock: Clock = {
      now: () => new Date(0),
      sleep: (ms, signal) => {
        this.sleeps.push(ms)
        return new Promise((resolve) => {
          this.wake = resolve
          signal?.addEventListener('abort', () => resolve(), { once: true })
        })
      },
    }
    this.#waiter = new ContainerWaiter(engine, watch, clock, this.frozen)
  }

  wait(until: Until, restarts?: number): Promise<unknown> {
    return this.#waiter.wait('id', 'db', until, this.abort.signal, restarts)
  }

  tell(id: string): void {
    this.events.publish({
      Type: 'container',
      Action: 'health_status: healthy',
      Actor: { ID: id, Attributes: {} },
      time: 0,
      timeNano: '0',
    })
  }
}

/** It is waited for, and by an event alone: no more looks than the one before. */
async function ofOneThatTurnsHealthy(setting: Setting, until: Until): Promise<void> {
  const wait = setting.wait(until)
  await settled()
  expect(setting.looks).toBe(1)
  setting.state = health('healthy')
  setting.tell('id')
  await wait
  expect(setting.looks).toBe(2)
}

describe('waiting until a container is healthy', () => {
  test('is over at once where it is', async () => {
    await new Setting(health('healthy')).wait('healthy')
  })

  test('outlasts a pause of a moment that is the daemon’s own, and no other', async () => {
    const paused: State = { ...health('starting'), Status: 'paused', Paused: true }
    const setting = new Setting(paused)
    setting.frozen.add('id')
    await ofOneThatTurnsHealthy(setting, 'healthy')
    await expect(new Setting(paused).wait('healthy')).rejects.toThrow('is paused')
  })

  test('ends with the event that says so', () => ofOneThatTurnsHealthy(new Setting(health('starting')), 'healthy'))

  test('is not stirred by events of other containers', async () => {
    const setting = new Setting(health('starting'))
    void setting.wait('healthy').catch(() => {})
    await settled()
    setting.tell('another id')
    await settled()
    expect(setting.looks).toBe(1)
  })

  test('looks again by itself, in case an event was lost', async () => {
    const setting = new Setting(health('starting'))
    const wait = setting.wait('healthy')
    await settled()
    setting.state = health('healthy')
    setting.wake()
    await wait
  })

  test('looks more often while the event stream is lost', async () => {
    const [connected, lost] = [new Setting(health('starting')), new Setting(health('starting'), 'lost')]
    void connected.wait('healthy').catch(() => {})
    void lost.wait('healthy').catch(() => {})
    await settled()
    expect(lost.sleeps[0]!).toBeLessThan(connected.sleeps[0]!)
  })

  test('fails as soon as it is unhealthy, with the words of its last check', async () => {
    expect(await rejectionOf(new Setting(health('unhealthy', 'connection refused\n')).wait('healthy'))).toMatchObject({
      code: 'dependency-failed',
      message: 'container shop-db-1 is unhealthy: its last check exited 1: connection refused',
      hint: 'see what it said: evenkeel logs db',
    })
  })

  test('goes on where it is unhealthy since a pause, until it is asked again', () => {
    const Health = { Status: 'unhealthy', FailingStreak: 2, Log: [] } as const
    return ofOneThatTurnsHealthy(new Setting({ ...RUNNING, Health }), 'healthy')
  })

  test('fails where it has no health check', async () => {
    expect(await rejectionOf(new Setting(RUNNING).wait('healthy'))).toMatchObject({
      message: 'container shop-db-1 has no healthcheck configured',
      hint: 'add services.db.healthcheck, or depend on it with condition: service_started',
    })
  })

  test('fails where it has ended, and says of what', async () => {
    const problem = await rejectionOf(new Setting(exited(137, { OOMKilled: true })).wait('healthy'))
    expect(problem.message).toBe('container shop-db-1 exited (137, killed for want of memory)')
  })
})

describe('waiting until a container is ready', () => {
  test('is over where it runs and has no health check', async () => {
    await new Setting(RUNNING).wait('ready')
  })

  test('waits for its health where it has a check', () =>
    ofOneThatTurnsHealthy(new Setting(health('starting')), 'ready'))
})

describe('waiting until a job has completed', () => {
  test('is over with exit code 0', async () => {
    await new Setting(exited(0)).wait('completed')
  })

  test('goes on while it runs', async () => {
    const setting = new Setting(RUNNING)
    const wait = setting.wait('completed')
    await settled()
    setting.state = exited(0)
    setting.tell('id')
    await wait
  })

  test('fails with any other exit code, in Compose’s words', async () => {
    expect((await rejectionOf(new Setting(exited(3)).wait('completed'))).message).toBe(
      'service "db" didn\'t complete successfully: exit 3',
    )
  })
})

test('a wait ends with its signal, for the signal’s reason', async () => {
  const setting = new Setting(health('starting'))
  const wait = setting.wait('healthy')
  await settled()
  const reason = new Problem('superseded', 'a newer request took the place of this one')
  setting.abort.abort(reason)
  expect(await rejectionOf(wait)).toBe(reason)
})

test('a wait that is over listens to no more events', async () => {
  const setting = new Setting(health('healthy'))
  await setting.wait('healthy')
  setting.tell('id')
  await settled()
  expect(setting.looks).toBe(1)
})

describe('waiting until a new replica serves', () => {
  const restarted = (restarts: number): Setting => {
    const setting = new Setting(RUNNING)
    setting.restarts = restarts
    return setting
  }

  test('is over where it runs and has no check', async () => {
    await restarted(0).wait('serving')
  })

  test('fails where the Engine has restarted it', async () => {
    expect((await rejectionOf(restarted(1).wait('serving'))).message).toBe('container shop-db-1 exited (0)')
  })

  test('passes over restarts of before, and no others', async () => {
    await restarted(2).wait('serving', 2)
    await expect(restarted(3).wait('serving', 2)).rejects.toThrow('exited')
  })
})
