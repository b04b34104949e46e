/**
 * Engines before 23.0 ask no more for the health of a container that outlived them (`live-restore`; moby issue 41871): it stays
 * for ever what it was, and a rollout that waits for `healthy` waits for ever. A pause of some milliseconds has them begin again.
 */
import { once } from 'node:events'
import type { Feed } from '../../protocol/feed.ts'
import type { ContainerInspect, Engine } from '../engine/types.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from './clock.ts'
import type { WatchState } from './engine-watch.ts'

export interface WakeParts {
  readonly engine: Engine
  readonly store: Pick<Store, 'instance' | 'adopted' | 'holds'>
  readonly clock: Clock
  readonly frozen: Set<string>
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** `is-back`: the Engine went away meanwhile, so that what runs outlived it. `unknown`: whether a check comes is waited for. */
export type Since = 'is-back' | 'unknown'

/** When there may be some to wake. */
export interface WakeTimes {
  readonly states: Feed<WatchState>
  /** What was left as it was while it was held is so still. */
  readonly resumed: Feed<unknown>
}

/** Upon each connection to the Engine and each end of a hold, until the signal ends it. Resolves once nothing of it is under way. */
export async function keepHealthChecksAwake(
  parts: WakeParts,
  { states, resumed }: WakeTimes,
  signal: AbortSignal,
): Promise<void> {
  let connection: AbortController | undefined
  let hasBeenConnected = false
  const underWay = new Set<Promise<void>>()
  const look = (since: Since): void => {
    if (connection === undefined) return
    const until = AbortSignal.any([connection.signal, signal])
    const waking = wakeHealthChecks(parts, since, until)
      .catch((err) => {
        if (!until.aborted) parts.log.warn({ err }, 'whether health checks outlived the Engine is not known')
      })
      .finally(() => underWay.delete(waking))
    underWay.add(waking)
  }
  const subscriptions = [
    states.subscribe((state) => {
      connection?.abort()
      connection = state === 'connected' ? new AbortController() : undefined
      look(hasBeenConnected ? 'is-back' : 'unknown')
      hasBeenConnected ||= state === 'connected'
    }),
    resumed.subscribe(() => look('unknown')),
  ]
  if (!signal.aborted) await once(signal, 'abort')
  for (const unsubscribe of subscriptions) unsubscribe()
  await Promise.all(underWay)
}

const FIRST_MENDED = 23
/** What the Engine takes where a check says nothing. */
const DEFAULT_NS = 30e9
/** Beyond what a check may take: a busy Engine is late. */
const SLACK_MS = 5000

/** Resolves once each of ours is asked for again. Containers of stacks on hold are left as they are. */
export async function wakeHealthChecks(parts: WakeParts, since: Since, signal: AbortSignal): Promise<void> {
  const { engine, store, log } = parts
  const { version } = await engine.version({ signal })
  if (Number.parseInt(version, 10) >= FIRST_MENDED) return
  if ((await engine.info({ signal })).LiveRestoreEnabled !== true) return
  const filters = { status: ['running'], health: ['starting', 'healthy', 'unhealthy'] }
  const ours = (await engine.containers.list({ filters }, { signal })).filter(
    ({ Id, Labels }) =>
      Labels[COMPOSE.project] !== undefined && (Labels[OURS.instance] === store.instance || store.adopted.has(Id)),
  )
  // One at a time is paused, however many there are.
  let turn = Promise.resolve()
  await Promise.all(
    ours.map(async ({ Id, Labels }) => {
      try {
        if (since === 'unknown' && !(await isForgotten(parts, Id, signal))) return
        const own = turn.then(async () => {
          if (store.holds.of(Labels[COMPOSE.project]!) === undefined) await wake(parts, Id, signal)
        })
        turn = own.catch(() => {})
        await own
      } catch (err) {
        if (!signal.aborted) log.warn({ err, container: Id }, 'whether its health is asked for is not known')
      }
    }),
  )
}

/** Compares what the Engine says at two times, not its clock with ours. */
async function isForgotten({ engine, clock }: WakeParts, id: string, signal: AbortSignal): Promise<boolean> {
  const before = await engine.containers.inspect(id, { signal })
  await clock.sleep(mayTakeMs(before) + SLACK_MS, signal)
  signal.throwIfAborted()
  const after = await engine.containers.inspect(id, { signal })
  return after.State.Status === 'running' && lastOf(before) === lastOf(after)
}

/** Not given up half-way. Where it fails, the loop finds a container that is paused and should run. */
async function wake({ engine, frozen, log }: WakeParts, id: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  frozen.add(id)
  try {
    await engine.containers.pause(id)
    await engine.containers.unpause(id)
    log.info({ container: id }, 'its health is asked for again: the Engine had forgotten that as it was restarted')
  } finally {
    frozen.delete(id)
  }
}

/** From the end of one check to the end of the next. */
function mayTakeMs({ Config }: ContainerInspect): number {
  const { Interval, Timeout } = Config.Healthcheck ?? {}
  return ((Interval || DEFAULT_NS) + (Timeout || DEFAULT_NS)) / 1e6
}

const lastOf = ({ State }: ContainerInspect): string => `${State.StartedAt} ${State.Health?.Log?.at(-1)?.Start}`
