import type { Gate } from '../access/gate.ts'
import type { Config } from '../config.ts'
import { knownHoles } from '../engine/known-holes.ts'
import type { Engine } from '../engine/types.ts'
import type { StackControl } from '../reconcile/stack-control.ts'
import type { Supervisor } from '../reconcile/supervisor.ts'
import { keepHealthChecksAwake } from '../reconcile/wake-health.ts'
import { Autoscaler } from '../scaling/autoscaler.ts'
import { keepHistory } from '../storage/keep-history.ts'
import { sweepHelpers } from '../storage/volume-helper.ts'
import type { OpenedCore } from './core.ts'
import type { State } from './state.ts'

/** How late what runs out may be noticed in what is live. What is revoked is noticed at once. */
const RECHECK_MS = 1000

interface Surroundings extends OpenedCore {
  readonly state: State
  readonly supervisor: Supervisor
  readonly control: StackControl
  readonly gate: Gate
  readonly startedAt: Date
}

/** Begins all that a daemon does by itself. What it answers ends that, and resolves once nothing of it is under way. */
export function beginWork(
  config: Config,
  { core, watch, ingress, certificates, probes, kept, state, supervisor, control, gate, startedAt }: Surroundings,
): () => Promise<void> {
  const { engine, store, clock, recorder, contexts, bundles, frozen } = core
  const { log } = state
  const stop = new AbortController()
  const rechecking = setInterval(() => gate.recheck(), RECHECK_MS).unref()
  const isRemembered = (stack: string) =>
    store.stacks.find(stack) !== undefined || store.deployments.stacks().includes(stack)
  const autoscaler = new Autoscaler({
    ingress,
    engine,
    store,
    clock,
    recorder,
    log,
    everyMs: config.autoscaleMs,
    scale: (stack, request, caller) => control.scale(stack, request, caller),
  })
  const watching = watch.run(stop.signal)
  supervisor.start()
  const works = [
    watching,
    keepHistory({ store, contexts, bundles, clock, log }, config.history, stop.signal),
    autoscaler.run(stop.signal),
    kept.keepWithinLimits(isRemembered, clock, stop.signal),
    keepHealthChecksAwake(
      { engine, store, clock, frozen, log },
      { states: watch.states, resumed: supervisor.resumed },
      stop.signal,
    ),
  ]
  watch.states.subscribe((connection) => {
    if (connection !== 'connected') return
    warnOfHoles(engine, log)
    // A helper that a killed daemon left is seen as soon as the Engine is.
    sweepHelpers(engine, store.instance, startedAt).catch((err) => log.warn({ err }, 'helpers of volumes stay for now'))
  })
  ingress.follow(watch)
  works.push(certificates.keep(stop.signal))
  return async () => {
    clearInterval(rechecking)
    stop.abort()
    probes.stop()
    await Promise.all([supervisor.stop(), ...works])
  }
}

/** Once for each connection: an Engine that comes back may be another one. */
function warnOfHoles(engine: Engine, log: State['log']): void {
  engine.version().then(
    ({ version, runc }) => {
      for (const hole of knownHoles({ Engine: version, runc })) log.warn(hole)
    },
    (err) => log.warn({ err }, 'which version the Engine has is not known'),
  )
}
