/** Which containers end by themselves again and again, and what their programs said last. */
import type { CrashLoop } from '../../protocol/resources/container.ts'
import { lastLines } from '../engine/last-lines.ts'
import type { ContainerSummary } from '../engine/types.ts'
import type { Core } from './core.ts'
import { CRASH_LOOP } from './endings.ts'
import { inspectAll } from './inspect-all.ts'

const LINES = 5
/** No more are looked into at once: each is a few calls to the Engine. */
const CONTAINERS_LIMIT = 20

/**
 * By id. Seen from events; of what was restarting before this daemon listened, the Engine's own count says it. `alone`
 * leaves the logs unread.
 */
export async function crashLoops(
  core: Pick<Core, 'engine' | 'endings'>,
  summaries: readonly ContainerSummary[],
  signal: AbortSignal,
  detail: 'alone' | 'with last lines',
): Promise<Map<string, CrashLoop>> {
  const { engine, endings } = core
  const found = new Map<string, CrashLoop>()
  for (const { Id } of summaries) {
    const known = endings.crashLoopOf(Id)
    if (known !== undefined) found.set(Id, { ...known, lastLines: [] })
  }
  const unknown = summaries.filter(({ Id, State }) => State === 'restarting' && !found.has(Id)).map(({ Id }) => Id)
  const inspected = await inspectAll(engine, unknown.slice(0, CONTAINERS_LIMIT), signal)
  for (const [id, { RestartCount, State }] of inspected) {
    if (RestartCount < CRASH_LOOP.times) continue
    const { ExitCode, OOMKilled, FinishedAt } = State
    const loop = { times: RestartCount, exitCode: ExitCode, outOfMemory: OOMKilled, lastAt: FinishedAt }
    found.set(id, { ...loop, lastLines: [] })
  }
  if (detail === 'alone') return found
  await Promise.all(
    [...found].slice(0, CONTAINERS_LIMIT).map(async ([id, loop]) => {
      found.set(id, { ...loop, lastLines: await lastLines(core.engine, id, LINES, signal) })
    }),
  )
  return found
}
