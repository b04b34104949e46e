/** Plays one schedule: each step in turn, then quiet, then judgement. */

import { COMPOSE } from '../../daemon/stack/labels.ts'
import { Problem } from '../../protocol/problems.ts'
import { KillOptions, PauseOptions, RemoveOptions } from '../../protocol/resources/operations.ts'
import { RunRequest } from '../../protocol/resources/run.ts'
import { AdoptRequest, DownOptions, ScaleRequest, ServicesRequest, UpRequest } from '../../protocol/resources/stack.ts'
import type { Bug } from './bugs.ts'
import { bystanders, composeUp, foreignStep, handStep } from './hands.ts'
import { judge, judgeRequests, judgeWord } from './judge.ts'
import { modelOf, type SimulatedModel } from './models.ts'
import { promptness } from './promptness.ts'
import { COMPOSED, isRequest, type RequestStep, type Schedule, type Step } from './schedule.ts'
import { isUp, type SimulatedContainer } from './simulated-objects.ts'
import { DaemonDied, sqliteControl } from './sqlite.ts'
import { type Violation, World } from './world.ts'

export interface Played {
  readonly violation: Violation | undefined
  readonly trace: readonly string[]
  readonly simulatedMs: number
  readonly lives: number
}

export interface PlayOptions {
  readonly folder: string
  readonly bug?: Bug | undefined
  readonly trace?: boolean
  /** Told of the world that lives now, for the timers of this process. */
  readonly inhabit: (world: World | undefined) => void
}

/** Within this after the last fault, all must be as declared: the longest back-off, and hung calls until their limit. */
const CONVERGE_MS = 45 * 60_000
/** Once all is as declared nothing more is done: looked at for longer than the loop's own look takes. */
const QUIET_MS = 62_000
/** Longer than the daemon gives the Engine for what somebody waits for. */
const ANSWER_MS = 130_000
/** A hold lets a call that is under way end, and one that hangs has ten minutes. */
const HELD_MS = 11 * 60_000
/** Attempts against an obstacle back off: 1, 2, 4, ... seconds. */
const ATTEMPTS_LIMIT = 12

export async function play(schedule: Schedule, options: PlayOptions): Promise<Played> {
  sqliteControl.kill(options.folder)
  sqliteControl.wipe(options.folder)
  const world = new World({
    seed: schedule.seed,
    apiVersion: schedule.apiVersion,
    bootMs: schedule.apiVersion === '1.41' ? [750, 3000] : [5, 40, 400, 3000],
    folder: options.folder,
    bug: options.bug,
    trace: options.trace === true,
  })
  options.inhabit(world)
  try {
    bystanders(world)
    if (schedule.composed !== undefined) composeUp(world, COMPOSED, schedule.composed)
    world.boot()
    const people = new People(world)
    for (const step of schedule.steps) {
      if (world.violation !== undefined) break
      world.note(`> ${wordsOf(step)}`)
      await people.take(step)
      await world.scheduler.advance(world.random.pick([0, 3, 15, 60]))
    }
    if (world.violation === undefined) await settle(world, schedule, people)
  } catch (error) {
    world.broken('the-world-goes-on', error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    options.inhabit(undefined)
  }
  const { violation, trace, scheduler } = world
  const played = { violation, trace: trace ?? [], simulatedMs: scheduler.nowMs, lives: world.lives }
  world.end()
  return played
}

export function wordsOf(step: Step): string {
  const { do: verb, ...rest } = step
  return `${verb} ${JSON.stringify(rest)}`
}

class People {
  readonly #world: World
  #runs = 0

  constructor(world: World) {
    this.#world = world
  }

  async take(step: Step): Promise<void> {
    const world = this.#world
    const { machine, scheduler, faults } = world
    if (isRequest(step)) return this.#request(step)
    switch (step.do) {
      case 'wait':
        return scheduler.advance(step.ms, () => world.violation !== undefined)
      case 'fault':
        return faults.arm(step.fault, step.on, step.after)
      case 'crash':
        return world.kill()
      case 'crash-at-write':
        return faults.armWrite(step.after)
      case 'events':
        if (step.how === 'break') machine.events.breakAll()
        else machine.events.fate[step.how] += step.count
        return
      case 'engine-restart':
        if (!machine.up) return
        machine.goDown()
        scheduler.after(step.downMs, () => machine.comeUp())
        return
      case 'trouble':
        return this.#trouble(step)
      case 'hold':
      case 'resume':
        return this.#hold(step.do, step.stack)
      case 'clock':
        world.wall.skewMs += step.ms
        return
      case 'retag': {
        const id = `sha256:${machine.newId()}`
        machine.images.set(id, { id, volumes: [] })
        machine.tags.set('app:1', id)
        return
      }
      case 'hand':
        return handStep(world, step)
      case 'foreign':
        return foreignStep(world, step.what)
    }
  }

  #trouble({ what, forMs }: Extract<Step, { do: 'trouble' }>): void {
    const { machine, scheduler } = this.#world
    const set = (there: boolean) => {
      if (what === 'removals-stick') machine.removalsStick = there
      else machine.networks.poolsAreOut = there
    }
    set(true)
    scheduler.after(forMs, () => set(false))
  }

  /** Nothing is touched from the answer of a hold on until a resume is asked for. */
  async #hold(what: 'hold' | 'resume', stack: string | undefined): Promise<void> {
    const world = this.#world
    const daemon = await this.#daemon()
    if (daemon === undefined) return
    const scope = stack ?? '*'
    let ended = false
    const refused = (error: unknown): void => {
      ended = true
      if (error instanceof DaemonDied) return
      if (!(error instanceof Problem)) world.thrown(`${what} of ${scope} was refused`, error)
    }
    world.ledger.wasHeld = true
    if (what === 'resume') {
      world.guard.held.delete(scope)
      try {
        daemon.holds.resume(stack)
      } catch (error) {
        refused(error)
      }
      return
    }
    daemon.holds.hold(stack, { name: 'simulator' }).then(() => {
      ended = true
      if (daemon.life.alive) world.guard.held.add(scope)
    }, refused)
    await this.#until(daemon, () => ended, HELD_MS)
    if (!ended && daemon.life.alive && world.violation === undefined)
      world.broken('requests-are-answered', `hold of ${scope} had no answer in so long`)
  }

  /** Who held something lets it go in the end. */
  async resumeAll(): Promise<void> {
    const world = this.#world
    if (!world.ledger.wasHeld) return
    const held = await this.#holds()
    for (const stack of held) await this.#hold('resume', stack)
  }

  async #holds(): Promise<(string | undefined)[]> {
    const daemon = await this.#daemon()
    return daemon?.core.store.holds.all().map(({ stack }) => stack) ?? []
  }

  async #daemon(): Promise<World['daemon']> {
    const world = this.#world
    await world.scheduler.advance(120_000, () => world.isUp || world.violation !== undefined)
    return world.daemon
  }

  async #until(daemon: NonNullable<World['daemon']>, isOver: () => boolean, limitMs = ANSWER_MS): Promise<void> {
    const world = this.#world
    await world.scheduler.advance(limitMs, () => isOver() || !daemon.life.alive || world.violation !== undefined)
  }

  async #request(asked: RequestStep): Promise<void> {
    const world = this.#world
    const daemon = await this.#daemon()
    if (daemon === undefined) return
    const step = this.#seen(asked)
    const entry = world.ledger.asked(step)
    let ended = false
    ask(daemon.control, step).then(
      ({ deployment }) => {
        if (!daemon.life.alive) return
        entry.answer = 'accepted'
        entry.deployment = deployment
        ended = true
      },
      (error: unknown) => {
        if (error instanceof DaemonDied) return
        entry.answer = 'refused'
        ended = true
        if (!(error instanceof Problem)) world.thrown(`${step.do} of ${step.stack} was refused`, error)
        world.note(`refused: ${error instanceof Error ? error.message : String(error)}`)
      },
    )
    await this.#until(daemon, () => ended)
    if (entry.answer === 'none') world.ledger.lookFor(entry)
    if (!ended && daemon.life.alive && world.violation === undefined)
      world.broken('requests-are-answered', `${step.do} of ${step.stack} had no answer in so long`)
    if (step.do === 'run' && entry.deployment !== undefined) await this.#oneOff(daemon, step, entry.deployment)
  }

  /** What whoever asks has looked up before. */
  #seen(step: RequestStep): RequestStep {
    const { machine } = this.#world
    const of = (stack: string) => [...machine.containers.values()].filter((c) => c.labels[COMPOSE.project] === stack)
    const numberOf = (container: SimulatedContainer) =>
      `${container.id} ${container.labels[COMPOSE.service]} ${container.labels[COMPOSE.number]}`
    if (step.do === 'remove') {
      const meant = of(step.stack).filter(
        (container) =>
          !isUp(container) &&
          (step.services.length === 0 || step.services.includes(container.labels[COMPOSE.service] ?? '')),
      )
      return { ...step, containers: meant.map(numberOf) }
    }
    if (step.do !== 'adopt') return step
    const there: Record<string, number> = {}
    for (const { labels } of of(step.stack)) {
      const service = labels[COMPOSE.service] ?? ''
      there[service] = (there[service] ?? 0) + 1
    }
    return { ...step, there }
  }

  /** Once what it needs is there. It is made by a call of its own, whose answer is waited for. */
  async #oneOff(
    daemon: NonNullable<World['daemon']>,
    step: Extract<RequestStep, { do: 'run' }>,
    deployment: string,
  ): Promise<void> {
    const world = this.#world
    const state = () => world.ledger.deployments().find(({ id }) => id === deployment)?.state ?? ''
    let seen = ''
    const looked = (): boolean => {
      seen = state()
      return seen !== 'queued' && seen !== 'running'
    }
    await this.#until(daemon, looked, 30_000)
    if (seen !== 'succeeded' || !daemon.life.alive) return
    this.#runs += 1
    const request = RunRequest.parse({
      service: step.service,
      name: `${step.stack}-${step.service}-run-${this.#runs}`,
      remove: step.after === 'remove',
      overrides: { environment: { SIM_EXIT: `0:${step.forMs}` } },
    })
    let ended = false
    const end = (): void => {
      ended = true
    }
    daemon.oneOffs.run(step.stack, request, { name: 'simulator' }).then(end, (error: unknown) => {
      end()
      if (error instanceof DaemonDied) return
      if (!(error instanceof Problem)) world.thrown(`run of ${step.service} was refused`, error)
      world.note(`run was refused: ${String(error)}`)
    })
    await this.#until(daemon, () => ended, ANSWER_MS + 60_000)
  }
}

type Control = NonNullable<World['daemon']>['control']

function ask(control: Control, step: RequestStep): Promise<{ deployment: string }> {
  const caller = { name: 'simulator' }
  switch (step.do) {
    case 'up':
      return control.up(
        step.stack,
        UpRequest.parse({ ...definitionOf(step.stack, step.model), options: step.options }),
        caller,
      )
    case 'down': {
      const { services, volumes, timeoutSeconds } = step
      return control.down(step.stack, DownOptions.parse({ services, volumes, timeoutSeconds }), caller)
    }
    case 'kill': {
      const { services, signal } = step
      return control.kill(step.stack, KillOptions.parse({ services, signal }), caller)
    }
    case 'pause':
    case 'unpause':
      return control[step.do](step.stack, PauseOptions.parse({ services: step.services }), caller)
    case 'remove': {
      const containers = (step.containers ?? []).map((container) => container.split(' ')[0]!)
      return control.remove(step.stack, RemoveOptions.parse({ services: step.services, containers }), caller)
    }
    case 'adopt':
      return control.adopt(step.stack, AdoptRequest.parse(definitionOf(step.stack, step.model)), caller)
    case 'run':
      return control.up(
        step.stack,
        UpRequest.parse({
          ...definitionOf(step.stack, step.model),
          options: { services: [step.service], purpose: 'one-off' },
        }),
        caller,
      )
    case 'scale':
      return control.scale(step.stack, ScaleRequest.parse({ scale: step.scale, dependencies: 'ignore' }), caller)
    default: {
      const { services, dependencies } = step
      return control[step.do](step.stack, ServicesRequest.parse({ services, dependencies }), caller)
    }
  }
}

const definitionOf = (stack: string, model: SimulatedModel) => ({
  model: modelOf(stack, model),
  source: { workingDir: `/srv/${stack}`, configFiles: [`/srv/${stack}/compose.yaml`], host: 'sim' },
})

/** Faults end; time passes until the world is quiet; then it must be as declared, and stay so. */
async function settle(world: World, { stacks, calm }: Schedule, people: People): Promise<void> {
  const { scheduler, faults, machine, guard } = world
  world.note('> faults end')
  faults.clear()
  Object.assign(machine.events.fate, { lose: 0, repeat: 0, late: 0 })
  machine.removalsStick = false
  machine.networks.poolsAreOut = false
  if (!machine.up) await scheduler.advance(60_000, () => machine.up)
  await people.resumeAll()
  const until = scheduler.nowMs + CONVERGE_MS
  let problem: string | undefined
  for (let stepMs = 500; scheduler.nowMs < until; stepMs = Math.min(stepMs * 2, 30_000)) {
    await scheduler.advance(stepMs, () => world.violation !== undefined)
    if (world.violation !== undefined) return
    problem = problemOf(world, stacks)
    if (problem !== undefined) continue
    const before = { changes: guard.changes, deployments: guard.deployments }
    const verdicts = stacks.map((stack) => judge(world, stack))
    await scheduler.advance(QUIET_MS, () => world.violation !== undefined)
    if (world.violation !== undefined) return
    problem = problemOf(world, stacks)
    if (problem !== undefined) continue
    const hindered = verdicts.filter(({ obstacles }) => obstacles.length > 0).length
    const attempts = guard.deployments - before.deployments
    if (hindered > 0 && attempts > hindered * ATTEMPTS_LIMIT)
      return world.broken('rests', `${attempts} attempts against an obstacle in a minute`)
    if (hindered === 0 && guard.changes > before.changes) {
      problem = 'it goes on changing things although all is as declared'
      continue
    }
    const lost = verdicts.some(({ endless }) => endless)
      ? undefined
      : judgeRequests(world, calm === true && hindered === 0)
    if (lost !== undefined) world.broken('requests-are-kept', lost)
    const word = foreignProblem(world)
    if (word !== undefined) world.broken('foreign-untouched', word)
    if (hindered === 0 && world.violation === undefined) await promptness(world)
    return
  }
  world.broken(
    /it is called|no word/.test(problem ?? '') ? 'truthful' : 'as-declared',
    problem ?? 'it never came to rest',
  )
}

function problemOf(world: World, stacks: readonly string[]): string | undefined {
  if (!world.isUp) return 'the daemon is down'
  for (const stack of stacks) {
    const verdict = judge(world, stack)
    const [difference] = verdict.differences
    const word = judgeWord(world, stack, verdict)
    if (difference !== undefined || word !== undefined) return `${stack}: ${difference ?? word}`
  }
  return undefined
}

function foreignProblem({ machine }: World): string | undefined {
  for (const name of ['lonely', 'shop-zz-1'])
    if (machine.findContainer(name) === undefined) return `container ${name} is gone`
  for (const name of ['ext-data', 'foreign-vol']) if (!machine.volumes.has(name)) return `volume ${name} is gone`
  return machine.networks.find('ext-net') === undefined ? 'network ext-net is gone' : undefined
}
