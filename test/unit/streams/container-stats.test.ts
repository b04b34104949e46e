import { describe, expect, test } from 'vitest'
import type { ContainerSummary, Engine, EngineEvent } from '../../../daemon/engine/types.ts'
import { NO_USAGE, usageOf } from '../../../daemon/streams/container-stats.ts'
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

/** Samples come when they are pushed; a stream ends with its signal. */
function aSession(times: 'once' | 'on', which: 'running' | 'all', containers: () => ContainerSummary[]) {
  const events = new Channel<EngineEvent>()
  const open = new Set<string>()
  const abort = new AbortController()
  const frames: StatsFrame[] = []
  let woken = (): void => {}
  const engine = {
    containers: {
      async *stats(id: string, { stream }: { stream: boolean }, { signal }: { signal: AbortSignal }) {
        if (id === 'gone') throw new Problem('engine-error', 'No such container')
        open.add(id)
        try {
          yield RAW
          if (stream) await new Promise((resolve) => signal.addEventListener('abort', resolve))
        } finally {
          open.delete(id)
        }
      },
    },
  } as unknown as Engine
  const session = new StatsSession(
    {
      engine,
      events,
      now: () => new Date(0),
      containers: async () => containers(),
      describe: ({ Id }) => ({ id: Id, name: Id, service: 'web', replica: 1 }),
    },
    { which, times },
    {
      send: async (frame) => {
        frames.push(frame)
        woken()
      },
    },
    abort.signal,
  )
  const run = session.run()
  const next = async (isIt: (frame: StatsFrame) => boolean): Promise<StatsFrame> => {
    for (;;) {
      const found = frames.splice(0).find(isIt)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        woken = resolve
      })
    }
  }
  return { events, open, abort, frames, run, next }
}

const namesIn = (frame: StatsFrame): string[] => (frame.type === 'stats' ? frame.containers.map(({ id }) => id) : [])

describe('a follower of stats', () => {
  test('who asks once gets one frame of those that run, and the end', async () => {
    const session = aSession('once', 'running', () => [aContainer('a'), aContainer('b', 'exited'), aContainer('gone')])
    await session.run
    expect(session.frames.map(({ type }) => type)).toEqual(['stats', 'end'])
    expect(session.frames[0]).toMatchObject({
      containers: [
        { id: 'a', cpuPercent: 80 },
        { id: 'gone', cpuPercent: 0 },
      ],
    })
  })

  test('who asks for all gets zeros for what does not run', async () => {
    const session = aSession('once', 'all', () => [aContainer('b', 'exited')])
    await session.run
    expect(session.frames[0]).toMatchObject({ containers: [{ id: 'b', pids: 0 }] })
  })

  test('sees containers come and go, and leaves no stream open behind', async () => {
    let there = [aContainer('a')]
    const { events, open, abort, run, next } = aSession('on', 'running', () => there)
    expect(namesIn(await next(() => true))).toEqual(['a'])
    there = [aContainer('b')]
    events.publish({ Action: 'start' } as EngineEvent)
    await next((frame) => namesIn(frame)[0] === 'b')
    expect([...open]).toEqual(['b'])
    abort.abort()
    await run
    await new Promise((resolve) => setImmediate(resolve))
    expect([...open]).toEqual([])
  })
})
