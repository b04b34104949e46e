/** Holds each container of a stack against what is declared, with an inspect of each: for people who look, not for the loop. */
import { Problem } from '../../protocol/problems.ts'
import type { DriftField } from '../../protocol/resources/container.ts'
import type { ContainerInspect, ContainerSummary } from '../engine/types.ts'
import { withAdopted } from '../stack/adopted.ts'
import type { DesiredService, DesiredStack } from '../stack/desired.ts'
import { hostDrift, restartDrift } from '../stack/drift.ts'
import { isCurrent } from '../stack/match.ts'
import { type Observed, type ObservedContainer, observeContainer } from '../stack/observed.ts'
import { HEAL } from '../stack/policy.ts'
import { declarationOf, isOnTrial } from '../stack/trial.ts'
import { changeReason } from './change-reason.ts'
import type { Core } from './core.ts'
import { NO_CREDENTIALS } from './credentials.ts'
import { ImageTable } from './images.ts'
import { inspectAll } from './inspect-all.ts'
import { containerPlan } from './perform/container-plan.ts'
import { RunContext } from './run-context.ts'

/** By id, of those that differ. Nothing where the stack's definition was lost. */
export async function driftOf(
  core: Core,
  stack: string,
  summaries: readonly ContainerSummary[],
  signal: AbortSignal,
): Promise<Map<string, DriftField[]>> {
  const desired = readDesired(core, stack)
  if (desired?.presence !== 'present') return new Map()
  const { store, engine } = core
  const seen = { containers: summaries.map((s) => observeContainer(s, store.instance)), ...NOTHING_ELSE }
  const observed = withAdopted(seen, store.adopted.of(stack))
  const own = observed.containers.filter(
    ({ ownership, oneOff, service }) => ownership === 'ours' && !oneOff && desired.services[service] !== undefined,
  )
  const inspected = await inspectAll(
    engine,
    own.map(({ id }) => id),
    signal,
  )
  const report = new DriftReport(core, desired, observed, signal)
  const found = new Map<string, DriftField[]>()
  for (const container of own) {
    const inspect = inspected.get(container.id)
    const fields = inspect === undefined ? [] : await report.of(container, inspect)
    if (fields.length > 0) found.set(container.id, fields)
  }
  return found
}

const NOTHING_ELSE = { networks: [], volumes: [], ports: [] }

function readDesired({ desired }: Core, stack: string): DesiredStack | undefined {
  try {
    return desired.read(stack)
  } catch (error) {
    if (error instanceof Problem && error.code === 'stack-blocked') return undefined
    throw error
  }
}

class DriftReport {
  readonly #core: Core
  readonly #desired: DesiredStack
  readonly #context: RunContext
  readonly #signal: AbortSignal
  readonly #held: ReadonlySet<string>

  constructor(core: Core, desired: DesiredStack, observed: Observed, signal: AbortSignal) {
    this.#core = core
    this.#desired = desired
    this.#signal = signal
    this.#held = new Set(Object.keys(core.store.memory.all(desired.stack, 'held')))
    this.#context = new RunContext({
      desired,
      observed,
      policy: HEAL,
      images: new ImageTable(core.engine),
      credentials: NO_CREDENTIALS,
      store: core.store,
      warn: () => {},
    })
  }

  async of(container: ObservedContainer, inspect: ContainerInspect): Promise<DriftField[]> {
    const service = declarationOf(container, this.#desired)!
    return [
      ...this.#definition(container, service),
      ...(await this.#image(container, service)),
      ...this.#networks(container, service),
      ...(await this.#host(container, service, inspect)),
    ]
  }

  /** Of an older revision (`--no-recreate`), or adopted as it was. */
  #definition(container: ObservedContainer, service: DesiredService): DriftField[] {
    if (service.specHash === undefined || container.specHash === service.specHash) return []
    const { store } = this.#core
    const { stack } = this.#desired
    const actual = changeReason(container, this.#desired, (number) => store.revisions.find(stack, number))
    return [{ field: 'definition', declared: `revision ${service.revision}`, actual }]
  }

  /** The loop never follows a tag: what it means now is for the next `up`. */
  async #image(container: ObservedContainer, service: DesiredService): Promise<DriftField[]> {
    const { reference } = service.image
    const tagged = await this.#context.images.inspect(reference, this.#signal)
    if (tagged === undefined || tagged.Id === container.imageId) return []
    return [
      {
        field: 'image',
        declared: `${reference}, which means ${short(tagged.Id)} now`,
        actual: short(container.imageId),
      },
    ]
  }

  #networks(container: ObservedContainer, service: DesiredService): DriftField[] {
    if (!isCurrent(container, service)) return []
    const missing = service.networks.filter((name) => container.networks[name] === undefined)
    return missing.length === 0 ? [] : [{ field: 'networks', declared: missing.join(', '), actual: 'not on it' }]
  }

  async #host(container: ObservedContainer, service: DesiredService, inspect: ContainerInspect): Promise<DriftField[]> {
    if (!isCurrent(container, service) || container.specHash !== service.specHash) return []
    const { service: name, replica, id } = container
    const context = isOnTrial(container, this.#desired) ? this.#context.trial : this.#context
    const setting = { context, with: this.#core, signal: this.#signal, report: () => {}, became: () => {} }
    const plan = await containerPlan(setting, { service: name, replica, name: container.name, carriedVolumes: {} })
    const declared = plan.body.HostConfig ?? {}
    const isHeld = this.#held.has(id)
    return [
      ...hostDrift(declared, inspect.HostConfig),
      // What is stopped through us has no policy for that time.
      ...(isHeld ? [] : restartDrift(declared.RestartPolicy, inspect.HostConfig.RestartPolicy)),
    ]
  }
}

const short = (imageId: string): string => imageId.replace(/^sha256:/, '').slice(0, 12)
