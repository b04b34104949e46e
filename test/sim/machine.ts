/**
 * The machine under the simulated Engine: containers that run and exit, their names and their ends, as
 * dockerd (moby 28) keeps them. Each method is one effect, at once; the API in front adds time.
 */
import type { ContainerCreateBody } from '../../daemon/engine/types.ts'
import type { Scheduler, WallClock } from './clock.ts'
import { EventStreams } from './event-streams.ts'
import { mustHavePorts, portsOf } from './host-ports.ts'
import { ENGINE_28, type Manners } from './manners.ts'
import { programOf } from './program.ts'
import type { Random } from './random.ts'
import { Refusal } from './refusal.ts'
import { restartDelayMs, shouldRestart } from './restart-policy.ts'
import { SimulatedHealth } from './simulated-health.ts'
import { endpointsOf, SimulatedNetworks } from './simulated-networks.ts'
import {
  type Actor,
  isUp,
  type MachineObserver,
  type SimulatedContainer,
  type SimulatedImage,
} from './simulated-objects.ts'
import { SimulatedVolumes } from './simulated-volumes.ts'

/** Those that an Engine that goes down right afterwards may leave unable to start. */
const JUST_STARTED_MS = 3000

export class Machine {
  readonly scheduler: Scheduler
  readonly wall: WallClock
  readonly events: EventStreams
  readonly containers = new Map<string, SimulatedContainer>()
  readonly networks: SimulatedNetworks
  readonly volumes: SimulatedVolumes
  readonly images = new Map<string, SimulatedImage>()
  /** What a name means here, and what it means at the registry. */
  readonly tags = new Map<string, string>()
  readonly registry = new Map<string, string>()
  /** Calls that wait for their answer: an Engine that goes down breaks them. */
  readonly pending = new Set<() => void>()
  up = true
  observer: MachineObserver | undefined
  /** Removals fail half-way: the container's files cannot be deleted. */
  removalsStick = false
  readonly #health: SimulatedHealth
  readonly #manners: Manners
  readonly #random: Random
  #ids = 0
  #address = 0
  #boots = 0

  constructor(scheduler: Scheduler, wall: WallClock, random: Random, manners: Manners = ENGINE_28) {
    this.scheduler = scheduler
    this.wall = wall
    this.#manners = manners
    this.events = new EventStreams(scheduler, wall)
    this.#random = random
    const parts = { events: this.events, newId: () => this.newId(), containers: this.containers }
    this.networks = new SimulatedNetworks(parts)
    this.volumes = new SimulatedVolumes({ ...parts, observer: () => this.observer })
    this.#health = new SimulatedHealth({
      scheduler,
      observer: () => this.observer,
      emit: (container, action) => this.#emit(container, action),
    })
    for (const name of ['bridge', 'host', 'none']) this.networks.add(name, {})
  }

  newId(): string {
    this.#ids += 1
    return ((Math.imul(this.#ids, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0') + this.#ids.toString(16)).padEnd(
      64,
      '0',
    )
  }

  newAddress(): string {
    this.#address += 1
    return `172.20.${this.#address >> 8}.${this.#address & 255}`
  }

  container(reference: string): SimulatedContainer {
    const found = this.findContainer(reference)
    if (found === undefined) throw new Refusal(404, `No such container: ${reference}`)
    return found
  }

  findContainer(reference: string): SimulatedContainer | undefined {
    const byId = this.containers.get(reference)
    if (byId !== undefined) return byId
    for (const container of this.containers.values()) if (container.name === reference) return container
    return undefined
  }

  /** How long whoever asks for this container has to wait. */
  settlingMs(reference: string): number {
    const container = this.findContainer(reference)
    return container === undefined ? 0 : Math.max(0, container.settlesAtMs - this.scheduler.nowMs)
  }

  create(name: string, body: ContainerCreateBody): SimulatedContainer {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
      throw new Refusal(400, `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`)
    const holder = this.findContainer(name)
    if (holder !== undefined) throw nameTaken(name, holder.id)
    const imageId = this.tags.get(body.Image) ?? body.Image
    const image = this.images.get(imageId)
    if (image === undefined) throw new Refusal(404, `No such image: ${body.Image}`)
    const env = (body.Env as string[] | undefined) ?? []
    const host = body.HostConfig ?? {}
    const policy = host.RestartPolicy as { Name: string; MaximumRetryCount?: number } | undefined
    const container: SimulatedContainer = {
      id: this.newId(),
      name,
      body,
      labels: body.Labels ?? {},
      env,
      imageId,
      program: (image.program ?? programOf)(env),
      createdAtMs: this.wall.nowMs(),
      createdMonotonicMs: this.scheduler.nowMs,
      startedMonotonicMs: -1,
      state: 'created',
      health: undefined,
      failingStreak: 0,
      exitCode: 0,
      startedAtMs: 0,
      finishedAtMs: 0,
      policy: { Name: policy?.Name ?? 'no', MaximumRetryCount: policy?.MaximumRetryCount ?? 0 },
      manuallyStopped: false,
      endsByHand: 0,
      toldByHandMs: Number.NEGATIVE_INFINITY,
      startedBefore: false,
      restartCount: 0,
      failures: 0,
      hasTaskLeft: false,
      lastExit: undefined,
      process: 0,
      networks: endpointsOf(body),
      mounts: this.volumes.mountsFor(name, body, image),
      ports: portsOf(host),
      exits: 0,
      settlesAtMs: 0,
      shown: undefined,
    }
    this.containers.set(container.id, container)
    this.#emit(container, 'create')
    return container
  }

  /** False where it runs already. */
  start(container: SimulatedContainer, actor: Actor): boolean {
    if (container.state === 'removing' || container.state === 'dead') {
      throw new Refusal(409, 'container is marked for removal and cannot be started')
    }
    if (container.state === 'paused') throw new Refusal(409, 'cannot start a paused container, try unpause instead')
    if (container.state === 'running' || container.state === 'restarting') return false
    if (container.hasTaskLeft) throw new Refusal(500, `task ${container.id}: already exists`)
    this.#begin(container, actor)
    return true
  }

  /** `done` is called with false where it did not run. */
  stop(container: SimulatedContainer, graceSeconds: number | undefined, actor: Actor, done: (did: boolean) => void) {
    if (container.state === 'restarting') {
      container.process += 1
      container.manuallyStopped = true
      container.state = 'exited'
      this.#endedBy(container, actor)
      this.#emit(container, 'stop')
      done(true)
      return
    }
    if (container.state !== 'running' && container.state !== 'paused') {
      done(false)
      return
    }
    container.manuallyStopped = true
    if (actor === 'hand') container.toldByHandMs = this.scheduler.nowMs
    this.#emit(container, 'kill', { signal: '15' })
    const graceMs = (graceSeconds ?? 10) * 1000
    const { stopCode } = container.program
    const stopMs = heeds(String(container.body.StopSignal ?? 'TERM')) ? container.program.stopMs : NEVER_MS
    const { process } = container
    const boots = this.#boots
    this.scheduler.after(graceMs < 0 ? stopMs : Math.min(stopMs, graceMs), () => {
      if (boots !== this.#boots) return
      if (container.process === process) this.#exit(container, stopMs <= graceMs ? stopCode : 137, actor)
      this.#whenSettled(container, () => {
        if (!this.containers.has(container.id)) return
        this.#emit(container, 'stop')
        done(true)
      })
    })
  }

  restart(container: SimulatedContainer, graceSeconds: number | undefined, actor: Actor, done: (e?: unknown) => void) {
    this.stop(container, graceSeconds, actor, () => {
      try {
        this.start(container, actor)
        this.#emit(container, 'restart')
        done()
      } catch (error) {
        done(error)
      }
    })
  }

  /** moby killWithSignal: whatever the signal is, the container is not started again when it ends. */
  kill(container: SimulatedContainer, signal: string, actor: Actor, done: () => void = () => {}): void {
    const name = signalName(signal)
    if (!SIGNALS.has(name)) throw new Refusal(400, `invalid signal: ${signal}`)
    if (!isUp(container)) {
      throw new Refusal(409, `cannot kill container: ${container.name}: container ${container.id} is not running`)
    }
    this.#emit(container, 'kill', { signal })
    container.manuallyStopped = true
    if (container.state === 'restarting') {
      container.process += 1
      container.state = 'exited'
      this.#endedBy(container, actor)
      done()
      return
    }
    if (name === 'KILL') {
      this.#exit(container, 137, actor)
      if (this.#manners.answersKill === 'settled') this.#whenSettled(container, done)
      else done()
      return
    }
    done()
    if (!heeds(name)) return
    if (actor === 'hand') container.toldByHandMs = this.scheduler.nowMs
    // The Engine unpauses what is to end.
    if (container.state === 'paused') this.unpause(container)
    const { process } = container
    const { stopMs, stopCode } = container.program
    this.scheduler.after(stopMs, () => {
      if (container.process === process) this.#exit(container, stopCode, actor)
    })
  }

  /** Its process ends by itself: a crash, or the kernel's out-of-memory killer. */
  crash(container: SimulatedContainer, code: number): void {
    if (container.state === 'running') this.#exit(container, code, 'program')
  }

  pause(container: SimulatedContainer): void {
    if (container.state === 'restarting')
      throw new Refusal(409, `Container ${container.id} is restarting, wait until the container is running`)
    if (container.state === 'paused') throw new Refusal(409, `Container ${container.id} is already paused`)
    if (container.state !== 'running') throw new Refusal(409, `container ${container.id} is not running`)
    container.state = 'paused'
    this.#health.paused(container)
    this.#emit(container, 'pause')
  }

  unpause(container: SimulatedContainer): void {
    if (container.state !== 'paused') throw new Refusal(500, `Container ${container.id} is not paused`)
    container.state = 'running'
    this.#emit(container, 'unpause')
    this.#health.unpaused(container)
  }

  rename(container: SimulatedContainer, name: string): void {
    if (container.state === 'removing' || container.state === 'dead')
      throw new Refusal(409, 'container is marked for removal and cannot be renamed')
    if (container.name === name) throw new Refusal(400, 'Renaming a container with the same name as its current name')
    const holder = this.findContainer(name)
    if (holder !== undefined) {
      const cause = nameTaken(name, holder.id)
      throw new Refusal(cause.status, `Error when allocating new name: ${cause.message}`)
    }
    const oldName = container.name
    container.name = name
    this.#emit(container, 'rename', { oldName: `/${oldName}` })
  }

  remove(
    container: SimulatedContainer,
    how: { force: boolean; volumes: boolean },
    actor: Actor,
    done: () => void,
    fail: (error: unknown) => void = () => {},
  ): void {
    if (isGoing(container)) throw new Refusal(409, `removal of container ${container.id} is already in progress`)
    if (isUp(container)) {
      if (!how.force) {
        throw new Refusal(
          409,
          `cannot remove container "/${container.name}": container is ${container.state}: stop the container before removing or force remove`,
        )
      }
      container.manuallyStopped = true
      if (container.state === 'restarting') container.process += 1
      else this.#exit(container, 137, actor)
      if (isGoing(container)) throw new Refusal(409, `removal of container ${container.id} is already in progress`)
    }
    const busyMs = Math.max(0, container.settlesAtMs - this.scheduler.nowMs)
    container.state = 'removing'
    this.scheduler.after(busyMs + this.#random.pick(this.#manners.removalMs), () => {
      if (container.state !== 'removing' || !this.containers.has(container.id)) return
      if (this.removalsStick) {
        container.state = 'dead'
        fail(
          new Refusal(
            500,
            `container ${container.id}: driver "overlay2" failed to remove root filesystem: unlinkat /var/lib/docker/overlay2/${container.id.slice(0, 12)}/merged: device or resource busy`,
          ),
        )
        return
      }
      this.#gone(container, how.volumes, actor)
      done()
    })
  }

  updatePolicy(container: SimulatedContainer, policy: { Name: string; MaximumRetryCount?: number }): void {
    if (container.state === 'removing' || container.state === 'dead') {
      throw new Refusal(
        409,
        `Cannot update container ${container.id}: container is marked for removal and cannot be "update"`,
      )
    }
    container.policy = { Name: policy.Name, MaximumRetryCount: policy.MaximumRetryCount ?? 0 }
  }

  /** dockerd ends. Without live-restore its containers end with it, which is nobody's wish that they stay stopped. */
  goDown(): void {
    this.up = false
    this.#boots += 1
    for (const container of [...this.containers.values()]) {
      this.#settled(container)
      if (container.state === 'running' || container.state === 'paused') {
        this.#exit(container, 137, 'engine')
        const ranMs = this.scheduler.nowMs - container.startedMonotonicMs
        if (ranMs < JUST_STARTED_MS && this.#random.chance(0.3)) container.hasTaskLeft = true
      } else if (container.state === 'restarting') {
        container.process += 1
        container.state = 'exited'
        container.lastExit = 'engine'
      } else if (container.state === 'removing') {
        if (this.#random.chance(0.5)) this.#gone(container, false, 'engine')
        else container.state = 'dead'
      } else if (container.state === 'created' && this.#random.chance(0.5)) container.hasTaskLeft = true
    }
    this.events.breakAll()
    for (const break_ of [...this.pending]) break_()
  }

  /** dockerd is back and starts what its policy says (moby daemon.restore: ShouldRestart and HasBeenStartedBefore). */
  comeUp(): void {
    this.up = true
    for (const container of [...this.containers.values()]) {
      if (container.state !== 'exited' || !container.startedBefore || !shouldRestart(container)) continue
      if (container.hasTaskLeft) continue
      try {
        this.#begin(container, 'engine')
      } catch {
        // A port or a network that is gone: it stays exited, as with dockerd.
      }
    }
  }

  #begin(container: SimulatedContainer, actor: Actor): void {
    try {
      this.networks.join(container)
      mustHavePorts(container, {
        containers: this.containers.values(),
        nowMs: this.scheduler.nowMs,
        newId: () => this.newId(),
      })
    } catch (error) {
      container.exitCode = 128
      throw error
    }
    container.process += 1
    container.state = 'running'
    container.startedBefore = true
    container.manuallyStopped = false
    container.exitCode = 0
    container.startedAtMs = this.wall.nowMs()
    container.startedMonotonicMs = this.scheduler.nowMs
    this.#health.reset(container)
    this.#emit(container, 'start')
    this.observer?.started(container, actor)
    this.#runProgram(container)
  }

  #runProgram(container: SimulatedContainer): void {
    const { process, program } = container
    const isSame = () => container.process === process
    if (program.exit !== undefined) {
      const { code, afterMs } = program.exit
      const end = () => {
        if (!isSame()) return
        if (container.state === 'paused') this.scheduler.after(500, end)
        else if (container.state === 'running') this.#exit(container, code, 'program')
      }
      this.scheduler.after(afterMs, end)
    }
    this.#health.ask(container)
  }

  #exit(container: SimulatedContainer, code: number, actor: Actor): void {
    this.#health.ended(container)
    const ranMs = this.scheduler.nowMs - container.startedMonotonicMs
    const { state, health, exitCode, startedAtMs, finishedAtMs } = container
    container.process += 1
    container.exits += 1
    container.state = 'exited'
    container.exitCode = code
    container.finishedAtMs = this.wall.nowMs()
    this.#endedBy(container, actor)
    // An Engine that goes down tells nobody.
    const settleMs = this.up ? this.#random.pick(this.#manners.settleMs) : 0
    const tell = (): void => this.#emit(container, 'die', { exitCode: String(code) })
    if (settleMs === 0) tell()
    else {
      container.shown = { state, health, exitCode, startedAtMs, finishedAtMs }
      container.settlesAtMs = this.scheduler.nowMs + settleMs
      if (this.#manners.tellsOfEnd === 'first') tell()
      this.#whenSettled(container, () => {
        this.#settled(container)
        if (this.#manners.tellsOfEnd === 'last') tell()
      })
    }
    this.observer?.exited(container, actor)
    if (actor === 'program') this.#restartByPolicy(container, ranMs, settleMs)
    if (container.state === 'exited' && container.body.HostConfig?.AutoRemove === true)
      this.remove(container, { force: false, volumes: true }, 'engine', () => {})
  }

  /** At once where there is nothing to wait for. Never where the Engine goes down meanwhile. */
  #whenSettled(container: SimulatedContainer, run: () => void): void {
    const leftMs = container.settlesAtMs - this.scheduler.nowMs
    if (leftMs <= 0) {
      run()
      return
    }
    const boots = this.#boots
    this.scheduler.after(leftMs, () => {
      if (boots === this.#boots) run()
    })
  }

  #settled(container: SimulatedContainer): void {
    container.settlesAtMs = 0
    container.shown = undefined
  }

  #restartByPolicy(container: SimulatedContainer, ranMs: number, settleMs: number): void {
    container.failures = ranMs > 10_000 ? 0 : container.failures + 1
    if (!this.up || container.manuallyStopped || !shouldRestart(container)) return
    container.state = 'restarting'
    const { process } = container
    const afterMs = Math.max(restartDelayMs(container), settleMs + 1)
    this.scheduler.after(afterMs, () => {
      if (container.process !== process || container.state !== 'restarting') return
      container.state = 'exited'
      container.restartCount += 1
      try {
        this.#begin(container, 'engine')
      } catch {
        // It stays exited (128), as with dockerd.
      }
    })
  }

  #gone(container: SimulatedContainer, volumes: boolean, actor: Actor): void {
    this.containers.delete(container.id)
    this.observer?.removed(container)
    this.#emit(container, 'destroy')
    if (volumes) this.volumes.removeAnonymousOf(container, actor)
  }

  #endedBy(container: SimulatedContainer, actor: Actor): void {
    container.lastExit = actor
    const wasTold = actor === 'program' && this.scheduler.nowMs - container.toldByHandMs <= TOLD_MS
    if (actor === 'hand' || wasTold) container.endsByHand += 1
    container.toldByHandMs = Number.NEGATIVE_INFINITY
  }

  #emit(container: SimulatedContainer, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.events.emit('container', action, container.id, {
      ...container.labels,
      image: container.body.Image,
      name: container.name,
      ...more,
    })
  }
}

/** What never happens by itself. */
const NEVER_MS = 10 ** 9
const SIGNALS = new Set(['HUP', 'INT', 'QUIT', 'KILL', 'TERM', 'USR1', 'USR2', 'STOP', 'CONT', 'WINCH'])

/** What ends so soon after it was told to, nobody can tell from what ended of it. */
const TOLD_MS = 15_000

const signalName = (signal: string): string => signal.toUpperCase().replace(/^SIG/, '')

/** The first process of a container ignores a signal that it has no handler for: ours end upon these. */
const heeds = (signal: string): boolean => ['TERM', 'INT', 'QUIT'].includes(signalName(signal))

/** A removal is under way: ours, or what `AutoRemove` has the Engine do. */
const isGoing = ({ state }: SimulatedContainer): boolean => state === 'removing'

function nameTaken(name: string, holder: string): Refusal {
  return new Refusal(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
  )
}
