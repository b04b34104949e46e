/** The logs of a stack for one follower: what there is, merged by time, or what there is and then what is written. */
import { ContainersFollowing } from './follow-containers.ts'
import { LogOutlet } from './log-outlet.ts'
import type { LogSink, LogSources } from './log-ports.ts'
import type { LogSelection } from './log-query.ts'
import { replayKept, replayPresent } from './replay-logs.ts'

/** Resolves when all is sent, or the signal has ended it. */
export async function sendLogs(
  sources: LogSources,
  selection: LogSelection,
  sink: LogSink,
  signal: AbortSignal,
): Promise<void> {
  const outlet = new LogOutlet(sink)
  if (selection.of === 'previous') await replayKept(sources, selection, outlet, signal)
  else if (selection.follow) await new ContainersFollowing(sources, selection, outlet, signal).run()
  else await replayPresent(sources, selection, outlet, signal)
  await outlet.end()
}
