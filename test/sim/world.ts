/**
 * Everything that `daemon/main.ts` wires, over a simulated Engine and a clock of its own. The daemon can die at any moment
 * and is started anew on the same state; the machine, and what people do to it, go on without it.
 */
import { ImageBuilder } from '../../daemon/build/builder.ts'
import { BundleStore } from '../../daemon/build/bundle-store.ts'
import { ContextStore } from '../../daemon/build/context-store.ts'
import { SshLoans } from '../../daemon/build/ssh-loans.ts'
import type { Engine } from '../../daemon/engine/types.ts'
import { noIngress } from '../../daemon/ingress/ingress.ts'
import { ContainerWaiter } from '../../daemon/reconcile/container-waiter.ts'
import type { Core } from '../../daemon/reconcile/core.ts'
import { DesiredReader } from '../../daemon/reconcile/desired-reader.ts'
import { Endings } from '../../daemon/reconcile/endings.ts'
import { EngineWatch } from '../../daemon/reconcile/engine-watch.ts'
import { EventRecorder } from '../../daemon/reconcile/event-recorder.ts'
import { FileStore } from '../../daemon/reconcile/files.ts'
import { HoldControl } from '../../daemon/reconcile/hold-control.ts'
import { ListSettling } from '../../daemon/reconcile/list-settling.ts'
import { Observer } from '../../daemon/reconcile/observer.ts'
import { OneOffs } from '../../daemon/reconcile/one-offs.ts'
import { ProbeWatch } from '../../daemon/reconcile/probe-watch.ts'
import type { ProgressItem } from '../../daemon/reconcile/progress.ts'
import { StackControl } from '../../daemon/reconcile/stack-control.ts'
import { Supervisor } from '../../daemon/reconcile/supervisor.ts'
import { Redactor } from '../../daemon/secrets/redactor.ts'
import { Vault } from '../../daemon/secrets/vault.ts'
import { COMPOSE, OURS } from '../../daemon/stack/labels.ts'
import { openStore } from '../../daemon/store/store.ts'
import { Channel } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Bug } from './bugs.ts'
import { Life, Scheduler, SimulatedClock, type TimerHost, WallClock } from './clock.ts'
import { Faults } from './faults.ts'
import { Guard } from './guard.ts'
import { Ledger } from './ledger.ts'
import { Machine } from './machine.ts'
import { ENGINE_20, ENGINE_28 } from './manners.ts'
import { Random } from './random.ts'
import { COMPOSED } from './schedule.ts'
import { simulatedEngine } from './simulated-engine.ts'
import type { SimulatedContainer, SimulatedNetwork } from './simulated-objects.ts'
import { DaemonDied, sqliteControl } from './sqlite.ts'

export interface Violation {
  /** Which rule was broken, in a word: what shrinking keeps. */
  readonly rule: string
  readonly message: string
}

export interface WorldOptions {
  readonly seed: number
  readonly apiVersion: string
  /** How long a new process of the daemon takes to begin. */
  readonly bootMs: readonly number[]
  readonly folder: string
  readonly bug: Bug | undefined
  readonly trace: boolean
}

interface Daemon {
  readonly life: Life
  readonly core: Core
  readonly control: StackControl
  readonly holds: HoldControl
  readonly oneOffs: OneOffs
}

export class World {
  readonly scheduler = new Scheduler()
  readonly wall = new WallClock(this.scheduler)
  readonly random: Random
  readonly machine: Machine
  readonly faults = new Faults()
  readonly guard: Guard
  readonly ledger: Ledger
  readonly folder: string
  readonly trace: string[] | undefined
  violation: Violation | undefined
  daemon: Daemon | undefined
  instance = ''
  readonly #options: WorldOptions
  #life: Life | undefined
  #lives = 0
  #ended = false

  constructor(options: WorldOptions) {
    this.#options = options
    this.folder = options.folder
    this.random = new Random(options.seed)
    this.trace = options.trace ? [] : undefined
    const manners = options.apiVersion === '1.41' ? ENGINE_20 : ENGINE_28
    this.machine = new Machine(this.scheduler, this.wall, new Random(options.seed ^ 0x5bd1e995), manners)
    this.guard = new Guard(this)
    this.ledger = new Ledger(this)
    this.machine.observer = this.guard
    sqliteControl.beforeWrite = () => {
      if (this.#life?.alive && this.faults.diesAtWrite()) this.#life.end()
    }
  }

  /** For the timers of this process. */
  get host(): TimerHost | undefined {
    if (this.#life === undefined) return undefined
    return {
      scheduler: this.scheduler,
      life: this.#life,
      onThrow: (error) => this.thrown('a timer of the daemon threw', error),
    }
  }

  /** Made by our daemon, or taken over from Compose by it. */
  isOurs(container: SimulatedContainer): boolean {
    if (container.labels[OURS.instance] === this.instance) return true
    return container.labels[COMPOSE.project] === COMPOSED && this.ledger.isAdopted(container.id)
  }

  /** Of one that adoption took over as well. */
  isOurNetwork({ id, labels }: SimulatedNetwork): boolean {
    if (labels[OURS.instance] === this.instance) return true
    return labels[COMPOSE.project] === COMPOSED && this.ledger.isAdopted(id)
  }

  get lives(): number {
    return this.#lives
  }

  get isUp(): boolean {
    return this.daemon?.life.alive === true
  }

  boot(): void {
    const life = new Life(++this.#lives)
    this.#life = life
    life.onEnd(() => this.#died(life))
    try {
      this.#wire(life)
      this.note(`the daemon starts (life ${life.number})`)
    } catch (error) {
      if (life.alive) throw error
      // It died while it started.
    }
  }

  kill(): void {
    this.#life?.end()
  }

  /** The world ends: nothing that is left of it may go on. */
  end(): void {
    this.scheduler.nowMs = Number.MAX_SAFE_INTEGER
    const life = this.#life
    this.#life = undefined
    this.#ended = true
    life?.end()
  }

  broken(rule: string, message: string): void {
    if (this.violation !== undefined) return
    this.violation = { rule, message }
    this.note(`BROKEN ${rule}: ${message}`)
  }

  /** What a real process would not survive, or not forgive. */
  thrown(where: string, error: unknown): void {
    if (error instanceof DaemonDied) return
    this.broken(
      'no-stray-error',
      `${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
  }

  note(text: string): void {
    this.trace?.push(`${String(this.scheduler.nowMs).padStart(8)} ms  ${text}`)
  }

  #wire(life: Life): void {
    const { scheduler, machine, faults } = this
    const { bug, apiVersion, folder } = this.#options
    const opened = openStore(folder)
    const store = bug?.store?.(opened) ?? opened
    this.instance = store.instance
    const clock = new SimulatedClock(scheduler, this.wall, life)
    const plain = simulatedEngine({ machine, life, faults, random: this.random, apiVersion, watcher: this.guard })
    const engine: Engine = bug?.engine?.(plain, machine) ?? plain
    const log = this.#log(life)
    const watch = new EngineWatch({ engine, store, clock, log })
    const contexts = new ContextStore(folder)
    const frozen = new Set<string>()
    const waiter = new ContainerWaiter(engine, watch, clock, frozen)
    const settling = new ListSettling(engine)
    const observer = new Observer(engine, store, settling)
    const ingress = noIngress('there is none in tests')
    const recorder = new EventRecorder(store.events)
    const core: Core = {
      engine,
      store,
      clock,
      contexts,
      bundles: new BundleStore(folder, contexts),
      secrets: new Vault({
        store,
        key: () => Buffer.alloc(32),
        files: () => undefined,
        redactor: new Redactor(),
        now: () => new Date(0),
      }),
      log,
      settling,
      recorder,
      files: new FileStore(folder),
      builder: new ImageBuilder(engine, contexts),
      waiter: bug?.waiter?.(waiter) ?? waiter,
      logs: { keep: async () => {} },
      ingress,
      probes: new ProbeWatch({ engine, clock, ingress, recorder, log }),
      observer: bug?.observer?.(observer) ?? observer,
      desired: new DesiredReader(store),
      endings: new Endings(store, clock),
      progress: new Channel<ProgressItem>(),
      credentials: new Map(),
      sshLoans: new SshLoans(),
      underWay: new Map(),
      frozen,
    }
    this.guard.daemonStarts(core)
    const supervisor = new Supervisor(core, watch)
    const control = new StackControl(core, supervisor)
    bug?.start?.(core, watch)
    watch.run(new AbortController().signal).catch((error: unknown) => {
      if (life.alive) this.thrown('the watch of the Engine ended', error)
    })
    supervisor.start()
    if (life.alive) {
      const holds = new HoldControl(core, supervisor)
      this.daemon = { life, core, control, holds, oneOffs: new OneOffs(core) }
    }
  }

  #log(life: Life): Core['log'] {
    return {
      info: () => {},
      warn: (_, message) => this.note(`daemon: ${message}`),
      error: (fields, message) => {
        if (!life.alive) return
        const cause = (fields as { err?: unknown }).err
        if (cause instanceof Problem && cause.code !== 'internal') this.note(`daemon: ${message}: ${cause.message}`)
        else this.thrown(message, cause)
      },
    }
  }

  #died(life: Life): void {
    this.note(`the daemon dies (life ${life.number})`)
    this.daemon = undefined
    sqliteControl.kill(this.folder)
    this.machine.events.detachAll()
    this.guard.daemonDied()
    if (this.#ended) return
    this.scheduler.after(this.random.pick(this.#options.bootMs), () => this.boot())
  }
}
