import { Problem } from '../../../protocol/problems.ts'
import { demultiplex } from '../../engine/demultiplex.ts'
import type { Performance } from '../performance.ts'

/** Lines of a failed replica that its reason quotes. */
const LINES = 12
const LINES_BYTES = 4096
const LOG_MS = 3000

/** A replica that fails is gone soon, and its log with it: what it said last is part of the reason. */
export async function awaitReplica(performance: Performance<'await-replica'>): Promise<void> {
  const {
    body,
    context,
    with: { waiter, clock, ingress },
    signal,
    report,
  } = performance
  const id = body.id ?? context.containerId(body.service, body.replica)
  if (id === undefined)
    throw new Problem('container-not-found', `service ${body.service} has no container ${body.replica}`)
  const isRouted = context.desired.services[body.service]?.routing !== undefined
  try {
    if (isRouted) await ingress.warm(signal)
    const { health } = await waiter.wait(id, body.service, 'serving', signal)
    if (body.monitor === 'instead' && health === 'healthy') return
    const end = clock.now().getTime() + body.monitorMs
    for (let leftMs = body.monitorMs; leftMs > 0; leftMs = end - clock.now().getTime()) {
      report(`watched for ${Math.ceil(leftMs / 1000)} s more`)
      const over = new AbortController()
      const failed = waiter.untilFailed(id, body.service, AbortSignal.any([signal, over.signal]))
      const slept = clock.sleep(Math.min(leftMs, WATCH_MS), AbortSignal.any([signal, over.signal]))
      await Promise.race([failed, slept]).finally(() => over.abort())
      signal.throwIfAborted()
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof Problem) || error.code !== 'dependency-failed') throw error
    const lines = await lastLines(performance, id)
    throw new Problem('deployment-failed', [error.message, ...lines].join('\n'), { hint: error.hint, cause: error })
  }
}

/** How often to say how much is left. */
const WATCH_MS = 1000

async function lastLines({ with: { engine } }: Performance<'await-replica'>, id: string): Promise<string[]> {
  let text = ''
  try {
    const { Config } = await engine.containers.inspect(id, { timeoutMs: LOG_MS })
    const query = { stdout: true, stderr: true, tail: LINES }
    const logs = engine.containers.logs(id, query, { signal: AbortSignal.timeout(LOG_MS) })
    if (Config.Tty) for await (const chunk of logs) text = (text + Buffer.from(chunk).toString()).slice(-LINES_BYTES)
    else for await (const { data } of demultiplex(logs)) text = (text + data.toString()).slice(-LINES_BYTES)
  } catch {
    // A log that cannot be read takes nothing from the reason.
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.length === 0 ? [] : ['its last lines:', ...lines.slice(-LINES).map((line) => `  | ${line.trimEnd()}`)]
}

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
