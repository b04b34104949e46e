/**
 * The logs of a stack for one follower: what there is, merged by time, or what there is and then what is written.
 * Containers that come later join in. What there is comes from the Engine only as fast as the follower takes it; what is
 * written comes from the hub, which others share.
 */
import type { Feed } from '../../protocol/feed.ts'
import { LogCursor } from '../../protocol/log-cursor.ts'
import { RecordReader } from '../../protocol/log-records.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Gap, LogFrame } from '../../protocol/streams.ts'
import type { ContainerSummary, Engine, EngineEvent, LogsQuery } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import { type KeptLog, lastLines } from './kept-logs.ts'
import type { LiveFollower } from './live-log.ts'
import type { LogHub } from './log-hub.ts'
import { type LogSelection, momentOf } from './log-query.ts'
import { inBlocks, isEngineAway, type Loss, passAll, RecordsAfter, readLog } from './log-reading.ts'
import { sourceFrame, sourceOf } from './log-source.ts'
import { mergeRecords } from './merge-records.ts'

export interface LogSink {
  /** Resolves when there is room for more. */
  send(frame: LogFrame): Promise<void>
  sendRecords(records: Uint8Array): Promise<void>
}

export interface LogSources {
  readonly engine: Engine
  readonly hub: LogHub
  /** The kept logs of this stack's removed containers. */
  readonly kept: {
    list(): readonly KeptLog[]
    records(kept: KeptLog): Uint8Array
  }
  /** Events of our containers, and whether they can be relied on. */
  readonly watch: { readonly events: Feed<EngineEvent>; readonly states: Feed<unknown> }
  readonly containers: (signal: AbortSignal) => Promise<ContainerSummary[]>
  /** Whether a follower should go on waiting when none of the containers runs. */
  readonly isExpected: () => boolean
}

/** A replacement leaves a moment without any container. */
const PATIENCE_MS = 1500
/** An Engine that comes back has not started its containers yet. */
const LOST_PATIENCE_MS = 10_000
const LOST_RETRY_MS = 1000
/** An empty log says nothing of where its stream stands. Others say it at once. */
const POSITION_MS = 500
/** A container that has just stopped may be listed as running for a moment. */
const REOPEN_MS = 100
/** So often what is written may run ahead of a follower that is still at what there is. */
const CATCH_UP_TRIES = 3

interface Position {
  readonly cursor: LogCursor
  /** It has no more to tell. */
  isClosed: boolean
}

type Beginning = Pick<LogsQuery, 'tail' | 'since' | 'until'>

export class LogSession {
  readonly #sources: LogSources
  readonly #selection: LogSelection
  readonly #sink: LogSink
  readonly #signal: AbortSignal
  readonly #introduced = new Set<string>()
  readonly #positions = new Map<string, Position>()
  readonly #open = new Map<string, Promise<void>>()
  /** Removed before they were seen. */
  readonly #vanished = new Set<string>()
  #lostMs = 0
  #wake = (): void => {}
  readonly #gone: Promise<void>

  constructor(sources: LogSources, selection: LogSelection, sink: LogSink, signal: AbortSignal) {
    this.#sources = sources
    this.#selection = selection
    this.#sink = sink
    this.#signal = signal
    this.#gone = new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }

  async run(): Promise<void> {
    if (this.#selection.of === 'previous') await this.#previous()
    else if (this.#selection.follow) await this.#follow()
    else await this.#replay()
    await this.#sink.send({ type: 'end' })
  }

  async #selected(): Promise<ContainerSummary[]> {
    const { services, index } = this.#selection
    const all = await this.#sources.containers(this.#signal)
    return all
      .filter((container) => container.Labels[COMPOSE.oneOff] !== 'True')
      .filter((container) => services.size === 0 || services.has(container.Labels[COMPOSE.service] ?? ''))
      .filter((container) => index === undefined || container.Labels[COMPOSE.number] === String(index))
      .sort((a, b) => (sourceFrame(a).name < sourceFrame(b).name ? -1 : 1))
  }

  #isSelected({ service, replica }: KeptLog): boolean {
    const { services, index } = this.#selection
    return (services.size === 0 || services.has(service)) && (index === undefined || replica === index)
  }

  async #replay(): Promise<void> {
    const containers = await this.#selected()
    for (const container of containers) await this.#introduce(sourceFrame(container))
    const stamped = this.#selection.times === 'needed' || containers.length > 1
    await this.#sendAll(mergeRecords(containers.map(({ Id }) => this.#present(Id, stamped))))
  }

  async #sendAll(records: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const block of records) {
      if (this.#signal.aborted) return
      await this.#sink.sendRecords(block)
    }
  }

  /** What there is of one container, or a gap that says why it cannot be had. */
  async *#present(id: string, stamped: boolean): AsyncGenerator<Uint8Array> {
    const { engine } = this.#sources
    try {
      const { Config } = await engine.containers.inspect(id, { signal: this.#signal })
      const query = { ...this.#beginning, follow: false }
      const reading = { source: sourceOf(id), tty: Config.Tty, stamped, cursor: new LogCursor(), query }
      yield* inBlocks(readLog(engine, id, reading, this.#signal))
    } catch (error) {
      await this.#tellFailure(id, error)
    }
  }

  get #beginning(): Beginning {
    const { tail, since, until } = this.#selection
    return { tail, ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
  }

  async #previous(): Promise<void> {
    const { tail } = this.#selection
    const kept = this.#sources.kept.list().filter((one) => this.#isSelected(one))
    const logs: AsyncIterable<Uint8Array>[] = []
    for (const one of kept) {
      const records = lastLines(this.#within(this.#sources.kept.records(one)), tail)
      if (records.length === 0) continue
      await this.#introduce(keptFrame(one))
      logs.push(once(records))
    }
    if (logs.length > 0) await this.#sendAll(mergeRecords(logs))
  }

  /** Only what was written between `since` and `until`. */
  #within(records: Uint8Array): Uint8Array {
    const { since, until } = this.#selection
    if (since === undefined && until === undefined) return records
    const from = since === undefined ? undefined : momentOf(since)
    const to = until === undefined ? undefined : momentOf(until)
    const reader = new RecordReader(records)
    const kept: Uint8Array[] = []
    while (reader.advance()) {
      const { seconds, nanoseconds } = reader
      if (from !== undefined && (seconds - from.seconds || nanoseconds - from.nanoseconds) < 0) continue
      if (to !== undefined && (seconds - to.seconds || nanoseconds - to.nanoseconds) > 0) continue
      kept.push(records.subarray(reader.at, reader.next))
    }
    return Buffer.concat(kept)
  }

  async #follow(): Promise<void> {
    const unsubscribe = this.#sources.watch.events.subscribe(({ Action, Actor }) => {
      if (Action === 'destroy' && !this.#positions.has(Actor.ID)) this.#vanished.add(Actor.ID)
      if (Action === 'start' || Action === 'destroy' || Action === 'die') this.#wake()
    })
    const unsubscribeStates = this.#sources.watch.states.subscribe(() => this.#wake())
    try {
      await this.#readOnRemoved()
      for (let round = 0; !this.#signal.aborted; round += 1) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        const containers = await this.#selectedIfThere()
        if (containers === undefined) {
          await Promise.race([woken, sleep(LOST_RETRY_MS, this.#signal)])
          continue
        }
        await this.#replayVanished()
        for (const container of containers) this.#attach(container, round === 0 ? this.#beginning : { tail: 'all' })
        if (this.#open.size > 0) await Promise.race([woken, this.#gone])
        else if (await this.#isOver(containers, woken)) return
      }
    } finally {
      unsubscribe()
      unsubscribeStates()
      await Promise.allSettled(this.#open.values())
    }
  }

  /** Undefined while the Engine is away: it comes back, and its containers with it. */
  async #selectedIfThere(): Promise<ContainerSummary[] | undefined> {
    try {
      return await this.#selected()
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'engine-unreachable' || this.#signal.aborted) throw error
      this.#lostMs = Date.now()
      return undefined
    }
  }

  async #isOver(containers: readonly ContainerSummary[], woken: Promise<void>): Promise<boolean> {
    if (containers.some((container) => container.State === 'restarting')) {
      await Promise.race([woken, sleep(PATIENCE_MS, this.#signal)])
      return false
    }
    if (this.#sources.isExpected()) {
      await Promise.race([woken, sleep(30_000, this.#signal)])
      return false
    }
    const wasLost = Date.now() - this.#lostMs < LOST_PATIENCE_MS
    await Promise.race([woken, sleep(wasLost ? LOST_PATIENCE_MS : PATIENCE_MS, this.#signal)])
    const now = await this.#selectedIfThere()
    if (now === undefined) return false
    return !now.some((container) => container.State === 'running' || container.State === 'restarting') && !wasLost
  }

  /** Containers that were read of, or came and went, before this follower read on, and are no more. */
  async #readOnRemoved(): Promise<void> {
    const { after } = this.#selection
    if (after === undefined) return
    const there = new Set((await this.#selectedIfThere())?.map(({ Id }) => Id))
    for (const kept of this.#sources.kept.list()) {
      if (there.has(kept.container) || !this.#isSelected(kept)) continue
      const known = this.#cursorOf(kept.container)
      if (known !== undefined) await this.#sendKept(kept, known)
      else if (Date.parse(kept.removedAt) > latestMs(after.values())) await this.#sendKept(kept, new LogCursor())
    }
    for (const id of after.keys()) {
      const isFound = [...there, ...this.#positions.keys()].some((other) => other.startsWith(id))
      if (isFound || there.size === 0) continue
      const message = `container ${id.slice(0, 12)} is no more, and its log was not kept`
      await this.#sink.send({ type: 'gap', reason: 'not-kept', message })
    }
  }

  #cursorOf(id: string): LogCursor | undefined {
    for (const [beginning, cursor] of this.#selection.after ?? []) if (id.startsWith(beginning)) return cursor
    return undefined
  }

  async #replayVanished(): Promise<void> {
    if (this.#vanished.size === 0) return
    const vanished = new Set(this.#vanished)
    this.#vanished.clear()
    for (const kept of this.#sources.kept.list()) {
      if (!vanished.has(kept.container) || this.#positions.has(kept.container) || !this.#isSelected(kept)) continue
      await this.#sendKept(kept, this.#cursorOf(kept.container) ?? new LogCursor())
    }
  }

  async #sendKept(kept: KeptLog, cursor: LogCursor): Promise<void> {
    let loss: Loss | undefined
    const all = this.#sources.kept.records(kept)
    const noteLoss = (found: Loss) => {
      loss = found
    }
    const records = cursor.isEmpty ? all : new RecordsAfter(cursor, noteLoss).admit(all)
    this.#positions.set(kept.container, { cursor, isClosed: true })
    if (records.length === 0) return
    await this.#introduce(keptFrame(kept))
    if (loss !== undefined) await this.#sink.send(lossFrame(sourceOf(kept.container), loss))
    await this.#sink.sendRecords(records)
    await this.#sink.send({ type: 'source-end', source: sourceOf(kept.container) })
  }

  #attach(container: ContainerSummary, beginning: Beginning): void {
    const { Id, State } = container
    const runs = State === 'running' || State === 'paused'
    const there = this.#positions.get(Id)
    if (this.#open.has(Id) || there?.isClosed === true || (there !== undefined && !runs)) return
    const known = this.#cursorOf(Id)
    const position: Position = there ?? { cursor: known?.clone() ?? new LogCursor(), isClosed: false }
    const isReadOn = there !== undefined || known !== undefined
    this.#positions.set(Id, position)
    const whole = this.#selection.after === undefined ? beginning : { tail: 'all' as const }
    const work = this.#pump(container, position, isReadOn ? undefined : whole, there !== undefined)
    const ended = work.then(() => {
      this.#open.delete(Id)
      this.#wake()
    })
    this.#open.set(Id, ended)
  }

  /** Never rejects. Without a beginning it reads on behind the position. */
  async #pump(
    container: ContainerSummary,
    position: Position,
    beginning: Beginning | undefined,
    isAgain: boolean,
  ): Promise<void> {
    const { Id, State } = container
    try {
      if (isAgain) await sleep(REOPEN_MS, this.#signal)
      await this.#introduce(sourceFrame(container))
      const { Config } = await this.#sources.engine.containers.inspect(Id, { signal: this.#signal })
      const what = { id: Id, tty: Config.Tty, position, beginning }
      if (this.#selection.until !== undefined || (State !== 'running' && State !== 'paused'))
        await this.#history(what, State === 'running' || State === 'paused' ? 'follow' : 'as it is')
      else await this.#live(what)
      if (!this.#signal.aborted) await this.#sink.send({ type: 'source-end', source: sourceOf(Id) })
    } catch (error) {
      if (this.#signal.aborted) return
      if (isEngineAway(error)) this.#lostMs = Date.now()
      else {
        position.isClosed = true
        await this.#tellFailure(Id, error)
      }
    }
  }

  /** What the Engine has by now, behind the position. */
  async #history({ id, tty, position, beginning }: Followed, how: 'as it is' | 'follow'): Promise<void> {
    const { cursor } = position
    let loss: Loss | undefined
    const query = { ...(beginning ?? { tail: 'all' as const }), follow: how === 'follow' }
    const isHidden = query.tail === 0 && cursor.isEmpty && how === 'as it is'
    const reading = {
      source: sourceOf(id),
      tty,
      stamped: true,
      cursor,
      // Nothing of it is shown, but its last line tells where what follows begins.
      query: isHidden ? { ...query, tail: 1 } : query,
      onLoss: (found: Loss) => {
        loss = found
      },
    }
    const read = readLog(this.#sources.engine, id, reading, this.#signal)
    for await (const records of how === 'follow' ? read : inBlocks(read)) {
      if (loss !== undefined) await this.#sink.send(lossFrame(reading.source, loss))
      loss = undefined
      if (!isHidden) await this.#sink.sendRecords(records)
    }
  }

  async #live(what: Followed): Promise<void> {
    const { id, tty, position, beginning } = what
    const { hub } = this.#sources
    const from = beginning === undefined && !position.cursor.isEmpty ? position.cursor : undefined
    const follower = hub.follow(id, { tty, from }, this.#signal)
    try {
      if (follower.log.covers(from)) follower.readBehind(position.cursor, follower.standAtBeginning())
      else await this.#catchUp(follower, what)
      await this.#tellLive(what)
      await this.#pass(follower, what)
    } finally {
      hub.leave(id, follower)
    }
  }

  #tellLive({ id, position }: Followed): Promise<void> {
    return this.#sink.send({ type: 'live', source: sourceOf(id), cursor: String(position.cursor) })
  }

  /** From what there is to what is written, so that nothing is missed or comes twice in between. */
  async #catchUp(follower: LiveFollower, what: Followed): Promise<void> {
    const { log } = follower
    const { cursor } = what.position
    if (!log.isPositioned) await follower.arrival(POSITION_MS)
    for (let tries = 1; !this.#signal.aborted; tries += 1) {
      const isPositioned = log.isPositioned
      const counted = follower.stand()
      if (isPositioned && what.beginning?.tail === 0 && cursor.isEmpty) {
        // Nothing of what there is is wanted: where the stream stands is where it begins.
        cursor.moveTo(counted)
        follower.readBehind(cursor, counted)
        return
      }
      const isFirst = tries === 1 || !cursor.isEmpty
      await this.#history(isFirst ? what : { ...what, beginning: { ...what.beginning, tail: 'all' } }, 'as it is')
      if (isPositioned && (follower.isInTime || tries > CATCH_UP_TRIES)) {
        follower.readBehind(cursor, counted)
        return
      }
      if (log.end !== undefined) return
      if (isPositioned) continue
      await this.#tellLive(what)
      await follower.arrival()
    }
  }

  async #pass(follower: LiveFollower, { id, position }: Followed): Promise<void> {
    const source = sourceOf(id)
    for await (const item of follower.items()) {
      switch (item.type) {
        case 'records':
          passAll(position.cursor, item.bytes)
          await this.#sink.sendRecords(item.bytes)
          break
        case 'slow': {
          const { lines, after, before } = item
          const message = `${lines} lines were missed: they came faster than they were taken`
          const span = { ...(after === undefined ? {} : { after }), before }
          await this.#sink.send({ type: 'gap', source, reason: 'slow-follower', lines, ...span, message })
          break
        }
        case 'loss':
          await this.#sink.send(lossFrame(source, item.loss))
          break
        case 'end':
          if (item.error !== undefined) throw item.error
          return
      }
    }
  }

  async #introduce(frame: ReturnType<typeof sourceFrame>): Promise<void> {
    if (this.#introduced.has(frame.container)) return
    this.#introduced.add(frame.container)
    await this.#sink.send(frame)
  }

  /** A container that is gone may have left its last lines. */
  async #tellFailure(id: string, error: unknown): Promise<void> {
    if (this.#signal.aborted) return
    const isGone = error instanceof Problem && error.engine?.status === 404
    const kept = isGone ? this.#sources.kept.list().find((one) => one.container === id) : undefined
    if (kept !== undefined) {
      await this.#sendKept(kept, this.#positions.get(id)?.cursor ?? new LogCursor())
      return
    }
    const message = error instanceof Problem ? error.message : String(error)
    const reason: Gap['reason'] = isGone ? 'not-kept' : 'unreadable'
    const hint = /does not support reading/.test(message)
      ? ': its driver hands lines on without keeping any that the Engine could read (see `logging` in the stack file)'
      : ''
    await this.#sink.send({ type: 'gap', source: sourceOf(id), reason, message: `${message}${hint}` })
  }
}

interface Followed {
  readonly id: string
  readonly tty: boolean
  readonly position: Position
  /** Undefined: read on behind the position. */
  readonly beginning: Beginning | undefined
}

const lossFrame = (source: number, { after, before }: Loss): Gap => ({
  type: 'gap',
  source,
  reason: 'not-kept',
  after,
  before,
  message: `lines between ${after} and ${before} may be missing: the Engine has not kept them`,
})

const keptFrame = ({ container, name, service, replica }: KeptLog) => ({
  type: 'source' as const,
  source: sourceOf(container),
  container,
  name,
  service,
  replica,
})

function latestMs(cursors: Iterable<LogCursor>): number {
  let latest = 0
  for (const cursor of cursors) latest = Math.max(latest, cursor.latest.seconds)
  return latest * 1000
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
