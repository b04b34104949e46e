/** Events of one stack or of all, from a sequence number or a time on. */
import { setImmediate } from 'node:timers/promises'
import type { Feed } from '../../protocol/feed.ts'
import { Problem } from '../../protocol/problems.ts'
import type { StackEvent } from '../../protocol/resources/event.ts'
import type { EventsQuery } from '../../protocol/streams.ts'
import type { EventRepository } from '../store/events.ts'
import { timeOf } from '../streams/log-query.ts'
import type { FrameSocket } from './frame-socket.ts'

/** Events kept for a follower that is slow. Beyond, it is told how many it missed. */
const QUEUE_LIMIT = 10_000
const PAGE = 500

export async function followEvents(
  query: EventsQuery,
  store: EventRepository,
  feed: Feed<StackEvent>,
  now: Date,
  socket: FrameSocket,
  mayRead: (stack: string) => boolean,
): Promise<void> {
  const since = boundary('since', query.since, now)
  const until = boundary('until', query.until, now)
  const wanted = (event: StackEvent): boolean => {
    if (!mayRead(event.stack)) return false
    const at = Date.parse(event.at)
    if (query.stack !== undefined && query.stack !== '' && event.stack !== query.stack) return false
    return (since === undefined || at >= since) && (until === undefined || at <= until)
  }
  let queue: StackEvent[] = []
  let missed = 0
  let wake = (): void => {}
  const unsubscribe = feed.subscribe((event) => {
    if (!wanted(event)) return
    if (queue.length >= QUEUE_LIMIT) missed += 1
    else queue.push(event)
    wake()
  })
  socket.signal.addEventListener('abort', () => wake(), { once: true })
  const timer = until === undefined ? undefined : setTimeout(() => wake(), Math.max(until - now.getTime(), 0))
  try {
    let sequence = await replay(query, since, store, wanted, socket)
    while (!socket.signal.aborted) {
      const batch = queue
      queue = []
      for (const event of batch) {
        if (socket.signal.aborted) break
        if (event.sequence <= sequence) continue
        sequence = event.sequence
        await socket.send({ type: 'event', event })
      }
      if (missed > 0) {
        await socket.send({
          type: 'gap',
          reason: 'slow-follower',
          lines: missed,
          message: `${missed} events were missed`,
        })
        missed = 0
      }
      if (until !== undefined && Date.now() >= until) break
      if (queue.length > 0) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    await socket.send({ type: 'end' })
  } finally {
    clearTimeout(timer)
    unsubscribe()
  }
}

/** Answers the sequence number up to which all has been sent. */
async function replay(
  query: EventsQuery,
  since: number | undefined,
  store: EventRepository,
  wanted: (event: StackEvent) => boolean,
  socket: FrameSocket,
): Promise<number> {
  let sequence = store.latest()
  if (query.after !== undefined && query.after !== '' && query.after !== 'now') {
    if (!/^\d{1,15}$/.test(query.after))
      throw new Problem('bad-request', `after is not a sequence number: ${query.after}`)
    sequence = Number(query.after)
  } else if (since !== undefined) sequence = 0
  for (;;) {
    const page = store.after(sequence, PAGE)
    for (const event of page) {
      sequence = event.sequence
      if (wanted(event)) await socket.send({ type: 'event', event })
    }
    if (page.length < PAGE) return sequence
    // Pages of which nothing is wanted send nothing: others have their turn all the same.
    await setImmediate()
    if (socket.signal.aborted) return sequence
  }
}

function boundary(name: string, text: string | undefined, now: Date): number | undefined {
  return text === undefined || text === '' ? undefined : Number(timeOf(name, text, now)) * 1000
}
