/**
 * The logs of a stack for one follower. It reads from the Engine only as fast as the follower takes: the Engine's own
 * log files are the buffer, so nothing is lost and nothing piles up here. Containers that come later join in.
 */

import type { Feed } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { LogFrame } from '../../protocol/streams.ts'
import type { ContainerSummary, Engine, EngineEvent } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import { LineSplitter, type LogEntry } from './line-splitter.ts'
import type { LogSelection } from './log-query.ts'

export interface LogSink {
  /** Resolves when there is room for more. */
  send(frame: LogFrame): Promise<void>
}

export interface LogSources {
  readonly engine: Engine
  /** Events of our containers, and whether they can be relied on. */
  readonly watch: { readonly events: Feed<EngineEvent>; readonly states: Feed<unknown> }
  readonly containers: (signal: AbortSignal) => Promise<ContainerSummary[]>
  /** Whether a follower should go on waiting when none of the containers runs. */
  readonly isExpected: () => boolean
}

/** A replacement leaves a moment without any container. */
const PATIENCE_MS = 1500

export class LogSession {
  readonly #sources: LogSources
  readonly #selection: LogSelection
  readonly #sink: LogSink
  readonly #signal: AbortSignal
  readonly #numbers = new Map<string, number>()
  readonly #open = new Map<string, Promise<void>>()
  /** Time of the last line by container: from there a restarted one goes on. */
  readonly #seen = new Map<string, string>()

  constructor(sources: LogSources, selection: LogSelection, sink: LogSink, signal: AbortSignal) {
    this.#sources = sources
    this.#selection = selection
    this.#sink = sink
    this.#signal = signal
  }

  async run(): Promise<void> {
    if (this.#selection.follow) await this.#follow()
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
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  }

  /** What there is, merged by time. */
  async #replay(): Promise<void> {
    const heads: { entry: LogEntry; source: number; rest: AsyncIterator<LogEntry[]>; batch: LogEntry[] }[] = []
    for (const container of await this.#selected()) {
      const rest = this.#entries(container)[Symbol.asyncIterator]()
      const batch = await next(rest)
      if (batch === undefined) continue
      heads.push({ entry: batch.shift()!, source: await this.#introduce(container), rest, batch })
    }
    let source = -1
    let lines: LogEntry[] = []
    let bytes = 0
    const flush = async () => {
      if (lines.length > 0) await this.#sink.send({ type: 'lines', source, lines })
      lines = []
      bytes = 0
    }
    while (heads.length > 0 && !this.#signal.aborted) {
      let first = heads[0]!
      for (const head of heads) if (isBefore(head.entry.t, first.entry.t)) first = head
      if (first.source !== source || bytes > FRAME_BYTES) {
        await flush()
        source = first.source
      }
      lines.push(first.entry)
      bytes += first.entry.m.length
      if (first.batch.length === 0) first.batch = (await next(first.rest)) ?? []
      const entry = first.batch.shift()
      if (entry === undefined) heads.splice(heads.indexOf(first), 1)
      else first.entry = entry
    }
    await flush()
  }

  async #follow(): Promise<void> {
    let wake = (): void => {}
    const unsubscribe = this.#sources.watch.events.subscribe((event) => {
      if (event.Action === 'start' || event.Action === 'destroy' || event.Action === 'die') wake()
    })
    const unsubscribeStates = this.#sources.watch.states.subscribe(() => wake())
    try {
      while (!this.#signal.aborted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        const containers = await this.#selected()
        for (const container of containers) this.#attach(container)
        if (this.#open.size > 0) await Promise.race([woken, ...this.#open.values(), aborted(this.#signal)])
        else if (await this.#isOver(containers, woken)) return
      }
    } finally {
      unsubscribe()
      unsubscribeStates()
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
    await Promise.race([woken, sleep(PATIENCE_MS, this.#signal)])
    const now = await this.#selected()
    return !now.some((container) => container.State === 'running' || container.State === 'restarting')
  }

  #attach(container: ContainerSummary): void {
    const runs = container.State === 'running' || container.State === 'paused'
    if (this.#open.has(container.Id) || (!runs && this.#seen.has(container.Id))) return
    const work = this.#pump(container).finally(() => this.#open.delete(container.Id))
    this.#open.set(container.Id, work)
  }

  async #pump(container: ContainerSummary): Promise<void> {
    const source = await this.#introduce(container)
    if (!this.#seen.has(container.Id)) this.#seen.set(container.Id, '')
    for await (const entries of this.#entries(container)) {
      for (let at = 0; at < entries.length; ) {
        let bytes = 0
        const from = at
        while (at < entries.length && bytes < FRAME_BYTES) bytes += entries[at++]!.m.length
        await this.#sink.send({ type: 'lines', source, lines: entries.slice(from, at) })
      }
      const last = entries.at(-1)
      if (last !== undefined) this.#seen.set(container.Id, last.t)
    }
    if (!this.#signal.aborted) await this.#sink.send({ type: 'source-end', source })
  }

  async #introduce(container: ContainerSummary): Promise<number> {
    const known = this.#numbers.get(container.Id)
    if (known !== undefined) return known
    const source = this.#numbers.size
    this.#numbers.set(container.Id, source)
    await this.#sink.send({
      type: 'source',
      source,
      container: container.Id,
      name: nameOf(container),
      service: container.Labels[COMPOSE.service] ?? '',
      replica: Number(container.Labels[COMPOSE.number] ?? 0),
    })
    return source
  }

  async *#entries(container: ContainerSummary): AsyncGenerator<LogEntry[]> {
    const { engine } = this.#sources
    const { follow, tail, since, until } = this.#selection
    const seen = this.#seen.get(container.Id)
    const splitters = { stdout: new LineSplitter('stdout'), stderr: new LineSplitter('stderr') }
    try {
      const { Config } = await engine.containers.inspect(container.Id, { signal: this.#signal })
      const from = seen ? after(seen) : since
      const query = {
        tty: Config.Tty,
        follow,
        timestamps: true,
        tail: seen ? ('all' as const) : tail,
        ...(from === undefined ? {} : { since: from }),
        ...(until === undefined ? {} : { until }),
      }
      for await (const chunk of engine.containers.logs(container.Id, query, { signal: this.#signal })) {
        const entries = splitters[chunk.stream].push(chunk.data)
        if (entries.length > 0) yield entries
      }
      const left = [...splitters.stdout.finish(), ...splitters.stderr.finish()]
      if (left.length > 0) yield left
    } catch (error) {
      if (this.#signal.aborted) return
      const message = error instanceof Problem ? error.message : String(error)
      const gone = error instanceof Problem && error.engine?.status === 404
      const source = await this.#introduce(container)
      await this.#sink.send({ type: 'gap', source, reason: gone ? 'not-kept' : 'unreadable', lines: 0, message })
    }
  }
}

/** Lines of one frame, in characters, roughly. */
const FRAME_BYTES = 32_768

const nameOf = (container: ContainerSummary): string => (container.Names[0] ?? container.Id).replace(/^\//, '')

/** Decimal strings of nanoseconds: the longer is the later. */
const isBefore = (a: string, b: string): boolean => (a.length === b.length ? a < b : a.length < b.length)

/** One nanosecond later, as the Engine takes it. */
function after(nanoseconds: string): string {
  const next = String(BigInt(nanoseconds) + 1n).padStart(10, '0')
  return `${next.slice(0, -9)}.${next.slice(-9)}`
}

async function next(iterator: AsyncIterator<LogEntry[]>): Promise<LogEntry[] | undefined> {
  for (;;) {
    const { done, value } = await iterator.next()
    if (done === true) return undefined
    if (value.length > 0) return [...value]
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
