/** The core over a fake Engine and a real store in a temporary folder, and what a deployment needs. */
import { onTestFinished } from 'vitest'
import { ImageBuilder } from '../../../daemon/build/builder.ts'
import { BundleStore } from '../../../daemon/build/bundle-store.ts'
import { ContextStore } from '../../../daemon/build/context-store.ts'
import { SshLoans } from '../../../daemon/build/ssh-loans.ts'
import { noIngress } from '../../../daemon/ingress/ingress.ts'
import type { Clock } from '../../../daemon/reconcile/clock.ts'
import { ContainerWaiter } from '../../../daemon/reconcile/container-waiter.ts'
import type { Core } from '../../../daemon/reconcile/core.ts'
import { DesiredReader } from '../../../daemon/reconcile/desired-reader.ts'
import { Endings } from '../../../daemon/reconcile/endings.ts'
import { EngineWatch } from '../../../daemon/reconcile/engine-watch.ts'
import { EventRecorder } from '../../../daemon/reconcile/event-recorder.ts'
import { FileStore } from '../../../daemon/reconcile/files.ts'
import { ListSettling } from '../../../daemon/reconcile/list-settling.ts'
import { Observer } from '../../../daemon/reconcile/observer.ts'
import { ProbeWatch } from '../../../daemon/reconcile/probe-watch.ts'
import type { ProgressItem } from '../../../daemon/reconcile/progress.ts'
import type { StackRequest } from '../../../daemon/reconcile/requests.ts'
import { DeploymentRun } from '../../../daemon/reconcile/run-deployment.ts'
import { Redactor } from '../../../daemon/secrets/redactor.ts'
import { Vault } from '../../../daemon/secrets/vault.ts'
import type { DeploymentRow } from '../../../daemon/store/deployments.ts'
import type { RevisionRow } from '../../../daemon/store/revisions.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { Channel } from '../../../protocol/feed.ts'
import type { Deployment } from '../../../protocol/resources/deployment.ts'
import { KillOptions, PauseOptions } from '../../../protocol/resources/operations.ts'
import {
  DownOptions,
  ScaleRequest,
  ServicesRequest,
  UpOptions,
  type UpRequestInput,
} from '../../../protocol/resources/stack.ts'
import type { Model, Service } from '../../../protocol/stackfile/model.ts'
import { FakeEngine } from './fake-engine.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const AT = '2026-01-02T03:04:05.000Z'

/** Stands still, except that each look at it is a millisecond later; sleeps are over at once. */
export function instantClock(): Clock {
  let ms = Date.parse(AT)
  return {
    now: () => {
      ms += 1
      return new Date(ms)
    },
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

export interface Bench {
  readonly core: Core
  readonly engine: FakeEngine
}

export function aBench(clock: Clock = instantClock()): Bench {
  const folder = temporaryFolder()
  const store = openStore(folder)
  const fake = new FakeEngine()
  const engine = fake.asEngine()
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const contexts = new ContextStore(folder)
  const watch = new EngineWatch({ engine, store, clock, log })
  const recorder = new EventRecorder(store.events)
  const settling = new ListSettling(engine)
  const ingress = noIngress('there is none in tests')
  const frozen = new Set<string>()
  onTestFinished(() => {
    recorder.flush()
    store.close()
  })
  return {
    engine: fake,
    core: {
      engine,
      store,
      clock,
      log,
      contexts,
      bundles: new BundleStore(folder, contexts),
      secrets: new Vault({
        store,
        key: () => Buffer.alloc(32),
        files: () => undefined,
        redactor: new Redactor(),
        now: () => new Date(0),
      }),
      recorder,
      settling,
      files: new FileStore(folder),
      builder: new ImageBuilder(engine, contexts),
      waiter: new ContainerWaiter(engine, watch, clock, frozen),
      logs: { keep: async () => {} },
      ingress,
      probes: new ProbeWatch({ engine, clock, ingress, recorder, log }),
      observer: new Observer(engine, store, settling),
      desired: new DesiredReader(store),
      endings: new Endings(store, clock),
      progress: new Channel<ProgressItem>(),
      credentials: new Map(),
      sshLoans: new SshLoans(),
      underWay: new Map(),
      frozen,
    },
  }
}

/** A canonical model of the stack `shop` with one network, on which all services are. */
export function aModel(services: Readonly<Record<string, Partial<Service>>>, parts: Partial<Model> = {}): Model {
  return {
    name: 'shop',
    services: Object.fromEntries(
      Object.entries(services).map(([name, spec]) => [
        name,
        { image: `${name}:1`, networks: { default: null }, ...spec },
      ]),
    ),
    networks: { default: { name: 'shop_default' } },
    ...parts,
  }
}

export const SOURCE = {
  workingDir: '/srv/shop',
  configFiles: ['/srv/shop/compose.yaml'],
  environmentFiles: [],
  host: 'laptop',
}

export const aRevision = (number: number, model: Model, parts: Partial<RevisionRow> = {}): RevisionRow => ({
  stack: model.name,
  number,
  createdAt: AT,
  author: 'local socket',
  note: undefined,
  source: SOURCE,
  digest: `digest-${number}`,
  model,
  files: [],
  contexts: {},
  ...parts,
})

type Given<T extends { parse: (value: unknown) => unknown }> = Partial<ReturnType<T['parse']>>

export const up = (revision: number, options: Given<typeof UpOptions> = {}, disabled: readonly string[] = []) =>
  ({ kind: 'up', revision, options: UpOptions.parse(options), disabled }) satisfies StackRequest

export const down = (options: Given<typeof DownOptions> = {}) =>
  ({ kind: 'down', options: DownOptions.parse(options) }) satisfies StackRequest

export const services = (kind: 'start' | 'stop' | 'restart', options: Given<typeof ServicesRequest> = {}) =>
  ({ kind, options: ServicesRequest.parse(options) }) satisfies StackRequest

type Operations = 'kill' | 'pause' | 'unpause'

/** `rm` names containers; see there. */
export const operation = (kind: Operations, options: Given<typeof KillOptions> = {}): StackRequest => {
  if (kind !== 'kill') return { kind, options: PauseOptions.parse(options) }
  const kill = KillOptions.parse(options)
  const isStop = kill.signal === 'SIGKILL' || kill.signal === 'SIGTERM'
  return { kind, options: kill, stops: isStop ? ['web', 'db', 'job'] : [] }
}

export const scale = (to: Record<string, number>, options: Given<typeof ScaleRequest> = {}) =>
  ({ kind: 'scale', options: ScaleRequest.parse({ scale: to, ...options }) }) satisfies StackRequest

export const upRequest = (model: Model, parts: Partial<UpRequestInput> = {}): UpRequestInput => ({
  model,
  source: SOURCE,
  ...parts,
})

let requests = 0

/** Writes a request down, as the API does. Answers its id. */
export function queue({ core }: Bench, request: StackRequest, revision = 1): string {
  requests += 1
  const id = `deployment-${requests}`
  core.store.deployments.add({
    id,
    stack: 'shop',
    kind: request.kind,
    revision,
    state: 'queued',
    requestedBy: 'local socket',
    request,
    createdAt: AT,
  })
  return id
}

/** Carries out what comes next, and answers how it ended. */
export async function runNext(bench: Bench, signal: AbortSignal = new AbortController().signal): Promise<Deployment> {
  const { store } = bench.core
  const row = store.deployments.next('shop') as DeploymentRow
  await new DeploymentRun(bench.core, row).run(signal)
  return store.deployments.find(row.id)!
}

export async function deploy(bench: Bench, request: StackRequest, signal?: AbortSignal): Promise<Deployment> {
  queue(bench, request)
  return runNext(bench, signal)
}

/** A stack `shop` that is up, of these services, with all images here. */
export async function aRunningStack(
  specs: Readonly<Record<string, Partial<Service>>> = { web: {} },
  parts: Partial<Model> = {},
  clock?: Clock,
): Promise<Bench> {
  const bench = aBench(clock)
  const model = aModel(specs, parts)
  for (const service of Object.values(model.services)) bench.engine.addImage(service.image!)
  bench.core.store.revisions.add(aRevision(1, model))
  await deploy(bench, up(1))
  bench.engine.calls.length = 0
  return bench
}
