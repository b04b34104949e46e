import { Problem } from '../../../protocol/problems.ts'
import { lastLines } from '../../engine/last-lines.ts'
import type { Performance } from '../performance.ts'

/** Lines of a failed replica that its reason quotes. */
const LINES = 12

/** A replica that fails is gone soon, and its log with it: what it said last is part of the reason. */
export async function awaitReplica({
  body,
  context,
  with: { engine, waiter, clock, ingress },
  signal,
  report,
}: Performance<'await-replica'>): Promise<void> {
  const id = context.mustHaveContainer(body)
  const isRouted = context.desired.services[body.service]?.routing !== undefined
  try {
    if (isRouted) await ingress.warm(signal)
    const { health } = await waiter.wait(id, body.service, 'serving', signal)
    if (body.monitor === 'instead' && health === 'healthy') return
    const now = (): number => clock.now().getTime()
    const endMs = now() + body.monitorMs
    // A clock that is set back meanwhile gives it no more time.
    for (let leftMs = body.monitorMs; leftMs > 0; leftMs = Math.min(leftMs - WATCH_MS, endMs - now())) {
      report(`watched for ${Math.ceil(leftMs / 1000)} s more`)
      const over = new AbortController()
      const failed = waiter.untilFailed(id, body.service, AbortSignal.any([signal, over.signal]))
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
