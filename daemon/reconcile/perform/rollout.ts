import { Problem } from '../../../protocol/problems.ts'
import { lastLines } from '../../engine/last-lines.ts'
import type { Engine } from '../../engine/types.ts'
import type { DesiredStack } from '../../stack/desired.ts'
import { probedAt } from '../../stack/probe.ts'
import type { Performance } from '../performance.ts'
import type { Probed } from '../probe-watch.ts'
import { addressesOf } from './routing.ts'

/** Lines of a failed replica that its reason quotes. */
const LINES = 12

/** A replica that fails is gone soon, and its log with it: what it said last is part of the reason. */
export async function awaitReplica({
  body,
  context,
  with: { engine, waiter, clock, ingress, probes },
  signal,
  report,
}: Performance<'await-replica'>): Promise<void> {
  const id = context.mustHaveContainer(body)
  const isRouted = context.desired.services[body.service]?.routing !== undefined
  try {
    if (isRouted) await ingress.warm(signal)
    // What has counted before may have been restarted by the Engine since: it need only be there.
    const isProved = body.id !== undefined && body.monitorMs === 0
    // One that an earlier run left may have been restarted since: it is to stand by itself from now on.
    const isLeft = body.id !== undefined && !isProved
    const restarts = isLeft ? (await engine.containers.inspect(id, { signal })).RestartCount : 0
    const { health } = await waiter.wait(id, body.service, isProved ? 'ready' : 'serving', signal, restarts)
    const probed = await probedOf(engine, context.desired, body.service, id, signal)
    if (!isProved && probed?.probes.ready !== undefined) {
      const over = new AbortController()
      const either = AbortSignal.any([signal, over.signal])
      const failed = waiter.untilFailed(id, body.service, either, restarts)
      await Promise.race([failed, probes.untilReady(probed, either, report)]).finally(() => over.abort())
      signal.throwIfAborted()
    }
    // From now on, for the loop looks again only once this round is over.
    if (probed !== undefined) probes.follow(probed)
    if (isProved) return
    if (body.monitor === 'instead' && (health === 'healthy' || probed?.probes.ready !== undefined)) return
    const now = (): number => clock.now().getTime()
    const endMs = now() + body.monitorMs
    // A clock that is set back meanwhile gives it no more time.
    for (let leftMs = body.monitorMs; leftMs > 0; leftMs = Math.min(leftMs - WATCH_MS, endMs - now())) {
      report(`watched for ${Math.ceil(leftMs / 1000)} s more`)
      const over = new AbortController()
      const failed = waiter.untilFailed(id, body.service, AbortSignal.any([signal, over.signal]), restarts)
      const slept = clock.sleep(Math.min(leftMs, WATCH_MS), AbortSignal.any([signal, over.signal]))
      await Promise.race([failed, slept]).finally(() => over.abort())
      signal.throwIfAborted()
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof Problem) || error.code !== 'dependency-failed') throw error
    const lines = (await lastLines(engine, id, LINES)).map((line) => `  | ${line}`)
    const said = lines.length === 0 ? [] : ['its last lines:', ...lines]
    throw new Problem('deployment-failed', [error.message, ...said].join('\n'), { hint: error.hint, cause: error })
  }
}

/** Undefined: it has no probes. */
async function probedOf(
  engine: Engine,
  { stack, services }: DesiredStack,
  service: string,
  id: string,
  signal: AbortSignal,
): Promise<Probed | undefined> {
  const { probes, networks = [] } = services[service] ?? {}
  if (probes === undefined) return undefined
  const { Name, HostConfig, NetworkSettings } = await engine.containers.inspect(id, { signal })
  const address = probedAt(addressesOf(NetworkSettings), networks, HostConfig.NetworkMode)
  return { stack, service, id, name: Name.replace(/^\//, ''), address, probes }
}

/** How often to say how much is left. */
const WATCH_MS = 1000

/** Not where more replicas failed than is put up with: then the round is over anyway. */
export async function continueRollout({
  body,
  context,
  with: { clock },
  signal,
}: Performance<'continue-rollout'>): Promise<void> {
  if (!context.rollouts.tolerates(body.service))
    throw new Problem('deployment-failed', `the rollout of ${body.service} does not go on: replicas of it failed`)
  await clock.sleep(body.delayMs, signal)
  signal.throwIfAborted()
}
