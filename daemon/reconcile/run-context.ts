/** What the actions of one run share: the desired state they serve, what they found, and their collaborators. */
import { Problem } from '../../protocol/problems.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ImageBuilder } from '../build/builder.ts'
import type { BundleStore } from '../build/bundle-store.ts'
import type { ContextStore } from '../build/context-store.ts'
import type { Engine } from '../engine/types.ts'
import type { Ingress } from '../ingress/ingress.ts'
import type { Vault } from '../secrets/vault.ts'
import type { DesiredStack } from '../stack/desired.ts'
import { matchService } from '../stack/match.ts'
import type { Observed, ObservedContainer } from '../stack/observed.ts'
import type { Policy } from '../stack/policy.ts'
import { sidesOf } from '../stack/trial.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './clock.ts'
import type { ContainerWaiter } from './container-waiter.ts'
import type { Credentials } from './credentials.ts'
import type { Endings } from './endings.ts'
import type { FileStore } from './files.ts'
import type { ImageTable } from './images.ts'
import type { ListSettling } from './list-settling.ts'
import type { ProbeWatch } from './probe-watch.ts'
import { RolloutWatch } from './rollout-watch.ts'

export interface Collaborators {
  readonly engine: Engine
  readonly store: Store
  readonly clock: Clock
  readonly files: FileStore
  readonly contexts: ContextStore
  readonly bundles: BundleStore
  readonly secrets: Pick<Vault, 'pathOf' | 'mustHave' | 'valueOf'>
  readonly builder: ImageBuilder
  readonly waiter: ContainerWaiter
  readonly endings: Endings
  readonly settling: ListSettling
  readonly logs: LogKeeper
  readonly ingress: Ingress
  readonly probes: ProbeWatch
}

/** Takes the end of a container's log just before the container is removed. Never rejects. */
export interface LogKeeper {
  keep(removed: {
    readonly stack: string
    readonly container: string
    readonly name: string
    readonly service: string
    readonly replica: number
  }): Promise<void>
}

interface ContextParts {
  readonly desired: DesiredStack
  readonly observed: Observed
  readonly policy: Policy
  readonly images: ImageTable
  readonly credentials: Credentials
  readonly store: Store
  readonly warn: (message: string) => void
  /** Where another context's is to know of these failures as well. */
  readonly rollouts?: RolloutWatch
}

export class RunContext {
  readonly desired: DesiredStack
  readonly observed: Observed
  readonly policy: Policy
  readonly images: ImageTable
  readonly credentials: Credentials
  readonly warn: (message: string) => void
  readonly rollouts: RolloutWatch
  readonly #store: Store
  /** Containers that this run made, by service and replica. */
  readonly #created = new Map<string, string>()

  /** For actions upon replicas on trial: what is desired of them, and what is there of them. */
  readonly trial: RunContext

  constructor(parts: ContextParts) {
    const { rest, tried } = sidesOf(parts.desired, parts.observed)
    this.desired = parts.desired
    this.observed = rest.observed
    this.policy = parts.policy
    this.images = parts.images
    this.credentials = parts.credentials
    this.warn = parts.warn
    this.#store = parts.store
    this.rollouts = parts.rollouts ?? new RolloutWatch(parts.desired, parts.policy)
    this.trial = tried === undefined ? this : new RunContext({ ...parts, ...tried, rollouts: this.rollouts })
  }

  made(service: string, replica: number, id: string): void {
    this.#created.set(`${service} ${replica}`, id)
  }

  /** The container that is this replica now: the one this run made, else the one that was there. */
  containerId(service: string, replica: number): string | undefined {
    return this.#created.get(`${service} ${replica}`) ?? this.#current(service, replica)?.id
  }

  /** The container that an action is upon: the one that it names, else the one that is its replica now. */
  mustHaveContainer({ id, service, replica }: { id: string | undefined; service: string; replica: number }): string {
    const found = id ?? this.containerId(service, replica)
    if (found === undefined) throw new Problem('container-not-found', `service ${service} has no container ${replica}`)
    return found
  }

  /** The one that the plan keeps: a crash may have left another beside it. */
  #current(service: string, replica: number): ObservedContainer | undefined {
    const desired = this.desired.services[service]
    const own = this.#observedOf(service)
    const match = desired === undefined ? undefined : matchService(desired, own, this.observed).replicas[replica - 1]
    return match?.current ?? own.find((container) => container.replica === replica)
  }

  containerIds(service: string): string[] {
    const count = this.desired.services[service]?.replicas ?? 0
    return Array.from({ length: count }, (_, index) => this.containerId(service, index + 1)).filter(
      (id) => id !== undefined,
    )
  }

  container(id: string): ObservedContainer | undefined {
    return this.observed.containers.find((container) => container.id === id)
  }

  /** The revision that a service is at. */
  revisionOf(service: string): RevisionRow {
    const number = this.desired.services[service]?.revision ?? this.desired.revision
    const revision = this.#store.revisions.find(this.desired.stack, number)
    if (revision === undefined) throw new Error(`revision ${number} of ${this.desired.stack} is not in the store`)
    return revision
  }

  /** Of all revisions that something of the stack is at, or is on trial of. */
  models(): Model[] {
    const revisions = ['', ...Object.keys(this.desired.services)].map((service) => this.revisionOf(service))
    const tried = this.desired.trial && this.#store.revisions.find(this.desired.stack, this.desired.trial.revision)
    return [...revisions, ...(tried === undefined ? [] : [tried])].map(({ model }) => model)
  }

  #observedOf(service: string): ObservedContainer[] {
    return this.observed.containers.filter((c) => c.ownership === 'ours' && c.service === service && !c.oneOff)
  }
}
