/** Plays one schedule: each step in turn, then quiet, then judgement. */

import { Problem } from '../../protocol/problems.ts'
import { DownOptions, ScaleRequest, ServicesRequest, UpRequest } from '../../protocol/resources/stack.ts'
import type { Bug } from './bugs.ts'
import { bystanders, foreignStep, handStep } from './hands.ts'
import { judge, judgeRequests, judgeWord } from './judge.ts'
import { modelOf } from './models.ts'
import { isRequest, type RequestStep, type Schedule, type Step } from './schedule.ts'
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
/** Attempts against an obstacle back off: 1, 2, 4, ... seconds. */
const ATTEMPTS_LIMIT = 12

export async function play(schedule: Schedule, options: PlayOptions): Promise<Played> {
  sqliteControl.kill(options.folder)
  sqliteControl.wipe(options.folder)
  const world = new World({
    seed: schedule.seed,
    apiVersion: schedule.apiVersion,
    folder: options.folder,
    bug: options.bug,
    trace: options.trace === true,
  })
  options.inhabit(world)
  try {
    bystanders(world)
    world.boot()
    const people = new People(world)
    for (const step of schedule.steps) {
      if (world.violation !== undefined) break
      world.note(`> ${wordsOf(step)}`)
      await people.take(step)
      await world.scheduler.advance(world.random.pick([0, 3, 15, 60]))
    }
    if (world.violation === undefined) await settle(world, schedule.stacks)
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

  async #request(step: RequestStep): Promise<void> {
    const world = this.#world
    await world.scheduler.advance(120_000, () => world.isUp || world.violation !== undefined)
    const { daemon } = world
    if (daemon === undefined) return
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
    await world.scheduler.advance(120_000, () => ended || !daemon.life.alive || world.violation !== undefined)
    if (entry.answer === 'none') world.ledger.lookFor(entry)
    if (!ended && daemon.life.alive && world.violation === undefined)
      world.broken('requests-are-answered', `${step.do} of ${step.stack} had no answer in two minutes`)
  }
}

type Control = NonNullable<World['daemon']>['control']

function ask(control: Control, step: RequestStep): Promise<{ deployment: string }> {
  const caller = { name: 'simulator' }
  switch (step.do) {
    case 'up':
      return control.up(
        step.stack,
        UpRequest.parse({
          model: modelOf(step.stack, step.model),
          source: { workingDir: `/srv/${step.stack}`, configFiles: [`/srv/${step.stack}/compose.yaml`], host: 'sim' },
          options: step.options,
        }),
        caller,
      )
    case 'down': {
      const { services, volumes, timeoutSeconds } = step
      return control.down(step.stack, DownOptions.parse({ services, volumes, timeoutSeconds }), caller)
    }
    case 'scale':
      return control.scale(step.stack, ScaleRequest.parse({ scale: step.scale, dependencies: 'ignore' }), caller)
    default: {
      const { services, dependencies } = step
      return control[step.do](step.stack, ServicesRequest.parse({ services, dependencies }), caller)
    }
  }
}

/** Faults end; time passes until the world is quiet; then it must be as declared, and stay so. */
async function settle(world: World, stacks: readonly string[]): Promise<void> {
  const { scheduler, faults, machine, guard } = world
  world.note('> faults end')
  faults.clear()
  Object.assign(machine.events.fate, { lose: 0, repeat: 0, late: 0 })
  if (!machine.up) await scheduler.advance(60_000, () => machine.up)
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
    const hindered = verdicts.some(({ obstacles }) => obstacles.length > 0)
    if (hindered && guard.deployments - before.deployments > ATTEMPTS_LIMIT)
      return world.broken('rests', `${guard.deployments - before.deployments} attempts against an obstacle in a minute`)
    if (!hindered && guard.changes > before.changes) {
      problem = 'it goes on changing things although all is as declared'
      continue
    }
    const lost = verdicts.some(({ endless }) => endless) ? undefined : judgeRequests(world)
    if (lost !== undefined) world.broken('requests-are-kept', lost)
    const word = foreignProblem(world)
    if (word !== undefined) world.broken('foreign-untouched', word)
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
  return machine.findNetwork('ext-net') === undefined ? 'network ext-net is gone' : undefined
}
