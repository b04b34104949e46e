/** Gives memory back when work is over: a daemon rests most of the time, and V8 alone gives it back only under pressure. */
import type { Feed } from '../protocol/feed.ts'

/** After the last deployment has ended: whoever works in a row is not held up. */
const REST_MS = 5000

/** `collect` is V8's own collector (`--expose-gc`); without it nothing is done. */
export function restAfter(work: Feed<{ readonly type: string }>, collect: (() => void) | undefined): void {
  if (collect === undefined) return
  let timer: NodeJS.Timeout | undefined
  work.subscribe(({ type }) => {
    if (type !== 'ended') return
    clearTimeout(timer)
    timer = setTimeout(collect, REST_MS)
    timer.unref()
  })
}
