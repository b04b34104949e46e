import { Problem } from '../../../protocol/problems.ts'
import type { Engine } from '../../engine/types.ts'
import { replicaKey } from '../../stack/operation.ts'
import { mayBeMadeAnew } from '../../stack/unhealthy.ts'
import { type MemoryKind, OF_A_CONTAINER } from '../../store/memory.ts'
import type { Clock } from '../clock.ts'
import { SIGNAL_FOR_MS } from '../endings.ts'
import type { Performance, Setting } from '../performance.ts'
import { completeBeforeStart } from './container-plan.ts'
import { explainStart, isAlready, isStatus, isTaskLeft } from './engine-answers.ts'
import { endEngineLoop, endEngineLoopIfThere } from './engine-loop.ts'
import { runHooks } from './hooks.ts'

/** A stop through us sets the restart policy to `no`; a start puts the declared one back first. */
export async function startContainer(performance: Performance<'start-container'>): Promise<void> {
  const {
    body,
    context,
    with: { engine, endings, store },
    signal,
  } = performance
  const id = performance.context.mustHaveContainer(performance.body)
  if (body.id !== undefined) {
    await completeBeforeStart(performance, id)
    if (endings.isLoopToBeEnded(id)) await stop(id, performance)
    forget(performance, id, ['held', 'stopping', 'signalled'])
    await restorePolicy(engine, context, body.service, id, signal)
    if (context.policy.mode === 'request') endings.forgive(context.desired.stack, id)
  }
  try {
    await start(id, body.service, engine, signal)
  } catch (error) {
    if (isTaskLeft(error) && mayBeReplaced(context, id, body.service))
      store.memory.set(context.desired.stack, 'unstartable', id, true)
    throw error
  }
  if (body.generation !== undefined) store.memory.set(context.desired.stack, 'restarted', id, body.generation)
  await runHooks('post_start', id, body.service, performance)
}

/** It never ran, so that nothing is in it, or the loop may make it anew without what it wrote. */
function mayBeReplaced(context: Performance['context'], id: string, service: string): boolean {
  const known = context.container(id)
  const wanted = context.desired.services[service]
  return known === undefined || known.state === 'created' || (wanted !== undefined && mayBeMadeAnew(known, wanted))
}

/** A 500 is believed only after a look: the Engine may have started the container all the same. */
async function start(id: string, service: string, engine: Engine, signal: AbortSignal): Promise<void> {
  try {
    await engine.containers.start(id, { signal })
  } catch (error) {
    if (signal.aborted) throw error
    const now = await engine.containers.inspect(id, { signal }).catch(() => undefined)
    if (now?.State.Running !== true) throw explainStart(error, service)
  }
}

async function restorePolicy(
  engine: Engine,
  context: Performance['context'],
  service: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const declared = context.desired.services[service]?.restartPolicy ?? 'no'
  if (declared === 'no') return
  const retries = Number(/:(\d+)$/.exec(context.revisionOf(service).model.services[service]?.restart ?? '')?.[1] ?? 0)
  await engine.containers.updateRestartPolicy(id, { Name: declared, MaximumRetryCount: retries }, { signal })
}

/** `keep`: stays stopped also when the Engine restarts, so its own policy is `no` while it is stopped through us. */
export async function stopContainer(performance: Performance<'stop-container'>): Promise<void> {
  const {
    body,
    context,
    with: { store },
  } = performance
  try {
    if (body.purpose === 'keep') await hold(performance)
    if (context.container(body.id)?.state === 'paused') await unpauseContainer(performance)
    await runHooks('pre_stop', body.id, body.service, performance)
    await stop(body.id, performance)
  } catch (error) {
    if (!isStatus(error, 404)) throw error
  }
  store.memory.forget(context.desired.stack, 'stopping', body.id)
}

/** Leaves the container marked as one that is being stopped: whoever calls takes that back once it may. */
async function stop(id: string, setting: Setting): Promise<void> {
  const {
    context,
    with: { engine, store, endings },
    signal,
  } = setting
  const { graceSeconds } = context.policy
  // Before the call: whoever does not hear its answer must not take the container for one that runs on.
  store.memory.set(context.desired.stack, 'stopping', id, true)
  await endEngineLoop(id, setting)
  await endings.during(id, () =>
    engine.containers.stop(id, graceSeconds === undefined ? {} : { graceSeconds }, { signal }),
  )
}

/** Its own policy is `no` while it is stopped through us: the Engine would follow it when it starts. */
async function hold({
  body,
  context: { desired },
  with: { engine, store },
  signal,
}: Performance<'stop-container'> | Performance<'kill-container'> | Performance<'restart-container'>): Promise<void> {
  if (desired.services[body.service]?.restartPolicy === 'no') return
  await engine.containers.updateRestartPolicy(body.id, { Name: 'no' }, { signal })
  store.memory.set(desired.stack, 'held', body.id, true)
}

/** No hooks and no grace. A container that has ended in the meantime is as good as killed. */
export async function killContainer(performance: Performance<'kill-container'>): Promise<void> {
  const {
    body,
    context,
    with: { engine, store, endings, settling },
    signal,
  } = performance
  const { stack } = context.desired
  try {
    if (body.purpose === 'stop') {
      await hold(performance)
      await endEngineLoop(body.id, performance)
      store.memory.set(stack, 'signalled', body.id, 'begun')
    }
    await endings.during(body.id, () => engine.containers.kill(body.id, body.signal, { signal }), SIGNAL_FOR_MS)
    if (store.memory.all(stack, 'signalled')[body.id] === 'begun') store.memory.set(stack, 'signalled', body.id, true)
  } catch (error) {
    // It got no signal, or that is not known: where it is to be stopped, the loop sees to it.
    store.memory.forget(stack, 'signalled', body.id)
    if (!isStatus(error, 404) && !isAlready(error, /is not running/i)) throw error
  } finally {
    // Engine 28 answers before its list shows the end.
    settling.ended(stack, body.id)
  }
}

/**
 * A stop and a start: a restart of the Engine's begins the new process at once, before it has always heard of all that comes
 * of the end of the old one, and may then be in a loop (engine-loop.ts).
 */
export async function restartContainer(performance: Performance<'restart-container'>): Promise<void> {
  const {
    body,
    context,
    with: { engine, store, endings },
    signal,
  } = performance
  const { stack } = context.desired
  const isInLoop = endings.isEndedByEngine(body.id)
  if (isInLoop) await hold(performance)
  else await runHooks('pre_stop', body.id, body.service, performance)
  await stop(body.id, performance)
  if (Object.hasOwn(store.memory.all(stack, 'held'), body.id))
    await restorePolicy(engine, context, body.service, body.id, signal)
  endings.forgive(stack, body.id)
  await start(body.id, body.service, engine, signal)
  forget(performance, body.id, ['held', 'stopping', 'signalled'])
  await runHooks('post_start', body.id, body.service, performance)
  if (body.generation !== undefined) store.memory.set(context.desired.stack, 'restarted', body.id, body.generation)
}

export async function pauseContainer({
  body,
  with: { engine },
  signal,
}: Performance<'pause-container'>): Promise<void> {
  try {
    await engine.containers.pause(body.id, { signal })
  } catch (error) {
    // It may have ended since it was looked at, or another hand was quicker.
    if (!isStatus(error, 404) && !isAlready(error, /already paused|not running/i)) throw error
  }
}

export async function unpauseContainer({
  body,
  with: { engine },
  signal,
}: Performance<'unpause-container'> | Performance<'stop-container'>): Promise<void> {
  try {
    await engine.containers.unpause(body.id, { signal })
  } catch (error) {
    if (!isStatus(error, 404) && !isAlready(error, /not paused|not running/i)) throw error
  }
}

/** A replica is known to be empty on purpose before it is empty. */
export async function discardContainer(performance: Performance<'discard-container'>): Promise<void> {
  const {
    body,
    context: {
      desired: { stack },
    },
    with: { engine, store, clock },
    signal,
  } = performance
  const key = replicaKey(body.service, body.replica)
  if (body.leaves === 'vacancy') store.memory.set(stack, 'vacant', key, true)
  await keepLog(performance)
  try {
    await engine.containers.remove(
      body.id,
      { volumes: body.anonymousVolumes === 'remove' ? 'anonymous' : 'keep' },
      { signal },
    )
  } catch (error) {
    if (isStatus(error, 409) && /already in progress/i.test(error.message))
      await untilGone(engine, clock, body.id, signal)
    else if (!isStatus(error, 404)) {
      store.memory.forget(stack, 'vacant', key)
      throw error
    }
  }
  forget(performance, body.id, OF_A_CONTAINER)
}

async function keepLog({
  body: { id, service },
  context: { desired, observed },
  with: { logs },
}: Performance<'remove-container'> | Performance<'discard-container'>): Promise<void> {
  const container = observed.containers.find((one) => one.id === id)
  if (container?.state === 'created' || container?.oneOff === true) return
  const { name = id, replica = 0 } = container ?? {}
  await logs.keep({ stack: desired.stack, container: id, name, service, replica })
}

function forget({ context, with: { store } }: Setting, id: string, kinds: readonly MemoryKind[]): void {
  for (const kind of kinds) store.memory.forget(context.desired.stack, kind, id)
}

export async function removeContainer(performance: Performance<'remove-container'>): Promise<void> {
  await keepLog(performance)
  await performance.with.endings.during(performance.body.id, () => remove(performance))
  await performance.with.ingress.forget(performance.context.desired.stack, performance.body.id)
  forget(performance, performance.body.id, OF_A_CONTAINER)
}

async function remove(performance: Performance<'remove-container'>): Promise<void> {
  const {
    body,
    context,
    with: { engine, clock },
    signal,
  } = performance
  const volumes = body.anonymousVolumes === 'remove' ? 'anonymous' : 'keep'
  await endEngineLoopIfThere(body.id, performance)
  try {
    await engine.containers.remove(body.id, { force: body.mode === 'force', volumes }, { signal })
  } catch (error) {
    if (isStatus(error, 409) && /already in progress/i.test(error.message))
      await untilGone(engine, clock, body.id, signal)
    else if (
      isStatus(error, 409) &&
      /running container|container is (?:running|restarting|paused)/i.test(error.message)
    ) {
      // It was not running when it was looked at: the Engine's restart policy, or somebody, was quicker.
      const { graceSeconds } = context.policy
      await engine.containers.stop(body.id, graceSeconds === undefined ? {} : { graceSeconds }, { signal })
      await engine.containers.remove(body.id, { volumes }, { signal })
    } else if (!isStatus(error, 404)) throw error
  }
}

/** Another removal is under way: ours is done when that is. */
export async function untilGone(engine: Engine, clock: Clock, id: string, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < GONE_TRIES; tries += 1) {
    const there = await engine.containers.inspect(id, { signal }).then(
      () => true,
      (error: unknown) => {
        if (isStatus(error, 404)) return false
        throw error
      },
    )
    if (!there) return
    await clock.sleep(GONE_MS, signal)
  }
  throw new Problem(
    'engine-timeout',
    `the Engine has been removing container ${id.slice(0, 12)} for ${(GONE_TRIES * GONE_MS) / 1000} s`,
  )
}

const GONE_MS = 100
const GONE_TRIES = 100

export async function renameContainer(performance: Performance<'rename-container'>): Promise<void> {
  const {
    body,
    with: { engine },
    signal,
  } = performance
  const id = performance.context.mustHaveContainer(performance.body)
  try {
    await engine.containers.rename(id, body.name, { signal })
  } catch (error) {
    const now = await engine.containers.inspect(id, { signal })
    if (now.Name !== `/${body.name}`) throw error
  }
}
