/** Follows the logs of all containers of a stack: of those that are there, of those that come, and the rest of those that go. */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { Problem } from '../../protocol/problems.ts'
import type { ContainerSummary } from '../engine/types.ts'
import { FollowedLog } from './followed-log.ts'
import type { KeptLog } from './kept-logs.ts'
import type { LogOutlet } from './log-outlet.ts'
import type { LogSources } from './log-ports.ts'
import { type LogSelection, millisecondsOf } from './log-query.ts'
import { isEngineAway, isGone, type Loss, RecordsAfter } from './log-reading.ts'
import { isSelected, selectedOf, spanOf, withinSpan } from './log-selection.ts'
import { removedFrame, sourceFrame } from './log-source.ts'

/** A replacement leaves a moment without any container. */
const PATIENCE_MS = 1500
const EXPECTED_PATIENCE_MS = 30_000
/** An Engine that comes back has not started its containers yet. */
const LOST_PATIENCE_MS = 10_000
const LOST_RETRY_MS = 1000
/** A container that has just stopped may be listed as running for a moment. */
const REOPEN_MS = 100

export class ContainersFollowing {
  readonly #sources: LogSources
  readonly #selection: LogSelection
  readonly #outlet: LogOutlet
  readonly #signal: AbortSignal
  /** Of the containers that are there, or were until just now. */
  readonly #logs = new Map<string, FollowedLog>()
  /** Those of them that are being read. */
  readonly #open = new Map<string, Promise<void>>()
  /** Removed before they were seen. */
  readonly #vanished = new Set<string>()
  /** Started again since they were last looked at: they may have written something and ended. */
  readonly #restarted = new Set<string>()
  /** Removed while they were read. */
  readonly #cutOff = new Set<string>()
  /** The time of the last line that a follower who reads on has, of whatever container; 0 where there is none. */
  readonly #latestMs: number
  #lostMs = 0
  #idleSinceMs: number | undefined
  #failure: { readonly error: unknown } | undefined
  #wake = (): void => {}

  constructor(sources: LogSources, selection: LogSelection, outlet: LogOutlet, signal: AbortSignal) {
    this.#sources = sources
    this.#selection = selection
    this.#outlet = outlet
    this.#signal = signal
    this.#latestMs = latestMs(selection.after)
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  /** Until nothing runs any more, or nobody follows. */
  async run(): Promise<void> {
    const unsubscribe = this.#sources.watch.events.subscribe(({ Action, Actor: { ID } }) => {
      if (Action === 'destroy' && !this.#logs.has(ID)) this.#vanished.add(ID)
      if (Action === 'start' && this.#logs.has(ID)) this.#restarted.add(ID)
      if (Action === 'start' || Action === 'destroy' || Action === 'die') this.#wake()
    })
    const unsubscribeStates = this.#sources.watch.states.subscribe(() => this.#wake())
    try {
      let isFirst = true
      while (!this.#signal.aborted) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        if (this.#failure !== undefined) throw this.#failure.error
        const containers = await this.#listed()
        if (containers === undefined) {
          await this.#rest(woken, LOST_RETRY_MS)
          continue
        }
        const there = new Set(containers.map(({ Id }) => Id))
        if (isFirst) await this.#readOnRemoved(there)
        await this.#settle(there)
        const selected = selectedOf(containers, this.#selection)
        for (const container of selected) this.#attach(container, isFirst ? this.#selection.tail : 'all')
        isFirst = false
        if (this.#open.size > 0) {
          this.#idleSinceMs = undefined
          await woken
        } else if (await this.#isOver(selected, woken)) return
      }
    } finally {
      unsubscribe()
      unsubscribeStates()
      await Promise.allSettled(this.#open.values())
    }
  }

  /** Until something happens, but no longer than this. */
  async #rest(woken: Promise<void>, ms: number): Promise<void> {
    const isOver = new AbortController()
    await Promise.race([woken, this.#sources.clock.sleep(ms, AbortSignal.any([this.#signal, isOver.signal]))])
    isOver.abort()
  }

  /** Undefined while the Engine is away: it comes back, and its containers with it. */
  async #listed(): Promise<ContainerSummary[] | undefined> {
    try {
      return await this.#sources.containers(this.#signal)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'engine-unreachable' || this.#signal.aborted) throw error
      this.#lostMs = this.#nowMs
      return undefined
    }
  }

  get #nowMs(): number {
    return this.#sources.clock.now().getTime()
  }

  /** Whether nothing is read, and has not been for so long that nothing will be. Waits where it may still be. */
  async #isOver(selected: readonly ContainerSummary[], woken: Promise<void>): Promise<boolean> {
    const { until } = this.#selection
    if (until !== undefined && millisecondsOf(until) <= this.#nowMs) return true
    this.#idleSinceMs ??= this.#nowMs
    if (this.#sources.isExpected() || selected.some(({ State }) => State === 'running' || State === 'restarting')) {
      await this.#rest(woken, EXPECTED_PATIENCE_MS)
      return false
    }
    const wasLost = this.#nowMs - this.#lostMs < LOST_PATIENCE_MS
    const leftMs = this.#idleSinceMs + (wasLost ? LOST_PATIENCE_MS : PATIENCE_MS) - this.#nowMs
    if (leftMs <= 0) return true
    await this.#rest(woken, leftMs)
    return false
  }

  /** Containers that were read of, or came and went, before this follower read on, and are no more. */
  async #readOnRemoved(there: ReadonlySet<string>): Promise<void> {
    const { after } = this.#selection
    if (after === undefined) return
    const found = new Set(there)
    for (const kept of this.#sources.kept.list()) {
      found.add(kept.container)
      if (there.has(kept.container)) continue
      const known = this.#knownOf(kept.container)
      const cameAndWent = this.#latestMs > 0 && Date.parse(kept.removedAt) > this.#latestMs
      if (known instanceof LogCursor || (known === undefined && cameAndWent))
        await this.#sendLast(kept, known ?? new LogCursor())
    }
    for (const [beginning, known] of after) {
      const id = [...found].find((one) => one.startsWith(beginning))
      if (known === 'gone' || (id !== undefined && there.has(id))) continue
      if (id === undefined) await this.#outlet.notKept(beginning)
      await this.#outlet.gone(beginning, known)
    }
  }

  /** What a follower who reads on has of a container. */
  #knownOf(id: string): LogCursor | 'gone' | undefined {
    for (const [beginning, known] of this.#selection.after ?? []) if (id.startsWith(beginning)) return known
    return undefined
  }

  /** Sends what containers that are no more have left and was not sent yet. */
  async #settle(there: ReadonlySet<string>): Promise<void> {
    const ids = [...new Set([...this.#logs.keys(), ...this.#vanished])]
    const gone = ids.filter((id) => !there.has(id) && !this.#open.has(id))
    if (gone.length === 0) return
    for (const id of gone) {
      const log = this.#logs.get(id)
      const known = log?.cursor ?? this.#knownOf(id) ?? new LogCursor()
      const isCutOff = this.#cutOff.has(id)
      for (const group of [this.#logs, this.#vanished, this.#restarted, this.#cutOff]) group.delete(id)
      const kept = log?.isClosed === true || known === 'gone' ? undefined : this.#sources.kept.find(id)
      if (kept !== undefined && known !== 'gone') await this.#sendLast(kept, known)
      else if (isCutOff) await this.#outlet.notKept(id)
      if (log !== undefined) await this.#outlet.gone(id, log.cursor)
    }
  }

  /** What a container that is no more wrote behind the cursor. */
  async #sendLast(kept: KeptLog, cursor: LogCursor): Promise<void> {
    if (!isSelected(kept, this.#selection)) return
    let loss: Loss | undefined
    const noteLoss = (found: Loss) => {
      loss = found
    }
    const all = withinSpan(this.#sources.kept.records(kept), spanOf(this.#selection))
    const records = cursor.isEmpty ? all : new RecordsAfter(cursor, noteLoss).admit(all)
    if (records.length === 0) return
    await this.#outlet.introduce(removedFrame(kept))
    if (loss !== undefined) await this.#outlet.lost(kept.container, loss)
    await this.#outlet.records(records)
    await this.#outlet.gone(kept.container, cursor)
  }

  #attach(container: ContainerSummary, tail: number | 'all'): void {
    const { Id, State } = container
    const runs = State === 'running' || State === 'paused'
    const there = this.#logs.get(Id)
    if (this.#open.has(Id) || there?.isClosed === true) return
    if (there !== undefined && !runs && !this.#restarted.has(Id)) return
    this.#restarted.delete(Id)
    const log = there ?? this.#logOf(Id)
    this.#logs.set(Id, log)
    const ended = this.#read(log, container, tail, there === undefined ? 'at once' : 'again')
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .then(() => {
        this.#open.delete(Id)
        this.#wake()
      })
    this.#open.set(Id, ended)
  }

  #logOf(id: string): FollowedLog {
    const known = this.#knownOf(id)
    const cursor = known === undefined || known === 'gone' ? new LogCursor() : known.clone()
    const of = { id, cursor, span: spanOf(this.#selection) }
    return new FollowedLog(of, this.#sources, this.#outlet, this.#signal)
  }

  async #read(
    log: FollowedLog,
    container: ContainerSummary,
    tail: number | 'all',
    when: 'at once' | 'again',
  ): Promise<void> {
    const { id } = log
    try {
      if (when === 'again') await this.#sources.clock.sleep(REOPEN_MS, this.#signal)
      await this.#outlet.introduce(sourceFrame(container))
      const { Config, State } = await this.#sources.engine.containers.inspect(id, { signal: this.#signal })
      const state = container.State === 'running' || container.State === 'paused' ? 'runs' : 'has ended'
      await log.read({ tty: Config.Tty, state }, this.#isNew(id, State.StartedAt) ? 'all' : tail)
      if (!this.#signal.aborted) await this.#outlet.ended(id, log.cursor)
    } catch (error) {
      if (this.#signal.aborted) return
      if (isEngineAway(error)) this.#lostMs = this.#nowMs
      else if (isGone(error)) this.#cutOff.add(id)
      else {
        log.isClosed = true
        await this.#outlet.unreadable(id, error)
      }
    }
  }

  /**
   * Of a follower who reads on: whether all that this container wrote came while he was away. One that he names he has read
   * of; one that ran before is one of which he had not been sent anything yet.
   */
  #isNew(id: string, startedAt: string): boolean {
    if (this.#selection.after === undefined) return false
    return this.#knownOf(id) !== undefined || Date.parse(startedAt) > this.#latestMs
  }
}

function latestMs(after: LogSelection['after']): number {
  let latest = 0
  for (const known of after?.values() ?? []) {
    if (known === 'gone') continue
    const { seconds, nanoseconds } = known.latest
    latest = Math.max(latest, seconds * 1000 + nanoseconds / 1e6)
  }
  return latest
}
