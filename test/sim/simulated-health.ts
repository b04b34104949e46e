/** Health checks, as dockerd asks them: one says it all, for as its program is now, it stays. */
import type { Scheduler } from './clock.ts'
import type { MachineObserver, SimulatedContainer } from './simulated-objects.ts'

/** What the stacks of the schedules say, and what the Engine takes where nothing is said. */
const RETRIES = 3
/** From the end of a pause to the next check. */
const CHECK_MS = 1000
/** When one that never becomes healthy is known to be unhealthy. */
const UNHEALTHY_MS = 1500

interface HealthParts {
  readonly scheduler: Scheduler
  readonly observer: () => MachineObserver | undefined
  readonly emit: (container: SimulatedContainer, action: string) => void
}

export class SimulatedHealth {
  readonly #parts: HealthParts

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** The container has just begun to run. */
  reset(container: SimulatedContainer): void {
    container.health = hasHealthcheck(container) ? 'starting' : undefined
    container.failingStreak = 0
  }

  /** Its program runs: the first answer comes when the program says. */
  ask(container: SimulatedContainer): void {
    const { healthyAfterMs } = container.program
    this.#askLater(container, healthyAfterMs === 'never' ? UNHEALTHY_MS : healthyAfterMs)
  }

  /** moby calls it unhealthy until it is asked again, though no check has failed. */
  paused(container: SimulatedContainer): void {
    this.ended(container)
    if (container.health !== undefined) container.health = 'unhealthy'
  }

  unpaused(container: SimulatedContainer): void {
    this.#askLater(container, CHECK_MS)
  }

  ended(container: SimulatedContainer): void {
    if (container.health === 'healthy') this.#parts.observer()?.unwell(container)
  }

  #askLater(container: SimulatedContainer, afterMs: number): void {
    if (container.health === undefined) return
    const { process } = container
    const { scheduler, observer, emit } = this.#parts
    scheduler.after(afterMs, () => {
      // That of one that is paused begins again with its end.
      if (container.process !== process || container.state !== 'running') return
      const before = container.health
      const isWell = container.program.healthyAfterMs !== 'never'
      container.health = isWell ? 'healthy' : 'unhealthy'
      container.failingStreak = isWell ? 0 : RETRIES
      if (container.health === before) return
      if (isWell) observer()?.healthy(container)
      emit(container, `health_status: ${container.health}`)
    })
  }
}

function hasHealthcheck(container: SimulatedContainer): boolean {
  const check = container.body.Healthcheck as { Test?: string[] } | undefined
  return check?.Test !== undefined && check.Test[0] !== 'NONE'
}
