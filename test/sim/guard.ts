/** The rules that hold at every step: looked at with each call that goes out and each thing that happens. */
import type { Core } from '../../daemon/reconcile/core.ts'
import type { DesiredStack } from '../../daemon/stack/desired.ts'
import { COMPOSE, OURS } from '../../daemon/stack/labels.ts'
import type { EngineCall } from './faults.ts'
import { COMPOSED } from './schedule.ts'
import type { Actor, MachineObserver, SimulatedContainer } from './simulated-objects.ts'
import { sqliteControl } from './sqlite.ts'
import type { World } from './world.ts'

/** A health that was seen by the round's look and is gone when the call goes out is no fault of the order. */
const SLACK_MS = 3000
/** No schedule needs so many. */
const DEPLOYMENTS_LIMIT = 150

interface Run {
  readonly deployment: string
  readonly kind: string
  readonly sinceMs: number
  desired: DesiredStack | undefined
}

export class Guard implements MachineObserver {
  /** Volumes that a person took away by hand. */
  readonly handRemoved = new Map<string, number>()
  /** Calls that change something. */
  changes = 0
  /** Deployments begun, the loop's own included. */
  deployments = 0
  readonly #world: World
  readonly #runs = new Map<string, Run>()
  /** What is held, and the daemon has said so: a stack's name, or `*` for all. */
  readonly held = new Set<string>()
  /** Until when a replica was healthy, was started, had finished well: by `stack service replica`. */
  readonly #healthyUntil = new Map<string, number>()
  readonly #finishedAt = new Map<string, number>()
  readonly #startedAt = new Map<string, number>()
  /** When the call went out that creates the container of this name. */
  readonly #createdAt = new Map<string, number>()
  #core: Core | undefined

  constructor(world: World) {
    this.#world = world
  }

  daemonStarts(core: Core): void {
    this.#core = core
    this.#runs.clear()
    const { deployments } = core.store
    const begin = deployments.begin.bind(deployments)
    const end = deployments.end.bind(deployments)
    const { folder } = this.#world
    const rowOf = (id: string) =>
      sqliteControl.query<{ stack: string; kind: string }>(
        folder,
        'SELECT stack, kind FROM deployments WHERE id = ?',
        id,
      )[0] ?? { stack: '', kind: '' }
    deployments.begin = (id, at) => {
      begin(id, at)
      const { stack, kind } = rowOf(id)
      const other = this.#runs.get(stack)
      if (other !== undefined && other.deployment !== id)
        this.#world.broken('one-writer', `two deployments of ${stack} run at once`)
      this.#runs.set(stack, { deployment: id, kind, sinceMs: this.#world.scheduler.nowMs, desired: undefined })
      this.deployments += 1
      if (this.deployments > DEPLOYMENTS_LIMIT)
        this.#world.broken('rests', `${DEPLOYMENTS_LIMIT} deployments, the last of ${stack}: it does not come to rest`)
      this.#world.note(`deployment of ${stack} begins`)
    }
    deployments.end = (id, how) => {
      end(id, how)
      const { stack } = rowOf(id)
      if (this.#runs.get(stack)?.deployment === id) this.#runs.delete(stack)
      this.#world.note(
        `deployment of ${stack} ends: ${how.state}${how.error === undefined ? '' : `: ${how.error.detail}`}`,
      )
      if (how.error?.code === 'internal')
        this.#world.broken('no-stray-error', `a deployment ended with an internal error: ${how.error.detail}`)
    }
  }

  daemonDied(): void {
    this.#core = undefined
    this.#runs.clear()
  }

  calling(call: EngineCall): void {
    if (call.kind === 'look') return
    this.changes += 1
    const { machine } = this.#world
    if (call.name.startsWith('images.')) return
    if (call.name === 'volumes.remove') {
      this.#removesVolume(call)
      return
    }
    if (call.name === 'networks.remove') {
      const network = machine.networks.find(call.target)
      if (network === undefined) return
      if (!this.#world.isOurNetwork(network))
        this.#world.broken('foreign-untouched', `removes network ${network.name}, which is not ours`)
      this.#mustRun(network.labels[COMPOSE.project] ?? '', call)
      return
    }
    if (call.labels !== undefined) {
      if (call.name === 'create') this.#createdAt.set(call.target, this.#world.scheduler.nowMs)
      // One-off containers are made at once, outside the loop.
      const stack = call.labels[COMPOSE.project] ?? ''
      if (call.labels[COMPOSE.oneOff] !== 'True') this.#mustRun(stack, call)
      else this.#mustNotBeHeld(stack, call)
      return
    }
    const container = machine.findContainer(call.target)
    if (container === undefined) return
    if (!this.#world.isOurs(container)) {
      this.#world.broken('foreign-untouched', `${call.name} of container ${container.name}, which is not ours`)
      return
    }
    const stack = container.labels[COMPOSE.project] ?? ''
    if (container.labels[COMPOSE.oneOff] === 'True') {
      this.#touchesOneOff(stack, container, call)
      return
    }
    this.#mustRun(stack, call)
    if (call.name === 'remove-with-volumes' && !this.#world.ledger.mayDropVolumes(stack))
      this.#world.broken('volumes-survive', `anonymous volumes of ${container.name} go, and nobody said --volumes`)
    if (call.name === 'start') this.#starts(stack, container)
  }

  ended(call: EngineCall, how: string): void {
    if (call.kind === 'look' && how === 'ok') return
    const { machine, trace } = this.#world
    if (trace === undefined) return
    const name = machine.findContainer(call.target)?.name ?? call.target.slice(0, 24)
    this.#world.note(`${call.name} ${name}: ${how}`)
  }

  started(container: SimulatedContainer, actor: Actor): void {
    this.#startedAt.set(keyOf(container), this.#world.scheduler.nowMs)
    this.#world.note(`${container.name} runs (${actor})`)
    if (actor !== 'daemon' && actor !== 'engine') return
    if (!this.#world.isOurs(container) || container.labels[COMPOSE.oneOff] === 'True') return
    const stack = container.labels[COMPOSE.project] ?? ''
    if (actor === 'engine') {
      this.#startedByEngine(stack, container)
      return
    }
    const twin = [...this.#world.machine.containers.values()].find(
      (other) => other !== container && other.state === 'running' && keyOf(other) === keyOf(container),
    )
    if (twin !== undefined && this.#world.isOurs(twin) && !this.#startsFirst(stack, container))
      this.#world.broken('one-of-each', `${container.name} was started while ${twin.name} runs as the same replica`)
  }

  #startsFirst(stack: string, container: SimulatedContainer): boolean {
    const service = this.#core?.desired.read(stack)?.services[container.labels[COMPOSE.service] ?? '']
    return service?.rollouts?.update.order === 'start-first'
  }

  healthy(container: SimulatedContainer): void {
    this.#healthyUntil.set(keyOf(container), Number.POSITIVE_INFINITY)
    this.#world.note(`${container.name} is healthy`)
  }

  unwell(container: SimulatedContainer): void {
    // Of two that are there for a while, the other one may be well.
    const isMet = [...this.#world.machine.containers.values()].some(
      (other) => other !== container && other.health === 'healthy' && keyOf(other) === keyOf(container),
    )
    if (isMet) return
    this.#healthyUntil.set(keyOf(container), this.#world.scheduler.nowMs)
  }

  exited(container: SimulatedContainer, actor: Actor): void {
    this.#world.note(`${container.name} exits with ${container.exitCode} (${actor})`)
    if (container.exitCode === 0) this.#finishedAt.set(keyOf(container), this.#world.scheduler.nowMs)
  }

  /** Until now it was one that had been started, or had finished well: a run that looked before has seen that. */
  removed(container: SimulatedContainer): void {
    const { nowMs } = this.#world.scheduler
    if (container.startedBefore) this.#startedAt.set(keyOf(container), nowMs)
    if (container.startedBefore && container.exitCode === 0) this.#finishedAt.set(keyOf(container), nowMs)
  }

  volumeRemoved(name: string, actor: Actor): void {
    this.#world.note(`volume ${name} is gone (${actor})`)
    if (actor === 'hand') this.handRemoved.set(name, this.#world.scheduler.nowMs)
  }

  volumeImplied(name: string, container: string): void {
    // Of an anonymous one that went with `down --volumes` only its name is left to a successor.
    if (/^[0-9a-f]{64}$/.test(name)) return
    // Nobody can help what is lost while the call is on its way.
    const at = this.handRemoved.get(name)
    if (at !== undefined && at >= (this.#createdAt.get(container) ?? Number.POSITIVE_INFINITY)) return
    this.#world.broken('volumes-survive', `volume ${name} was made by the way, empty and without labels`)
  }

  #removesVolume(call: EngineCall): void {
    const name = call.target
    const volume = this.#world.machine.volumes.find(name)
    if (volume === undefined) return
    const stack = volume.labels[COMPOSE.project] ?? ''
    // By Compose's rule `down --volumes` takes what carries the project's label, whoever made it.
    if (volume.labels[OURS.instance] !== this.#world.instance && stack !== COMPOSED)
      this.#world.broken('foreign-untouched', `removes volume ${name}, which is not ours`)
    else if (!this.#world.ledger.mayDropVolumes(stack))
      this.#world.broken('volumes-survive', `removes volume ${name}, and nobody said --volumes`)
    this.#mustRun(stack, call)
  }

  /** The loop by itself neither counts them nor heals them. */
  #touchesOneOff(stack: string, container: SimulatedContainer, call: EngineCall): void {
    this.#mustNotBeHeld(stack, call)
    const run = this.#runs.get(stack)
    // All up to its first start is of the `run` which made it, whatever the loop is doing meanwhile.
    if ((call.name === 'networks.connect' || call.name === 'start') && container.state === 'created') return
    if (run?.kind !== 'heal' || run.desired?.presence === 'absent') return
    run.desired ??= this.#core?.desired.read(stack)
    if (run.desired?.presence === 'present')
      this.#world.broken('one-offs-left-alone', `${call.name} of ${container.name}, a one-off container`)
  }

  #mustNotBeHeld(stack: string, call: EngineCall): void {
    if (this.held.has('*') || this.held.has(stack))
      this.#world.broken('held-untouched', `${call.name} of ${call.target} while ${stack} is held`)
  }

  #mustRun(stack: string, call: EngineCall): void {
    this.#mustNotBeHeld(stack, call)
    if (!this.#runs.has(stack))
      this.#world.broken('one-writer', `${call.name} of ${call.target} while no deployment of ${stack} runs`)
  }

  /** What was stopped through us stays stopped, whatever happens to the Engine. */
  #startedByEngine(stack: string, container: SimulatedContainer): void {
    const core = this.#core
    if (core === undefined || this.#runs.has(stack)) return
    // It ran when the Engine went down: somebody had started it by hand just before.
    if (container.lastExit === 'engine') return
    if (core.store.stacks.find(stack)?.condition !== 'steady' || core.store.deployments.open(stack).length > 0) return
    const service = core.store.stacks.services(stack).find((s) => s.service === container.labels[COMPOSE.service])
    if (service?.run === 'stopped')
      this.#world.broken('stopped-stays-stopped', `the Engine started ${container.name}, which was stopped through us`)
  }

  #starts(stack: string, container: SimulatedContainer): void {
    const run = this.#runs.get(stack)
    if (run === undefined || this.#core === undefined) return
    run.desired ??= this.#core.desired.read(stack)
    const service = run.desired?.services[container.labels[COMPOSE.service] ?? '']
    if (service === undefined) return
    if (service.run === 'stopped' || service.run === 'paused')
      this.#world.broken('stopped-stays-stopped', `starts ${container.name}, which was ${service.run} through us`)
    for (const [name, dependency] of Object.entries(service.dependsOn)) {
      const needed = run.desired?.services[name]
      if (!dependency.required || needed === undefined || needed.run !== 'running') continue
      for (let replica = 1; replica <= needed.replicas; replica += 1) {
        // By the file of another revision there is no health to wait for.
        const hasNone = needed.healthcheck !== 'present' && needed.revision !== service.revision
        const isMetByStart = hasNone && dependency.condition === 'service_healthy'
        const condition = isMetByStart ? 'service_started' : dependency.condition
        if (this.#meets(condition, `${stack} ${name} ${replica}`, run)) continue
        // Somebody had it removed (`rm`): what needs it is not kept waiting.
        if (Object.hasOwn(this.#core.store.memory.all(stack, 'vacant'), `${name} ${replica}`)) continue
        this.#world.broken(
          'dependency-order',
          `starts ${container.name}, and ${name} ${replica} does not meet ${condition}`,
        )
      }
    }
  }

  #meets(condition: string, key: string, run: Run): boolean {
    const since = run.sinceMs - SLACK_MS
    const there = [...this.#world.machine.containers.values()].filter((other) => keyOf(other) === key)
    if (condition === 'service_healthy') return (this.#healthyUntil.get(key) ?? -1) >= since
    if (condition === 'service_completed_successfully')
      return (
        there.some((other) => other.state === 'exited' && other.startedBefore && other.exitCode === 0) ||
        (this.#finishedAt.get(key) ?? -1) >= since
      )
    return there.some((other) => other.startedBefore) || (this.#startedAt.get(key) ?? -1) >= since
  }
}

const keyOf = ({ labels }: SimulatedContainer): string =>
  `${labels[COMPOSE.project]} ${labels[COMPOSE.service]} ${labels[COMPOSE.number]}`
