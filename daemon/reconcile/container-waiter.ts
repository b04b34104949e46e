/** Waits until a container is healthy, ready or finished: upon events, with a slow look as the net below. */
import { Problem } from '../../protocol/problems.ts'
import type { ContainerInspect, Engine } from '../engine/types.ts'
import type { Clock } from './clock.ts'
import type { EngineWatch } from './engine-watch.ts'
import { hasFailed } from './health.ts'

/** `serving`: ready, and not restarted meanwhile: a new replica is to stand by itself. */
export type Until = 'healthy' | 'completed' | 'ready' | 'serving'

/** How long to trust in events before looking again; an Engine without event stream is asked more often. */
const LOOK_MS = { connected: 10_000, lost: 1000 } as const

export class ContainerWaiter {
  readonly #engine: Engine
  readonly #watch: EngineWatch
  readonly #clock: Clock
  readonly #frozen: ReadonlySet<string>

  /** `frozen`: ids of containers that the daemon itself has paused for a moment. */
  constructor(engine: Engine, watch: EngineWatch, clock: Clock, frozen: ReadonlySet<string>) {
    this.#engine = engine
    this.#watch = watch
    this.#clock = clock
    this.#frozen = frozen
  }

  async wait(
    id: string,
    service: string,
    until: Until,
    signal: AbortSignal,
    restarts = 0,
  ): Promise<{ readonly health: 'healthy' | 'none' }> {
    const container = await this.#follow(id, signal, (now) => judge(now, service, until, restarts))
    return { health: container.State.Health?.Status === 'healthy' ? 'healthy' : 'none' }
  }

  /** Rejects once it does not serve any more. Resolves with its signal. */
  async untilFailed(id: string, service: string, signal: AbortSignal, restarts = 0): Promise<void> {
    try {
      await this.#follow(id, signal, (now) => {
        const verdict = judge(now, service, 'serving', restarts)
        return verdict === 'yes' ? 'not-yet' : verdict
      })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #follow(
    id: string,
    signal: AbortSignal,
    judgement: (container: ContainerInspect) => 'yes' | 'not-yet' | Problem,
  ): Promise<ContainerInspect> {
    let wake = (): void => {}
    const unsubscribe = this.#watch.events.subscribe((event) => {
      if (event.Actor.ID === id) wake()
    })
    try {
      for (;;) {
        signal.throwIfAborted()
        const changed = new AbortController()
        wake = () => changed.abort()
        const wasFrozen = this.#frozen.has(id)
        const container = await this.#engine.containers.inspect(id, { signal })
        const isFrozen = container.State.Paused && (wasFrozen || this.#frozen.has(id))
        const verdict = isFrozen ? 'not-yet' : judgement(container)
        if (verdict === 'yes') return container
        if (verdict !== 'not-yet') throw verdict
        await this.#clock.sleep(LOOK_MS[this.#watch.state], AbortSignal.any([changed.signal, signal]))
      }
    } finally {
      unsubscribe()
    }
  }
}

/** `restarts`: how often the Engine may have restarted it. */
function judge(
  container: ContainerInspect,
  service: string,
  until: Until,
  restarts: number,
): 'yes' | 'not-yet' | Problem {
  const { State: state } = container
  const name = container.Name.replace(/^\//, '')
  const ended = state.Status === 'exited' || state.Status === 'dead'
  if (state.Paused) {
    // Its checks rest with it: it would be waited for until somebody unpauses it, which the loop does once this run is over.
    return new Problem('dependency-failed', `container ${name} is paused`, {
      hint: `unpause it: docker unpause ${name}`,
    })
  }
  if (until === 'completed') {
    if (!ended) return 'not-yet'
    if (state.ExitCode === 0) return 'yes'
    return new Problem(
      'dependency-failed',
      `service "${service}" didn't complete successfully: exit ${state.ExitCode}`,
      {
        hint: `see what it said: evenkeel logs ${service}`,
      },
    )
  }
  if (until === 'serving' && ended && state.ExitCode === 0 && !isRestartedBy(container)) return 'yes'
  const isRestarted = until === 'serving' && (state.Restarting || container.RestartCount > restarts)
  if (ended || isRestarted) {
    const oom = state.OOMKilled ? ', killed for want of memory' : ''
    return new Problem('dependency-failed', `container ${name} exited (${state.ExitCode}${oom})`, {
      hint: `see what it said: evenkeel logs ${service}`,
    })
  }
  if (state.Health === undefined || state.Health.Status === 'none') {
    if (until === 'ready' || until === 'serving') return state.Running ? 'yes' : 'not-yet'
    return new Problem('dependency-failed', `container ${name} has no healthcheck configured`, {
      hint: `add services.${service}.healthcheck, or depend on it with condition: service_started`,
    })
  }
  if (state.Health.Status === 'healthy') return 'yes'
  if (state.Health.Status === 'starting' || !hasFailed(container)) return 'not-yet'
  const last = state.Health.Log.at(-1)
  const words =
    last === undefined ? '' : `: its last check exited ${last.ExitCode}: ${last.Output.trim().slice(0, 300)}`
  return new Problem('dependency-failed', `container ${name} is unhealthy${words}`, {
    hint: `see what it said: evenkeel logs ${service}`,
  })
}

/** What ends well, and is meant to stay so, has done its work. */
function isRestartedBy({ HostConfig }: ContainerInspect): boolean {
  const policy = HostConfig.RestartPolicy?.Name
  return policy === 'always' || policy === 'unless-stopped'
}
