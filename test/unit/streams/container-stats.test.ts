import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ContainerSummary, Engine, EngineEvent } from '../../../daemon/engine/types.ts'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import { NO_USAGE, usageOf } from '../../../daemon/streams/container-stats.ts'
import { StatsHub } from '../../../daemon/streams/stats-hub.ts'
import { StatsSession } from '../../../daemon/streams/stats-session.ts'
import { Channel } from '../../../protocol/feed.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { StatsFrame } from '../../../protocol/streams.ts'

/** As Engine 28 sends it, shortened. */
const RAW = {
  cpu_stats: { cpu_usage: { total_usage: 3_000 }, system_cpu_usage: 20_000, online_cpus: 4 },
  precpu_stats: { cpu_usage: { total_usage: 1_000 }, system_cpu_usage: 10_000 },
  memory_stats: { usage: 1000, limit: 4000, stats: { inactive_file: 300 } },
  networks: { eth0: { rx_bytes: 10, tx_bytes: 1 }, eth1: { rx_bytes: 20, tx_bytes: 2 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: 'Read', value: 5 },
      { op: 'write', value: 7 },
      { op: 'read', value: 1 },
      { op: 'Total', value: 99 },
    ],
  },
  pids_stats: { current: 3 },
}

describe('what a container uses', () => {
  test('is computed by the rules of docker stats', () => {
    expect(usageOf(RAW)).toEqual({
      cpuPercent: 80,
      memoryBytes: 700,
      memoryLimitBytes: 4000,
      receivedBytes: 30,
      sentBytes: 3,
      readBytes: 6,
      writtenBytes: 7,
      pids: 3,
    })
  })

  test('counts the cache of cgroup v1 by its own name', () => {
    const memory_stats = { usage: 1000, limit: 1, stats: { total_inactive_file: 600, inactive_file: 1 } }
    expect(usageOf({ ...RAW, memory_stats }).memoryBytes).toBe(400)
  })

  test('is no share of CPU before there are two samples', () => {
    expect(usageOf({ ...RAW, precpu_stats: { cpu_usage: { total_usage: 0 } } }).cpuPercent).toBe(0)
  })

  test('is nothing where the Engine says nothing', () => {
    expect(usageOf({})).toEqual(NO_USAGE)
  })
})

const aContainer = (Id: string, State: ContainerSummary['State'] = 'running') =>
  ({ Id, State, Names: [`/${Id}`], Labels: {} }) as unknown as ContainerSummary

/** Containers whose figures are read: a stream ends with its signal, or when its container does. */
class Meters {
  readonly events = new Channel<EngineEvent>()
  /** Streams that are open now, by container. */
  readonly open: string[] = []
  readonly opened: string[] = []
  there: ContainerSummary[]
  readonly hub: StatsHub
  readonly #ends = new Map<string, () => void>()

  constructor(...there: ContainerSummary[]) {
    this.there = there
    this.hub = new StatsHub(this.engine)
  }

  readonly engine = {
    containers: {
      stats: (id: string, { stream }: { stream: boolean }, { signal }: { signal: AbortSignal }) =>
        this.#stats(id, stream, signal),
    },
  } as unknown as Engine

  async *#stats(id: string, stream: boolean, signal: AbortSignal) {
    if (id === 'gone') throw new Problem('engine-error', 'No such container')
    if (id === 'buggy') throw new TypeError('a bug of ours')
    this.open.push(id)
    this.opened.push(id)
    try {
      yield RAW
      if (!stream) return
      await new Promise<void>((resolve) => {
        this.#ends.set(id, resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    } finally {
      this.open.splice(this.open.indexOf(id), 1)
    }
  }

  end(id: string): void {
    this.#ends.get(id)?.()
  }

  change(...there: ContainerSummary[]): void {
    this.there = there
    this.events.publish({ Action: 'start' } as EngineEvent)
  }

  follower(times: 'once' | 'on', which: 'running' | 'all' = 'running'): StatsFollower {
    const follower = new StatsFollower()
    const sources = {
      engine: this.engine,
      hub: this.hub,
      events: this.events,
      // A second between frames takes no time.
      clock: {
        now: () => new Date(0),
        sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(ms === 1000 ? 1 : ms, signal),
      },
      containers: async () => this.there,
      describe: ({ Id }: ContainerSummary) => ({ id: Id, name: Id, service: 'web', replica: 1 }),
    }
    follower.ended = new StatsSession(sources, { which, times }, follower, follower.gone.signal).run()
    onTestFinished(() => follower.gone.abort())
    return follower
  }
}

class StatsFollower {
  readonly gone = new AbortController()
  frames: StatsFrame[] = []
  ended: Promise<void> = Promise.resolve()

  async send(frame: StatsFrame): Promise<void> {
    this.frames.push(frame)
  }

  /** Of the latest frame. */
  get names(): string[] {
    const last = this.frames.at(-1)
    return last?.type === 'stats' ? last.containers.map(({ id }) => id) : []
  }

  shows(...names: string[]): Promise<void> {
    return vi.waitFor(() => expect(this.names).toEqual(names))
  }
}

describe('a follower of stats', () => {
  test('who asks once gets one frame of those that run, and the end', async () => {
    const follower = new Meters(aContainer('a'), aContainer('b', 'exited'), aContainer('gone')).follower('once')
    await follower.ended
    expect(follower.frames.map(({ type }) => type)).toEqual(['stats', 'end'])
    expect(follower.frames[0]).toMatchObject({
      containers: [
        { id: 'a', cpuPercent: 80 },
        { id: 'gone', cpuPercent: 0 },
      ],
    })
  })

  test('who asks for all gets zeros for what does not run', async () => {
    const follower = new Meters(aContainer('b', 'exited')).follower('once', 'all')
    await follower.ended
    expect(follower.frames[0]).toMatchObject({ containers: [{ id: 'b', pids: 0 }] })
  })

  test('has figures in the first frame already', async () => {
    const follower = new Meters(aContainer('a')).follower('on')
    await follower.shows('a')
    expect(follower.frames[0]).toMatchObject({ containers: [{ id: 'a', cpuPercent: 80 }] })
  })

  test('sees containers come and go, and leaves no stream open behind', async () => {
    const meters = new Meters(aContainer('a'))
    const follower = meters.follower('on')
    await follower.shows('a')
    meters.change(aContainer('b'))
    await follower.shows('b')
    await vi.waitFor(() => expect(meters.open).toEqual(['b']))
    follower.gone.abort()
    await follower.ended
    await vi.waitFor(() => expect(meters.open).toEqual([]))
    expect(meters.hub.size).toBe(0)
  })

  test('sees a container again whose stream ended without an event', async () => {
    const meters = new Meters(aContainer('a'))
    await meters.follower('on').shows('a')
    meters.end('a')
    await vi.waitFor(() => expect(meters.opened).toEqual(['a', 'a']))
  })

  test('is told of what no container can be blamed for', async () => {
    await expect(new Meters(aContainer('buggy')).follower('on').ended).rejects.toThrow('a bug of ours')
  })
})

test('many who follow one container share one stream of the Engine, which ends with the last of them', async () => {
  const meters = new Meters(aContainer('a'), aContainer('b'))
  const followers = Array.from({ length: 20 }, () => meters.follower('on'))
  await Promise.all(followers.map((follower) => follower.shows('a', 'b')))
  expect([...meters.open].sort()).toEqual(['a', 'b'])
  const [last, ...others] = followers
  for (const follower of others) follower.gone.abort()
  await Promise.all(others.map((follower) => follower.ended))
  expect(meters.hub.size).toBe(2)
  last!.gone.abort()
  await last!.ended
  await vi.waitFor(() => expect(meters.open).toEqual([]))
  expect(meters.hub.size).toBe(0)
})
