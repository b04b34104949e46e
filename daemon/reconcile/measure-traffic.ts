/** What came to a stack's services through the ingress while a deployment was carried out. */
import type { ServiceTraffic } from '../../protocol/resources/deployment.ts'
import { byService, type ServiceCounters, Tally, type TallyState } from '../ingress/traffic.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { unwritable } from '../store/unwritable.ts'
import type { Core } from './core.ts'

type MeasureCore = Pick<Core, 'ingress' | 'store' | 'clock' | 'log'>

/** A worker that ends between two looks takes with it what it has counted since the first of them. */
const LOOK_MS = 250

/** It goes on over a crash of the daemon: where it began stands in `memory`. */
export class TrafficMeasure {
  readonly #core: MeasureCore
  readonly #stack: string
  readonly #deployment: string
  readonly #over = new AbortController()
  readonly #looking: Promise<void>
  #tally: Tally | undefined

  private constructor(core: MeasureCore, stack: string, deployment: string) {
    this.#core = core
    this.#stack = stack
    this.#deployment = deployment
    const begun = core.store.memory.all(stack, 'traffic')[deployment] as TallyState | undefined
    if (begun !== undefined) this.#tally = Tally.goOn(begun)
    this.#looking = this.#lookOnAndOn()
  }

  /**
   * Resolves once it has looked for the first time: what comes from now on is counted. Undefined where the ingress neither has
   * nor is to have anything of the stack.
   */
  static async begin(
    core: MeasureCore,
    { stack, services }: DesiredStack,
    deployment: string,
  ): Promise<TrafficMeasure | undefined> {
    const isRouted = Object.values(services).some(({ routing }) => routing !== undefined)
    if (!isRouted && Object.keys(core.store.memory.all(stack, 'published')).length === 0) return undefined
    const measure = new TrafficMeasure(core, stack, deployment)
    await measure.#look()
    return measure
  }

  /** Of services that the ingress has or had; empty where it has none, or never answered. */
  async end(): Promise<readonly ServiceTraffic[]> {
    this.#over.abort()
    await this.#looking
    await this.#look()
    return this.#tally === undefined ? [] : byService(this.#stack, this.#tally.total).map(toTraffic)
  }

  async #lookOnAndOn(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#core.clock.sleep(LOOK_MS, this.#over.signal)
      await this.#look()
    }
  }

  /** Never rejects: it is told for people, and no deployment is to fail for it. */
  async #look(): Promise<void> {
    const { ingress, store, log } = this.#core
    try {
      const reading = await ingress.traffic()
      if (reading === undefined) return
      const isNew = this.#tally === undefined
      this.#tally ??= Tally.from(reading)
      const hasChanged = this.#tally.see(reading)
      if (isNew || hasChanged) store.memory.set(this.#stack, 'traffic', this.#deployment, this.#tally.state)
    } catch (err) {
      if (unwritable(err) === undefined)
        log.warn({ err, stack: this.#stack }, 'what comes through the ingress is not known')
    }
  }
}

function toTraffic({ service, protocol, seen, status5xx, unreached, cut, retries, slow }: ServiceCounters) {
  return protocol === 'http'
    ? { service, protocol, seen, failed: status5xx + cut, status5xx, cut, retries, slow }
    : { service, protocol, seen, failed: unreached + cut, unreached, cut, retries }
}
