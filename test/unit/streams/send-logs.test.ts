import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { EngineEvent } from '../../../daemon/engine/types.ts'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import type { KeptLog } from '../../../daemon/streams/kept-logs.ts'
import { RING_BYTES } from '../../../daemon/streams/live-log.ts'
import { LogHub } from '../../../daemon/streams/log-hub.ts'
import { parseLogsQuery } from '../../../daemon/streams/log-query.ts'
import { sendLogs } from '../../../daemon/streams/send-logs.ts'
import { Channel } from '../../../protocol/feed.ts'
import { LogCursor } from '../../../protocol/log-cursor.ts'
import { RecordReader } from '../../../protocol/log-records.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { Gap, LogFrame, LogsQuery as Query } from '../../../protocol/streams.ts'
import { FakeContainer, FakeLogs } from '../support/fake-logs.ts'
import { recordsOf, stampAt, textsOf } from '../support/log-bytes.ts'

/** Followers of one stack's logs. They end with the test. */
class Stack {
  readonly logs: FakeLogs
  readonly hub: LogHub
  readonly events = new Channel<EngineEvent>()
  readonly states = new Channel<unknown>()
  kept: { log: KeptLog; records: Uint8Array }[] = []
  now = Date.parse(stampAt(30))
  readonly #begun = performance.now()

  constructor(...containers: FakeContainer[]) {
    this.logs = new FakeLogs(containers)
    this.hub = new LogHub(this.logs.engine)
  }

  follower(query: Query): Follower {
    const follower = new Follower()
    follower.ended = sendLogs(
      {
        engine: this.logs.engine,
        hub: this.hub,
        kept: {
          list: () => this.kept.map(({ log }) => log),
          find: (container) => this.kept.find(({ log }) => log.container === container)?.log,
          records: (log) => this.kept.find((one) => one.log === log)!.records,
        },
        watch: { events: this.events, states: this.states },
        containers: this.logs.list,
        isExpected: () => false,
        clock: { now: () => new Date(this.now + performance.now() - this.#begun), sleep: systemClock.sleep },
      },
      parseLogsQuery(query, new Date(this.now)),
      follower,
      follower.gone.signal,
    )
    onTestFinished(() => follower.leave())
    return follower
  }

  async replay(query: Query = {}): Promise<Follower> {
    const follower = this.follower(query)
    await follower.ended
    return follower
  }

  follow(query: Query = {}): Follower {
    return this.follower({ follow: 'true', ...query })
  }

  event(Action: string, { id }: FakeContainer): void {
    this.events.publish({ Action, Actor: { ID: id, Attributes: {} } } as unknown as EngineEvent)
  }
}

class Follower {
  readonly frames: LogFrame[] = []
  readonly gone = new AbortController()
  texts: string[] = []
  /** How far it has read, as a client remembers it. */
  readonly cursor = new LogCursor()
  ended: Promise<void> = Promise.resolve()
  #gate: Promise<void> = Promise.resolve()
  #open = (): void => {}
  readonly #left = new Promise((resolve) => this.gone.signal.addEventListener('abort', resolve))

  async send(frame: LogFrame): Promise<void> {
    if (!this.gone.signal.aborted) this.frames.push(frame)
  }

  async sendRecords(records: Uint8Array): Promise<void> {
    if (this.gone.signal.aborted) return
    this.texts.push(...textsOf(records))
    const reader = new RecordReader(records)
    while (reader.advance()) this.cursor.pass(reader.stream, reader.seconds, reader.nanoseconds)
    await Promise.race([this.#gate, this.#left])
  }

  /** Takes nothing more until it is released. */
  stall(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  release(): void {
    this.#gate = Promise.resolve()
    this.#open()
  }

  leave(): void {
    this.gone.abort(new Problem('cancelled', 'gone'))
  }

  ofType<T extends LogFrame['type']>(type: T): Extract<LogFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<LogFrame, { type: T }> => frame.type === type)
  }

  get names(): string[] {
    return this.ofType('source').map(({ name }) => name)
  }

  get gaps(): Gap[] {
    return this.ofType('gap')
  }

  async has(...texts: string[]): Promise<void> {
    await vi.waitFor(() => expect(this.texts).toEqual(texts))
  }

  async isLive(times = 1): Promise<void> {
    await vi.waitFor(() => expect(this.ofType('live').length).toBeGreaterThanOrEqual(times))
  }
}

const web = () => new FakeContainer('web').write(1, 'w1').write(4, 'w4')
const db = () => new FakeContainer('db').write(2, 'd2').write(3, 'd3').write(5, 'd5')
const unreadable = () =>
  new Problem('engine-error', 'configured logging driver does not support reading', {
    engine: { call: 'GET /containers/{id}/logs', status: 501 },
  })
const keptOf = (container: FakeContainer, ...lines: Parameters<typeof recordsOf>[1]) => ({
  log: {
    stack: 'shop',
    container: container.id,
    name: container.summary.Names[0]!.slice(1),
    service: container.service,
    replica: container.replica,
    removedAt: stampAt(20),
    path: '',
  },
  records: recordsOf(Number.parseInt(container.id.slice(0, 8), 16), lines),
})

describe('the logs of a stack', () => {
  test('are merged by time', async () => {
    expect((await new Stack(web(), db()).replay()).texts).toEqual(['w1', 'd2', 'd3', 'w4', 'd5'])
  })

  test('name each container, and end with an end', async () => {
    const { names, frames } = await new Stack(web(), db()).replay()
    expect(names).toEqual(['shop-db-1', 'shop-web-1'])
    expect(frames.at(-1)).toEqual({ type: 'end' })
  })

  test('are of the services and of the replica that were asked for', async () => {
    expect((await new Stack(web(), db()).replay({ services: 'db' })).names).toEqual(['shop-db-1'])
    const second = new FakeContainer('web', { replica: 2 })
    expect((await new Stack(web(), second).replay({ index: '2' })).names).toEqual(['shop-web-2'])
  })

  test('leave out one-off containers', async () => {
    expect((await new Stack(new FakeContainer('web', { oneOff: true })).replay()).names).toEqual([])
  })

  test('are asked of the Engine with tail, since and until', async () => {
    const stack = new Stack(web())
    await stack.replay({ tail: '5', since: '1767323041', until: '1767323049' })
    expect(stack.logs.asked).toEqual([
      { follow: false, timestamps: true, tail: 5, since: '1767323041', until: '1767323049' },
    ])
  })

  test('come without times where one container needs none, and with them where several are merged', async () => {
    const stack = new Stack(web(), db())
    await stack.replay({ untimed: 'true', services: 'web' })
    await stack.replay({ untimed: 'true' })
    expect(stack.logs.asked.map((query) => query.timestamps)).toEqual([false, true, true])
  })

  test('say so where those of a container cannot be read, and go on with the others', async () => {
    const dumb = web()
    dumb.failure = unreadable()
    const { gaps, texts } = await new Stack(db(), dumb).replay()
    expect(gaps).toMatchObject([{ reason: 'unreadable' }])
    expect(gaps[0]?.message).toContain('does not support reading')
    expect(texts).toEqual(['d2', 'd3', 'd5'])
  })

  test('of removed containers are those that were kept, within tail, since and until', async () => {
    const stack = new Stack(db())
    stack.kept = [keptOf(web(), { at: 1, text: 'a' }, { at: 2, text: 'b' }, { at: 3, text: 'c' })]
    expect((await stack.replay({ previous: 'true' })).texts).toEqual(['a', 'b', 'c'])
    expect((await stack.replay({ previous: 'true', tail: '1' })).texts).toEqual(['c'])
    expect((await stack.replay({ previous: 'true', since: stampAt(2), until: stampAt(2) })).texts).toEqual(['b'])
    expect((await stack.replay({ previous: 'true', services: 'db' })).texts).toEqual([])
  })
})

describe('who follows', () => {
  test('has what there is, then what is written', async () => {
    const container = web()
    const follower = new Stack(container).follow()
    await follower.isLive()
    container.write(6, 'w6')
    await follower.has('w1', 'w4', 'w6')
  })

  test('with tail 0 has only what is written', async () => {
    const container = web()
    const follower = new Stack(container).follow({ tail: '0' })
    await follower.isLive()
    container.write(6, 'w6')
    await follower.has('w6')
  })

  test('of an empty log has its first line once', async () => {
    const container = new FakeContainer('web')
    const follower = new Stack(container).follow()
    await follower.isLive()
    container.write(1, 'first').write(2, 'second')
    await follower.has('first', 'second')
  })

  test('with tail 0 has all that comes to an empty log', async () => {
    const container = new FakeContainer('web')
    const stack = new Stack(container)
    const follower = stack.follow({ tail: '0' })
    await follower.isLive()
    container.write(1, 'first')
    container.write(2, 'second')
    await follower.has('first', 'second')
  })

  test('reads of no container that never ran, until it does', async () => {
    const container = new FakeContainer('web')
    container.state = 'created'
    const stack = new Stack(container, db())
    const follower = stack.follow()
    await follower.isLive()
    expect(follower.names).toEqual(['shop-db-1'])
    container.state = 'running'
    container.write(6, 'w6')
    stack.event('start', container)
    await follower.has('d2', 'd3', 'd5', 'w6')
  })

  test('has nothing older than since, also when the container starts again', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web', since: stampAt(5) })
    await follower.isLive()
    container.stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    container.state = 'running'
    container.write(7, 'again')
    stack.event('start', container)
    await follower.has('again')
  })

  test('has nothing that was written after until, also of a container that comes later, and then the end', async () => {
    const stack = new Stack(web())
    const follower = stack.follow({ until: stampAt(40) })
    await follower.has('w1', 'w4')
    const late = new FakeContainer('late').write(39, 'in time').write(41, 'too late')
    stack.logs.containers.push(late)
    stack.event('start', late)
    await follower.has('w1', 'w4', 'in time')
    stack.now = Date.parse(stampAt(41))
    stack.logs.containers[0]!.write(41, 'too late as well')
    await follower.ended
    expect(follower.texts).toEqual(['w1', 'w4', 'in time'])
  })

  test('has what a container wrote that started, ended and was removed between two looks', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web' })
    await follower.isLive()
    container.stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    stack.logs.containers.shift()
    stack.kept = [keptOf(container, { at: 1, text: 'w1' }, { at: 4, text: 'w4' }, { at: 7, text: 'brief' })]
    stack.event('destroy', container)
    await follower.has('w1', 'w4', 'brief')
    await vi.waitFor(() => expect(follower.ofType('source-end').at(-1)).toMatchObject({ gone: true }))
  })

  test('has what a container wrote that started and ended between two looks', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web' })
    await follower.isLive()
    container.stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    container.write(7, 'brief')
    stack.event('start', container)
    stack.event('die', container)
    await follower.has('w1', 'w4', 'brief')
  })

  test('has lines of a container that comes later, whole', async () => {
    const stack = new Stack(web())
    const follower = stack.follow({ tail: '1' })
    await follower.isLive()
    const late = db()
    stack.logs.containers.push(late)
    stack.event('start', late)
    await follower.has('w4', 'd2', 'd3', 'd5')
  })

  test('has lines of a container that was removed before it was seen', async () => {
    const stack = new Stack(web())
    const follower = stack.follow()
    await follower.isLive()
    const brief = db()
    stack.kept = [keptOf(brief, { at: 9, text: 'brief' })]
    stack.event('destroy', brief)
    await follower.has('w1', 'w4', 'brief')
  })

  test('goes on when the container starts again, without loss or repetition', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web' })
    await follower.isLive()
    container.write(6, 'last').stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    container.state = 'running'
    container.write(7, 'again')
    stack.event('start', container)
    await follower.has('w1', 'w4', 'last', 'again')
    expect(follower.gaps).toEqual([])
  })

  test('goes on when the Engine was away', async () => {
    const container = web()
    const stack = new Stack(container)
    const follower = stack.follow()
    await follower.isLive()
    stack.logs.away = new Problem('engine-unreachable', 'the Engine is away')
    container.touch()
    await vi.waitFor(() => expect(stack.hub.size).toBe(0))
    stack.logs.away = undefined
    container.write(6, 'while away')
    stack.states.publish('connected')
    await follower.isLive(2)
    container.write(7, 'back')
    await follower.has('w1', 'w4', 'while away', 'back')
  })

  test('goes on where the stream of the Engine has come to a standstill', async () => {
    const container = web()
    container.standstills = 1
    const follower = new Stack(container).follow()
    await follower.isLive()
    container.write(5, 'w5').write(6, 'w6')
    await vi.waitFor(() => expect(follower.texts).toEqual(['w1', 'w4', 'w5', 'w6']), { timeout: 10_000 })
    expect(follower.gaps).toEqual([])
  })

  test('has the last lines where the stream of the Engine ends before them, however many they are', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    container.standstills = 1
    const follower = new Stack(container).follow()
    await follower.isLive()
    const count = 3000
    for (let n = 1; n <= count; n += 1) container.entries.push({ at: n / 1000, text: `${n}`, stream: 'stdout' })
    container.stop()
    await follower.ended
    expect(follower.gaps).toEqual([])
    expect(follower.texts).toEqual(['begin', ...Array.from({ length: count }, (_, index) => `${index + 1}`)])
  }, 20_000)

  test('is told what the Engine has rotated away while nothing was taken', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    const stack = new Stack(container)
    const follower = stack.follow()
    await follower.isLive()
    follower.stall()
    const line = 'x'.repeat(10_000)
    const count = Math.ceil((RING_BYTES * 3) / line.length)
    for (let n = 1; n <= count; n += 1) container.write(n / 1000, `${n} ${line}`)
    // The ring is full, and nobody has asked for more for as long as a stream is waited for.
    await vi.waitFor(() => expect(stack.logs.sent).toBeGreaterThan(RING_BYTES / line.length), { timeout: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    container.drop(count - 10)
    follower.release()
    await vi.waitFor(() => expect(follower.texts.at(-1)).toBe(`${count} ${line}`), { timeout: 10_000 })
    const at = follower.texts.findIndex((text, index) => numberOf(text) !== index)
    const [before, after] = [follower.texts[at - 1]!, follower.texts[at]!].map((text) => stampAt(numberOf(text) / 1000))
    expect(follower.gaps).toMatchObject([{ reason: 'not-kept', after: before, before: after }])
  }, 20_000)

  test('is told once where a log cannot be read', async () => {
    const dumb = web()
    dumb.failure = unreadable()
    const stack = new Stack(dumb, db())
    const follower = stack.follow()
    await follower.isLive()
    stack.event('start', dumb)
    await vi.waitFor(() => expect(follower.gaps).toHaveLength(1))
    expect(stack.logs.following).toBe(2)
  })

  test('is told once where a log is corrupt, and nobody reads it again', async () => {
    const corrupt = web()
    corrupt.failure = new Problem('engine-error', 'error unmarshalling log entry')
    const stack = new Stack(corrupt, db())
    const follower = stack.follow()
    await follower.isLive()
    await vi.waitFor(() => expect(follower.gaps).toMatchObject([{ reason: 'unreadable' }]))
    stack.event('start', corrupt)
    await new Promise((resolve) => setTimeout(resolve, 3 * 100))
    expect(follower.gaps).toHaveLength(1)
    expect(stack.logs.following).toBe(2)
  })

  test('ends when nothing runs any more', async () => {
    const follower = new Stack(web().stop()).follow()
    await follower.ended
    expect(follower.texts).toEqual(['w1', 'w4'])
    expect(follower.frames.at(-1)).toEqual({ type: 'end' })
  })
})

describe('many who follow one container', () => {
  test('share one stream of the Engine, which ends with the last of them', async () => {
    const container = web()
    const stack = new Stack(container)
    const followers = Array.from({ length: 20 }, () => stack.follow())
    await Promise.all(followers.map((follower) => follower.isLive()))
    container.write(6, 'w6')
    await Promise.all(followers.map((follower) => follower.has('w1', 'w4', 'w6')))
    expect(stack.logs.following).toBe(1)
    expect(stack.hub.size).toBe(1)
    for (const follower of followers) follower.leave()
    await vi.waitFor(() => expect(stack.logs.open).toBe(0))
    expect(stack.hub.size).toBe(0)
  })

  test('lose nothing by one who is slow; he is told how much he missed, and when', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    const stack = new Stack(container)
    const [quick, slow] = [stack.follow(), stack.follow()]
    await Promise.all([quick.isLive(), slow.isLive()])
    slow.stall()
    const line = 'x'.repeat(10_000)
    const count = Math.ceil((RING_BYTES * 3) / line.length)
    for (let n = 1; n <= count; n += 1) {
      container.write(n / 1000, `${n} ${line}`)
      if (n % 50 === 0) await vi.waitFor(() => expect(quick.texts.length).toBe(n + 1))
    }
    await vi.waitFor(() => expect(quick.texts).toHaveLength(count + 1))
    expect(quick.gaps).toEqual([])
    slow.release()
    await vi.waitFor(() => expect(slow.texts.at(-1)).toBe(`${count} ${line}`))
    expect(slow.gaps).toMatchObject([{ reason: 'slow-follower' }])
    const [{ lines = 0, after = '', before = '' } = {}] = slow.gaps
    expect(slow.texts.length + lines).toBe(count + 1)
    const at = slow.texts.findIndex((text, index) => numberOf(text) !== index)
    expect(after).toBe(stampAt(numberOf(slow.texts[at - 1]!) / 1000))
    expect(before).toBe(stampAt(numberOf(slow.texts[at]!) / 1000))
  })

  test('are never ahead of the Engine: one who is slow and alone misses nothing', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    const follower = new Stack(container).follow()
    await follower.isLive()
    follower.stall()
    const line = 'x'.repeat(10_000)
    const count = Math.ceil((RING_BYTES * 3) / line.length)
    for (let n = 1; n <= count; n += 1) container.write(n / 1000, `${n} ${line}`)
    follower.release()
    await vi.waitFor(() => expect(follower.texts).toHaveLength(count + 1), { timeout: 10_000 })
    expect(follower.gaps).toEqual([])
  }, 20_000)
})

test('who wants nothing of what there is asks the Engine for nothing where others follow already', async () => {
  const container = web()
  const stack = new Stack(container)
  await stack.follow().isLive()
  const before = stack.logs.asked.length
  const follower = stack.follow({ tail: '0' })
  await follower.isLive()
  container.write(6, 'w6')
  await follower.has('w6')
  expect(stack.logs.asked).toHaveLength(before)
})

describe('who reads on', () => {
  test('has what was written since, of a container that is there', async () => {
    const container = web().write(5, 'w5')
    const after = `${container.id.slice(0, 16)}/1767323044.000000000.1/0`
    const follower = new Stack(container).follow({ after })
    await follower.has('w5')
    expect(follower.gaps).toEqual([])
  })

  test('has the rest of a container that was removed in between, and one that came and went', async () => {
    const [old, brief] = [web(), new FakeContainer('web', { replica: 2 })]
    const stack = new Stack(db())
    stack.kept = [keptOf(old, { at: 1, text: 'w1' }, { at: 4, text: 'w4' }), keptOf(brief, { at: 8, text: 'b8' })]
    const follower = stack.follow({ services: 'web', after: `${old.id.slice(0, 16)}/1767323041.000000000.1/0` })
    await follower.has('w4', 'b8')
  })

  test('has the rest once of a container that was removed while he was answered', async () => {
    const [old, there] = [web(), db()]
    const stack = new Stack(old, there)
    stack.logs.afterList = () => {
      stack.logs.afterList = undefined
      stack.logs.containers.shift()
      stack.kept = [keptOf(old, { at: 1, text: 'w1' }, { at: 4, text: 'w4' })]
      stack.event('destroy', old)
    }
    const after = [
      `${old.id.slice(0, 16)}/1767323041.000000000.1/0`,
      `${there.id.slice(0, 16)}/1767323045.000000000.1/0`,
    ].join(',')
    const follower = stack.follow({ after })
    await follower.has('w4')
  })

  test('has nothing again of a container that was replaced before, however little came since', async () => {
    const [old, next] = [web(), db()]
    const stack = new Stack(next)
    stack.kept = [keptOf(old, { at: 1, text: 'w1' }, { at: 4, text: 'w4' })]
    const place = `${next.id.slice(0, 16)}/1767323045.000000000.1/0`
    const known = stack.follow({ after: `${old.id.slice(0, 16)}/1767323044.000000000.1/0,${place}` })
    const gone = stack.follow({ after: `${old.id.slice(0, 16)}/gone,${place}` })
    for (const follower of [known, gone]) await follower.isLive()
    next.write(6, 'd6')
    await known.has('d6')
    await gone.has('d6')
    expect([...known.gaps, ...gone.gaps]).toEqual([])
  })

  test('has nothing again of a container that was removed in the second of the last line', async () => {
    const [old, next] = [web(), new FakeContainer('db').write(20.5, 'd20')]
    const stack = new Stack(next)
    stack.kept = [keptOf(old, { at: 1, text: 'w1' })]
    stack.kept[0]!.log = { ...stack.kept[0]!.log, removedAt: stampAt(20.25) }
    const follower = stack.follow({ after: `${next.id.slice(0, 16)}/1767323060.500000000.1/0` })
    await follower.isLive()
    next.write(21, 'd21')
    await follower.has('d21')
  })

  test('has of a container that he had not been sent anything of what he asked for, and a new one whole', async () => {
    const [there, late] = [db(), new FakeContainer('late').write(6, 'l6').write(7, 'l7')]
    late.startedAt = 6
    const stack = new Stack(there, web(), late)
    const follower = stack.follow({ tail: '1', after: `${there.id.slice(0, 16)}/1767323045.000000000.1/0` })
    await follower.isLive(3)
    expect(follower.texts.sort()).toEqual(['l6', 'l7', 'w4'])
  })

  test('has nothing older than since of a log of which he had nothing', async () => {
    const container = web()
    const stack = new Stack(container)
    const follower = stack.follow({ since: stampAt(5), after: `${container.id.slice(0, 16)}/0/0` })
    await follower.isLive()
    container.write(6, 'w6')
    await follower.has('w6')
  })

  test('is told of a container that is gone without a trace', async () => {
    const follower = new Stack(db()).follow({ after: `${web().id.slice(0, 16)}/1767323041.000000000.1/0` })
    await vi.waitFor(() => expect(follower.gaps).toMatchObject([{ reason: 'not-kept' }]))
    // Once: he need not ask for it again.
    expect(follower.ofType('source-end')).toMatchObject([{ gone: true }])
  })

  test('is told where the Engine has dropped lines since', async () => {
    const container = web()
    container.entries.splice(0, 1)
    const after = `${container.id.slice(0, 16)}/1767323041.000000000.1/0`
    const follower = new Stack(container).follow({ after })
    await follower.has('w4')
    expect(follower.gaps).toMatchObject([{ reason: 'not-kept', after: stampAt(1), before: stampAt(4) }])
  })
})

test('nothing is lost or repeated, whenever followers come and go while lines are written', {
  timeout: 60_000,
}, async () => {
  const aScript = fc.array(fc.constantFrom('write', 'join', 'leave', 'return', 'pause'), {
    minLength: 5,
    maxLength: 40,
  })
  await fc.assert(
    fc.asyncProperty(aScript, async (script) => {
      const container = new FakeContainer('web')
      const stack = new Stack(container)
      const followers: Follower[][] = []
      let written = 0
      for (const step of script) {
        const last = followers.at(-1)
        if (step === 'write') container.write(++written, `${written}`)
        if (step === 'join') followers.push([stack.follow()])
        if (step === 'leave') last?.at(-1)?.leave()
        const left = last?.at(-1)
        if (step === 'return' && left?.gone.signal.aborted === true && !left.cursor.isEmpty)
          last!.push(stack.follow({ after: `${container.id.slice(0, 16)}/${left.cursor}` }))
        if (step === 'pause') await new Promise((resolve) => setTimeout(resolve, 3))
      }
      for (const parts of followers) {
        if (parts.at(-1)!.gone.signal.aborted) continue
        const all = Array.from({ length: written }, (_, index) => `${index + 1}`)
        await vi.waitFor(() => expect(parts.flatMap((part) => part.texts)).toEqual(all), { timeout: 5000, interval: 5 })
      }
      for (const part of followers.flat()) part.leave()
    }),
    { numRuns: 60 },
  )
})

const numberOf = (text: string): number => (text === 'begin' ? 0 : Number(text.split(' ')[0]))
