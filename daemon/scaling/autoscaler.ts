/**
 * Keeps services that scale by themselves at as many replicas as they need: looks now and then at what their containers
 * use, and asks for what it finds by the same request as a person who scales. What is held or being changed is left alone.
 */
import { Problem } from '../../protocol/problems.ts'
import type { ScaleRequest } from '../../protocol/resources/stack.ts'
import { type Autoscale, autoscaleOf } from '../../protocol/stackfile/autoscale.ts'
import type { Service } from '../../protocol/stackfile/model.ts'
import type { ContainerSummary, Engine } from '../engine/types.ts'
import type { Ingress } from '../ingress/ingress.ts'
import { byService, Tally } from '../ingress/traffic.ts'
import type { Clock } from '../reconcile/clock.ts'
import { deadline } from '../reconcile/deadline.ts'
import type { EventRecorder } from '../reconcile/event-recorder.ts'
import { declaredReplicas } from '../stack/desired.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import type { Store } from '../store/store.ts'
import { type Decision, decide, type Load, type Look } from './decide.ts'
import { type Counters, countersOf, usedBetween } from './meters.ts'

interface Parts {
  readonly engine: Engine
  readonly store: Store
  readonly clock: Clock
  readonly ingress: Pick<Ingress, 'traffic'>
  readonly recorder: EventRecorder
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  readonly scale: (stack: string, request: ScaleRequest, caller: { readonly name: string }) => Promise<unknown>
  /** From one look to the next: what is used is the mean of that time. */
  readonly everyMs: number
}

interface Scaled {
  readonly service: string
  readonly policy: Autoscale
  readonly spec: Service
  /** Replicas where nobody has scaled it yet. */
  readonly declared: number
}

type Rates = (stack: string, service: string) => number

interface Looking {
  readonly counters: Map<string, Counters>
  readonly looks: Map<string, readonly Look[]>
  readonly rates: Rates | undefined
}

const NAME = 'autoscaler'
const LOOK_LIMIT_MS = 10_000
/** Containers whose counters are read at a time. */
const AT_ONCE = 4

export class Autoscaler {
  readonly #parts: Parts
  /** Of a revision, which does not change. */
  readonly #policies = new Map<string, { readonly revision: number; readonly scaled: readonly Scaled[] }>()
  /** By container id. */
  #counters = new Map<string, Counters>()
  /** What came through the ingress since the last look, where a service scales by that. */
  #tally: Tally | undefined
  #talliedAtMs = 0
  /** By stack and service. */
  #looks = new Map<string, readonly Look[]>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs, log } = this.#parts
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal)
      if (signal.aborted) return
      try {
        await this.look()
      } catch (err) {
        log.warn({ err }, 'what services use could not be looked at; it is tried again')
      }
    }
  }

  async look(): Promise<void> {
    const { store, log } = this.#parts
    const counters = new Map<string, Counters>()
    const looks = new Map<string, readonly Look[]>()
    const present = store.stacks.all().filter(({ presence }) => presence === 'present')
    const all = present.map(({ name, revision }) => ({ name, scaled: this.#scaledOf(name, revision) }))
    const rates = await this.#rates(all.flatMap(({ scaled }) => scaled))
    for (const { name, scaled } of all) {
      if (scaled.length === 0) continue
      try {
        await this.#lookAt(name, scaled, { counters, looks, rates })
      } catch (err) {
        if (err instanceof Problem) log.warn({ stack: name, code: err.code }, `not scaled: ${err.message}`)
        else throw err
      }
    }
    // What is gone, or was not looked at, begins anew.
    this.#counters = counters
    this.#looks = looks
    const names = new Set(present.map(({ name }) => name))
    for (const name of this.#policies.keys()) if (!names.has(name)) this.#policies.delete(name)
  }

  async #lookAt(stack: string, scaled: readonly Scaled[], { counters, looks, rates }: Looking): Promise<void> {
    const { store, clock } = this.#parts
    const states = new Map(store.stacks.services(stack).map((state) => [state.service, state]))
    const running = await this.#running(stack)
    for (const { service, policy, spec, declared } of scaled) {
      const own = running.filter(({ Labels }) => Labels[COMPOSE.service] === service)
      const used = await this.#read(own, spec, counters)
      const state = states.get(service)
      // A deployment decides for itself how many there are meanwhile.
      if (state?.run !== 'running' || store.holds.of(stack) !== undefined || store.deployments.open(stack).length > 0)
        continue
      const current = state.scale ?? declared
      // Not all of them have been there from one look to the next: too early to tell.
      if (used.length !== current || used.some((one) => one === undefined)) continue
      const key = `${stack}/${service}`
      const rate = rates?.(stack, service)
      const load = { ...meanOf(used as Load[]), requests: rate === undefined ? undefined : rate / current }
      const decision = decide(policy, current, load, this.#looks.get(key) ?? [], clock.now().getTime())
      looks.set(key, decision.looks)
      if (decision.replicas !== current) await this.#scale(stack, service, current, decision)
    }
  }

  /** How much a second the ingress brought to a service since the last look; undefined: that is not known. */
  async #rates(scaled: readonly Scaled[]): Promise<Rates | undefined> {
    const isWanted = scaled.some(({ policy }) => policy.target.requests !== undefined)
    const reading = isWanted ? await this.#parts.ingress.traffic() : undefined
    const [before, sinceMs, nowMs] = [this.#tally, this.#talliedAtMs, this.#parts.clock.now().getTime()]
    this.#tally = reading === undefined ? undefined : Tally.from(reading)
    this.#talliedAtMs = nowMs
    if (before === undefined || reading === undefined || nowMs <= sinceMs) return undefined
    before.see(reading)
    const { total } = before
    return (stack, service) =>
      byService(stack, total)
        .filter((one) => one.service === service)
        .reduce((seen, one) => seen + one.seen, 0) /
      ((nowMs - sinceMs) / 1000)
  }

  async #scale(stack: string, service: string, from: number, { replicas, why }: Decision): Promise<void> {
    const { scale, recorder, clock, log } = this.#parts
    const message = `${service} goes from ${from} to ${replicas} replica(s): ${why}`
    await scale(stack, { scale: { [service]: replicas }, dependencies: 'ignore' }, { name: NAME })
    log.info({ stack, service, from, to: replicas }, message)
    recorder.record({
      at: clock.now().toISOString(),
      stack,
      type: 'service.scaled',
      message,
      attributes: { service, from: String(from), to: String(replicas) },
    })
  }

  async #running(stack: string): Promise<ContainerSummary[]> {
    const { engine, store } = this.#parts
    const label = [`${COMPOSE.project}=${stack}`, `${OURS.instance}=${store.instance}`, `${COMPOSE.oneOff}=False`]
    return engine.containers.list({ filters: { label, status: ['running'] } }, { signal: deadline(LOOK_LIMIT_MS) })
  }

  /** What each of them used since the last look; undefined: it was not there then, or is not any more. */
  async #read(
    containers: readonly ContainerSummary[],
    spec: Scaled['spec'],
    counters: Map<string, Counters>,
  ): Promise<(Load | undefined)[]> {
    const used: (Load | undefined)[] = []
    for (let from = 0; from < containers.length; from += AT_ONCE) {
      const some = containers.slice(from, from + AT_ONCE)
      used.push(
        ...(await Promise.all(
          some.map(async ({ Id }) => {
            const now = await this.#countersOf(Id)
            if (now === undefined) return undefined
            counters.set(Id, now)
            const before = this.#counters.get(Id)
            return before === undefined ? undefined : usedBetween(before, now, spec)
          }),
        )),
      )
    }
    return used
  }

  async #countersOf(id: string): Promise<Counters | undefined> {
    try {
      const query = { stream: false, oneShot: true }
      for await (const raw of this.#parts.engine.containers.stats(id, query, { signal: deadline(LOOK_LIMIT_MS) }))
        return countersOf(raw)
      return undefined
    } catch (error) {
      if (error instanceof Problem && error.engine?.status === 404) return undefined
      throw error
    }
  }

  #scaledOf(stack: string, revision: number): readonly Scaled[] {
    const known = this.#policies.get(stack)
    if (known?.revision === revision) return known.scaled
    const model = this.#parts.store.revisions.find(stack, revision)?.model
    const scaled = Object.entries(model?.services ?? {}).flatMap(([service, spec]): Scaled[] => {
      const policy = autoscaleOf(spec)
      return policy === undefined ? [] : [{ service, policy, spec, declared: declaredReplicas(model!, service) }]
    })
    this.#policies.set(stack, { revision, scaled })
    return scaled
  }
}

function meanOf(loads: readonly Load[]): Load {
  const mean = (values: readonly (number | undefined)[]): number | undefined => {
    const known = values.filter((value) => value !== undefined)
    return known.length < values.length || known.length === 0
      ? undefined
      : known.reduce((total, value) => total + value, 0) / known.length
  }
  return { cpu: mean(loads.map(({ cpu }) => cpu)), memory: mean(loads.map(({ memory }) => memory)) }
}
