/**
 * What was asked of the daemon, kept beside it, and what must be true because of it. Written without a look at the
 * daemon's own rules: two people reading the same manual.
 */
import type { UpOptions } from '../../protocol/resources/stack.ts'
import type { SimulatedModel, SimulatedService } from './models.ts'
import type { RequestStep } from './schedule.ts'
import { sqliteControl } from './sqlite.ts'
import type { World } from './world.ts'

export interface Entry {
  readonly step: RequestStep
  readonly askedAtMs: number
  /** Known once it was answered, or found in the store after a death. */
  deployment: string | undefined
  answer: 'none' | 'accepted' | 'refused'
}

export interface DeploymentOnDisk {
  readonly sequence: number
  readonly id: string
  readonly stack: string
  readonly kind: string
  readonly state: string
  readonly applied: number
  readonly error: string | null
}

export interface ExpectedService {
  readonly spec: SimulatedService
  readonly model: SimulatedModel
  readonly run: 'running' | 'stopped' | 'paused' | 'removed'
  readonly replicas: number
  /** `--no-recreate`: an older container may stay. */
  readonly keepsOld: boolean
  /** Containers are younger than this: somebody forced it. */
  readonly createdAfterMs: number
  /** They were started after this: somebody asked for a restart. */
  readonly startedAfterMs: number
  /** Replicas that `rm` may have left empty. */
  readonly vacant: ReadonlySet<number>
}

export interface ExpectedStack {
  readonly presence: 'unknown' | 'present' | 'absent'
  readonly model: SimulatedModel | undefined
  readonly services: ReadonlyMap<string, ExpectedService>
  /** The last thing asked was `down -v`, and it succeeded. */
  readonly volumesGone: boolean
}

export class Ledger {
  readonly entries: Entry[] = []
  /** Something was put on hold. */
  wasHeld = false
  readonly #world: World
  readonly #adopted = new Set<string>()

  constructor(world: World) {
    this.#world = world
  }

  asked(step: RequestStep): Entry {
    const entry: Entry = { step, askedAtMs: this.#world.scheduler.nowMs, deployment: undefined, answer: 'none' }
    this.entries.push(entry)
    return entry
  }

  /** The daemon died before it answered: whether it took the request stands in its store. */
  lookFor(entry: Entry): void {
    const known = new Set(this.entries.map((other) => other.deployment))
    const row = this.deployments().find((candidate) => candidate.kind !== 'heal' && !known.has(candidate.id))
    entry.deployment = row?.id
  }

  deployments(): DeploymentOnDisk[] {
    return sqliteControl.query(
      this.#world.folder,
      'SELECT sequence, id, stack, kind, state, applied, error FROM deployments ORDER BY sequence',
    )
  }

  /** It forgets what is gone, and who is not adopted any more is ours by its label or not at all. */
  isAdopted(id: string): boolean {
    const rows = sqliteControl.query(this.#world.folder, 'SELECT 1 FROM adopted WHERE id = ?', id)
    if (rows.length > 0) this.#adopted.add(id)
    return this.#adopted.has(id)
  }

  entryOf(deployment: string): Entry | undefined {
    return this.entries.find((entry) => entry.deployment === deployment)
  }

  /** A `down --volumes` of this stack that the daemon knows of: only then may volumes go. */
  mayDropVolumes(stack: string): boolean {
    return this.entries.some(
      ({ step, answer }) =>
        step.do === 'down' && step.stack === stack && step.volumes === 'remove' && answer !== 'refused',
    )
  }

  expected(stack: string): ExpectedStack {
    let state: Mutable = { presence: 'unknown', model: undefined, services: new Map(), volumesGone: false }
    for (const row of this.deployments()) {
      if (row.stack !== stack || row.kind === 'heal' || row.applied !== 1) continue
      const entry = this.entryOf(row.id)
      if (entry !== undefined) state = after(state, entry, row.state)
    }
    return state
  }
}

interface Mutable {
  presence: ExpectedStack['presence']
  model: SimulatedModel | undefined
  services: Map<string, ExpectedService>
  volumesGone: boolean
}

function after(before: Mutable, { step, askedAtMs }: Entry, outcome: string): Mutable {
  if (step.do === 'up') return afterUp(before, step, askedAtMs)
  if (step.do === 'adopt') return afterAdopt(step)
  if (step.do === 'run') return afterOneOff(before, step)
  if (step.do === 'down' && step.services.length === 0) {
    const volumesGone = step.volumes === 'remove' && outcome === 'succeeded'
    return { ...before, presence: 'absent', services: new Map(), volumesGone }
  }
  const services = new Map(before.services)
  const named = step.do === 'scale' ? Object.keys(step.scale) : step.services
  const withNeeds = 'dependencies' in step && step.dependencies === 'include'
  // All is all that is there, also what a partial `up` left of an older file.
  const scope = named.length === 0 ? services.keys() : scopeOf(before.model!, named, withNeeds)
  for (const name of [...scope]) {
    const old = services.get(name)
    if (old === undefined) continue
    if (step.do === 'down') services.set(name, { ...old, run: 'removed' })
    else if (step.do === 'stop') {
      if (old.run !== 'removed') services.set(name, { ...old, run: 'stopped' })
    } else if (step.do === 'start') services.set(name, { ...old, run: 'running', vacant: NONE })
    else if (step.do === 'kill') {
      if (old.run !== 'removed' && step.signal !== 'SIGHUP') services.set(name, { ...old, run: 'stopped' })
    } else if (step.do === 'pause') {
      if (old.run === 'running') services.set(name, { ...old, run: 'paused' })
    } else if (step.do === 'unpause') {
      if (old.run === 'paused') services.set(name, { ...old, run: 'running' })
    } else if (step.do === 'remove') {
      const numbers = (step.containers ?? []).map(replicaOf(name)).filter((replica) => replica !== undefined)
      services.set(name, { ...old, vacant: new Set([...old.vacant, ...numbers]) })
    } else if (step.do === 'restart') services.set(name, { ...old, run: 'running', startedAfterMs: askedAtMs })
    else if (step.do === 'scale')
      services.set(name, { ...old, run: 'running', replicas: step.scale[name] ?? old.replicas, vacant: NONE })
  }
  return { ...before, services }
}

function afterUp(before: Mutable, step: Extract<RequestStep, { do: 'up' }>, askedAtMs: number): Mutable {
  const { model, options } = step
  const scope = scopeOf(model, options.services ?? [], options.dependencies !== 'ignore')
  const old = before.presence === 'absent' ? new Map<string, ExpectedService>() : before.services
  const services = new Map<string, ExpectedService>()
  for (const [name, service] of old) {
    const isNamed = (options.services ?? []).length > 0
    if (!scope.has(name) && isNamed) services.set(name, service)
  }
  for (const name of scope) {
    const spec = model.services[name]!
    const known = old.get(name)
    const run = runAfterUp(options, known)
    services.set(name, {
      spec,
      model,
      run,
      replicas: options.scale?.[name] ?? spec.replicas ?? 1,
      keepsOld: options.recreate === 'never',
      createdAfterMs: isForced(options, name) ? askedAtMs : (known?.createdAfterMs ?? 0),
      startedAfterMs: known?.startedAfterMs ?? 0,
      vacant: NONE,
    })
  }
  return { presence: 'present', model, services, volumesGone: false }
}

const NONE: ReadonlySet<number> = new Set()

/** Containers are written down as `ID service number`. */
const replicaOf =
  (service: string) =>
  (container: string): number | undefined => {
    const [, of, number] = container.split(' ')
    return of === service ? Number(number) : undefined
  }

/** All stays as it is. What has no container has none until somebody asks for it. */
function afterAdopt({ model, there }: Extract<RequestStep, { do: 'adopt' }>): Mutable {
  const services = Object.entries(model.services).map(([name, spec]): [string, ExpectedService] => {
    const found = there?.[name] ?? 0
    const run = found === 0 ? 'removed' : 'running'
    const replicas = found === 0 ? (spec.replicas ?? 1) : found
    return [name, { spec, model, run, replicas, keepsOld: true, createdAfterMs: 0, startedAfterMs: 0, vacant: NONE }]
  })
  return { presence: 'present', model, services: new Map(services), volumesGone: false }
}

/** What it depends on is brought up; the service's own replicas are left as they are. */
function afterOneOff(before: Mutable, { stack, model, service }: Extract<RequestStep, { do: 'run' }>): Mutable {
  const scope = scopeOf(model, [service], true)
  scope.delete(service)
  const isThere = before.presence === 'present'
  const services = new Map(isThere ? before.services : [])
  const up = afterUp(before, { do: 'up', stack, model, options: { services: [...scope], dependencies: 'ignore' } }, 0)
  for (const name of scope) services.set(name, up.services.get(name)!)
  return { presence: 'present', model, services, volumesGone: false }
}

function runAfterUp(options: Partial<UpOptions>, known: ExpectedService | undefined): ExpectedService['run'] {
  if (options.start !== 'create-only') return 'running'
  return known === undefined || known.run === 'removed' ? 'stopped' : known.run
}

function isForced(options: Partial<UpOptions>, name: string): boolean {
  if (options.recreate === 'force-all') return true
  const named = options.services ?? []
  return options.recreate === 'force' && (named.length === 0 || named.includes(name))
}

function scopeOf(model: SimulatedModel, named: readonly string[], withNeeds: boolean): Set<string> {
  if (named.length === 0) return new Set(Object.keys(model.services))
  const scope = new Set<string>()
  const visit = (name: string): void => {
    if (scope.has(name)) return
    scope.add(name)
    if (withNeeds) for (const other of Object.keys(model.services[name]?.needs ?? {})) visit(other)
  }
  for (const name of named) visit(name)
  return scope
}
