import { setImmediate } from 'node:timers/promises'
import { Channel } from '../../protocol/feed.ts'
import { ImageBuilder } from '../build/builder.ts'
import { BundleStore } from '../build/bundle-store.ts'
import { ContextStore } from '../build/context-store.ts'
import { SshLoans } from '../build/ssh-loans.ts'
import { CertificateVault } from '../certificates/certificate-vault.ts'
import { type OpenedCertificates, openCertificates } from '../certificates/open.ts'
import type { Config } from '../config.ts'
import { engineAddress } from '../engine/address.ts'
import { connectEngine } from '../engine/connect.ts'
import { type OpenedIngress, openIngress } from '../ingress/open.ts'
import { systemClock } from '../reconcile/clock.ts'
import { ContainerWaiter } from '../reconcile/container-waiter.ts'
import type { Core } from '../reconcile/core.ts'
import { DesiredReader } from '../reconcile/desired-reader.ts'
import { Endings } from '../reconcile/endings.ts'
import { EngineWatch } from '../reconcile/engine-watch.ts'
import { EventRecorder } from '../reconcile/event-recorder.ts'
import { FileStore } from '../reconcile/files.ts'
import { ListSettling } from '../reconcile/list-settling.ts'
import { Observer } from '../reconcile/observer.ts'
import { ProbeWatch } from '../reconcile/probe-watch.ts'
import type { ProgressItem } from '../reconcile/progress.ts'
import { KeptLogs } from '../streams/kept-logs.ts'
import type { State } from './state.ts'

/** The core of the daemon with what stands around it, all of it at rest. */
export interface OpenedCore {
  readonly core: Core
  readonly watch: EngineWatch
  readonly ingress: OpenedIngress
  readonly certificates: OpenedCertificates
  readonly probes: ProbeWatch
  readonly kept: KeptLogs
}

export function openCore(config: Config, { store, log, key, vault }: State): OpenedCore {
  const clock = systemClock
  const now = () => clock.now()
  const engine = connectEngine(engineAddress(config.engine, process.env))
  const watch = new EngineWatch({ engine, store, clock, log })
  const contexts = new ContextStore(config.state)
  const recorder = new EventRecorder(store.events)
  const settling = new ListSettling(engine)
  const kept = new KeptLogs({
    folder: config.state,
    engine,
    limits: { bytes: config.history.logMib * 1024 ** 2, days: config.history.logDays },
    now,
    log,
  })
  const certificateVault = new CertificateVault({ store, key, now, log })
  const ingress = openIngress({
    config: config.ingress,
    engine,
    store,
    state: config.state,
    uid: process.getuid?.(),
    certificateOf: (host) => certificateVault.pemOf(host),
    clock,
    log,
  })
  const certificates = openCertificates({
    config: config.acme,
    vault: certificateVault,
    store,
    ingress: ingress.https,
    clock,
    log,
  })
  const probes = new ProbeWatch({ engine, clock, ingress, recorder, log })
  const frozen = new Set<string>()
  const core: Core = {
    ingress,
    probes,
    engine,
    store,
    clock,
    contexts,
    bundles: new BundleStore(config.state, contexts),
    secrets: vault,
    recorder,
    log,
    settling,
    files: new FileStore(config.state),
    builder: new ImageBuilder(engine, contexts),
    waiter: new ContainerWaiter(engine, watch, clock, frozen),
    logs: kept,
    observer: new Observer(engine, store, settling, setImmediate),
    desired: new DesiredReader(store, ingress.reach),
    endings: new Endings(store, clock),
    progress: new Channel<ProgressItem>(),
    credentials: new Map(),
    sshLoans: new SshLoans(),
    underWay: new Map(),
    frozen,
  }
  return { core, watch, ingress, certificates, probes, kept }
}
