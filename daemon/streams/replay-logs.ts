/** The logs that there are, merged by time: of the containers that are there, or the kept ones of those that are no more. */
import { LogCursor } from '../../protocol/log-cursor.ts'
import { lastLines } from './kept-logs.ts'
import type { LogOutlet } from './log-outlet.ts'
import type { LogSources } from './log-ports.ts'
import type { LogSelection } from './log-query.ts'
import { inBlocks, isGone, readLog } from './log-reading.ts'
import { isSelected, selectedOf, spanOf, withinSpan } from './log-selection.ts'
import { removedFrame, sourceFrame, sourceOf } from './log-source.ts'
import { mergeRecords } from './merge-records.ts'

type Places = Pick<LogSources, 'engine' | 'kept' | 'containers'>

export async function replayPresent(
  { engine, kept, containers }: Places,
  selection: LogSelection,
  outlet: LogOutlet,
  signal: AbortSignal,
): Promise<void> {
  const selected = selectedOf(await containers(signal), selection)
  for (const container of selected) await outlet.introduce(sourceFrame(container))
  const { tail, times } = selection
  const span = spanOf(selection)
  const stamped = times === 'needed' || selected.length > 1
  /** What there is of one container, or a gap that says why it cannot be had. */
  async function* present(id: string): AsyncGenerator<Uint8Array> {
    try {
      const { Config } = await engine.containers.inspect(id, { signal })
      const query = { tail, ...span, follow: false }
      const reading = { source: sourceOf(id), tty: Config.Tty, stamped, cursor: new LogCursor(), query }
      yield* inBlocks(readLog(engine, id, reading, signal))
    } catch (error) {
      if (signal.aborted) return
      // Removed since it was listed: it may have left its last lines.
      const left = isGone(error) ? kept.find(id) : undefined
      if (left !== undefined) yield lastLines(withinSpan(kept.records(left), span), tail)
      else await (isGone(error) ? outlet.notKept(id) : outlet.unreadable(id, error))
    }
  }
  await sendAll(mergeRecords(selected.map(({ Id }) => present(Id))), outlet, signal)
}

export async function replayKept(
  { kept }: Pick<Places, 'kept'>,
  selection: LogSelection,
  outlet: LogOutlet,
  signal: AbortSignal,
): Promise<void> {
  const logs: AsyncIterable<Uint8Array>[] = []
  for (const one of kept.list()) {
    if (!isSelected(one, selection)) continue
    const records = lastLines(withinSpan(kept.records(one), spanOf(selection)), selection.tail)
    if (records.length === 0) continue
    await outlet.introduce(removedFrame(one))
    logs.push(once(records))
  }
  if (logs.length > 0) await sendAll(mergeRecords(logs), outlet, signal)
}

async function sendAll(records: AsyncIterable<Uint8Array>, outlet: LogOutlet, signal: AbortSignal): Promise<void> {
  for await (const block of records) {
    if (signal.aborted) return
    await outlet.records(block)
  }
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item
}
