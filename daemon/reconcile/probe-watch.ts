/**
 * Asks replicas by the probes of their service for as long as they run. One that is not ready is taken out of the ingress by
 * itself, without waiting for the stack's loop, which may be in the middle of a long drain; that one is not alive is for the
 * loop to act on. Nothing of it is remembered but what the ingress has.
 */
import { Channel } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import type { Ingress } from '../ingress/ingress.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { isCurrent } from '../stack/match.ts'
import type { Observed } from '../stack/observed.ts'
import { judgeProbe, NO_RECORD, type Probe, type Probes, probedAt, readyWithinMs } from '../stack/probe.ts'
import { declarationOf } from '../stack/trial.ts'
import { ProbeAsker } from './ask-probe.ts'
import type { Clock } from './clock.ts'
import type { EventRecorder } from './event-recorder.ts'

export interface Probed {
  readonly stack: string
  readonly service: string
  readonly id: string
  readonly name: string
  readonly address: string | undefined
  readonly probes: Probes
}

interface Parts {
  readonly engine: Engine
  readonly clock: Clock
  readonly ingress: Pick<Ingress, 'setReady'>
  readonly recorder: Pick<EventRecorder, 'record'>
  readonly log: { warn(fields: object, message: string): void }
}

interface Following {
  of: Probed
  readonly over: AbortController
  isDead: boolean
}

/** A new replica is asked more often, so that it counts soon. */
const FIRST_LOOKS_MS = 500

export class ProbeWatch {
  /** Names of stacks of which a replica is no longer alive, or is again. */
  readonly changes = new Channel<string>()
  readonly #parts: Parts
  readonly #following = new Map<string, Following>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * What runs of a stack. A container of an older version goes on being asked what that version asks; what is gone is asked
   * no longer. Answers the same with those that are not alive as unhealthy.
   */
  observe(desired: DesiredStack, observed: Observed): Observed {
    const { stack } = desired
    const there = new Set<string>()
    for (const container of observed.containers) {
      const service = declarationOf(container, desired)
      if (container.ownership !== 'ours' || container.oneOff || container.state !== 'running') continue
      there.add(container.id)
      if (service === undefined || !isCurrent(container, service)) continue
      const { id, name, addresses, networkMode } = container
      // It may have been asked once, and found not to be.
      if (service.routing !== undefined && service.probes?.ready === undefined) this.#setReady({ stack, id }, 'passing')
      if (service.probes === undefined) this.#leave(id)
      else {
        const address = probedAt(addresses, service.networks, networkMode)
        this.follow({ stack, service: service.service, id, name, address, probes: service.probes })
      }
    }
    for (const [id, { of }] of this.#following) if (of.stack === stack && !there.has(id)) this.#leave(id)
    const isDead = (id: string): boolean => this.#following.get(id)?.isDead === true
    if (![...there].some(isDead)) return observed
    const containers = observed.containers.map((one) =>
      isDead(one.id) ? { ...one, health: 'unhealthy' as const } : one,
    )
    return { ...observed, containers }
  }

  follow(of: Probed): void {
    const before = this.#following.get(of.id)
    if (before !== undefined && isSameButForName(before.of, of)) {
      before.of = of
      return
    }
    this.#leave(of.id)
    const following = { of, over: new AbortController(), isDead: false }
    this.#following.set(of.id, following)
    const { ready, alive } = of.probes
    if (ready !== undefined)
      void this.#ask(following, ready, (verdict, why) => this.#turnReady(following.of, verdict, why))
    if (alive !== undefined)
      void this.#ask(following, alive, (verdict, why) => this.#turnAlive(following, verdict, why))
  }

  /** Resolves when a new replica has passed; rejects when its time for that is over, or with its signal. */
  async untilReady(of: Probed, signal: AbortSignal, report: (detail: string) => void): Promise<void> {
    const { ready } = of.probes
    if (ready === undefined) return
    const { engine, clock } = this.#parts
    const asker = new ProbeAsker(engine, of, ready)
    const endMs = clock.now().getTime() + readyWithinMs(ready)
    for (let record = NO_RECORD; record.verdict !== 'passing'; ) {
      const why = await asker.ask(signal)
      record = judgeProbe(record, why === undefined ? 'ok' : 'failed', { ...ready, startPeriodMs: Infinity }, 0)
      if (why !== undefined && clock.now().getTime() >= endMs)
        throw new Problem('dependency-failed', `container ${of.name} is not ready: ${why}`, {
          hint: `give it longer with services.${of.service}.x-evenkeel.ready.start_period, or see: evenkeel logs ${of.service}`,
        })
      if (why !== undefined) report(`not ready yet: ${why}`)
      if (record.verdict !== 'passing') await clock.sleep(Math.min(ready.intervalMs, FIRST_LOOKS_MS), signal)
      signal.throwIfAborted()
    }
  }

  stop(): void {
    for (const id of [...this.#following.keys()]) this.#leave(id)
  }

  #leave(id: string): void {
    this.#following.get(id)?.over.abort()
    this.#following.delete(id)
  }

  async #ask({ of, over }: Following, probe: Probe, turned: (verdict: 'passing' | 'failing', why: string) => void) {
    const { engine, clock } = this.#parts
    const asker = new ProbeAsker(engine, of, probe)
    const sinceMs = clock.now().getTime()
    let record = NO_RECORD
    while (!over.signal.aborted) {
      // It rejects with the signal alone.
      const why = await asker.ask(over.signal).catch(() => undefined)
      if (over.signal.aborted) return
      const next = judgeProbe(record, why === undefined ? 'ok' : 'failed', probe, clock.now().getTime() - sinceMs)
      if (next.verdict !== undefined && next.verdict !== record.verdict) turned(next.verdict, why ?? '')
      record = next
      await clock.sleep(probe.intervalMs, over.signal)
    }
  }

  #turnReady(of: Probed, verdict: 'passing' | 'failing', why: string): void {
    this.#setReady(of, verdict)
    if (verdict === 'failing') this.#tell(of, 'container.not-ready', `container ${of.name} is not ready: ${why}`)
  }

  #turnAlive(following: Following, verdict: 'passing' | 'failing', why: string): void {
    const { of } = following
    const wasDead = following.isDead
    following.isDead = verdict === 'failing'
    if (following.isDead) this.#tell(of, 'container.not-alive', `container ${of.name} is not alive: ${why}`)
    if (following.isDead !== wasDead) this.changes.publish(of.stack)
  }

  #setReady({ stack, id }: Pick<Probed, 'stack' | 'id'>, verdict: 'passing' | 'failing'): void {
    const { ingress, log } = this.#parts
    ingress
      .setReady(stack, id, verdict === 'passing' ? 'ready' : 'unready')
      .catch((err) =>
        log.warn({ err, stack, container: id }, 'the ingress does not know yet whether a container is ready'),
      )
  }

  #tell({ stack, id, name }: Probed, type: string, message: string): void {
    const { recorder, clock, log } = this.#parts
    log.warn({ stack, container: name }, message)
    recorder.record({ at: clock.now().toISOString(), stack, type, container: id, message, attributes: { name } })
  }
}

/** A successor gets the name of whom it takes over from. */
const isSameButForName = (one: Probed, other: Probed): boolean =>
  JSON.stringify({ ...one, name: '' }) === JSON.stringify({ ...other, name: '' })
