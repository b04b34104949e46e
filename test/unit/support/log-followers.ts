import { expect, onTestFinished, vi } from 'vitest'
import type { EngineEvent } from '../../../daemon/engine/types.ts'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import type { KeptLog } from '../../../daemon/streams/kept-logs.ts'
import { LogHub } from '../../../daemon/streams/log-hub.ts'
import { parseLogsQuery } from '../../../daemon/streams/log-query.ts'
import { sendLogs } from '../../../daemon/streams/send-logs.ts'
import { Channel } from '../../../protocol/feed.ts'
import { LogCursor } from '../../../protocol/log-cursor.ts'
import { RecordReader } from '../../../protocol/log-records.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { Gap, LogFrame, LogsQuery as Query } from '../../../protocol/streams.ts'
import { FakeContainer, FakeLogs } from './fake-logs.ts'
import { Gate } from './gate.ts'
import { recordsOf, stampAt, textsOf } from './log-bytes.ts'

/** Followers of one stack's logs. They end with the test. */
export class Stack {
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

export class Follower {
  readonly frames: LogFrame[] = []
  readonly gone = new AbortController()
  texts: string[] = []
  /** How far it has read, as a client remembers it. */
  readonly cursor = new LogCursor()
  ended: Promise<void> = Promise.resolve()
  readonly #gate = new Gate()
  readonly #left = new Promise((resolve) => this.gone.signal.addEventListener('abort', resolve))

  async send(frame: LogFrame): Promise<void> {
    if (!this.gone.signal.aborted) this.frames.push(frame)
  }

  async sendRecords(records: Uint8Array): Promise<void> {
    if (this.gone.signal.aborted) return
    this.texts.push(...textsOf(records))
    const reader = new RecordReader(records)
    while (reader.advance()) this.cursor.pass(reader.stream, reader.seconds, reader.nanoseconds)
    await Promise.race([this.#gate.passed, this.#left])
  }

  /** Takes nothing more until it is released. */
  stall(): void {
    this.#gate.hold()
  }

  release(): void {
    this.#gate.release()
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

export const web = () => new FakeContainer('web').write(1, 'w1').write(4, 'w4')
export const db = () => new FakeContainer('db').write(2, 'd2').write(3, 'd3').write(5, 'd5')
export const unreadable = () =>
  new Problem('engine-error', 'configured logging driver does not support reading', {
    engine: { call: 'GET /containers/{id}/logs', status: 501 },
  })
export const keptOf = (container: FakeContainer, ...lines: Parameters<typeof recordsOf>[1]) => ({
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

/** Of lines that are counted: `begin`, then `1 ...`, `2 ...` and so on. */
export const numberOf = (text: string): number => (text === 'begin' ? 0 : Number(text.split(' ')[0]))
