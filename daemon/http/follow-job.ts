/** A job as it goes on: the whole of it, steps and output as they come, the whole of it again, and the end. */
import { Problem } from '../../protocol/problems.ts'
import type { Step } from '../../protocol/resources/deployment.ts'
import type { JobQuery } from '../../protocol/streams.ts'
import type { Job } from '../jobs/job.ts'
import type { FrameSocket } from './frame-socket.ts'

export async function followJob(job: Job, query: JobQuery, socket: FrameSocket): Promise<void> {
  let after = lineNumber(query.after)
  /** Steps not yet sent, the latest of each: a slow follower skips states. */
  const pending = new Map<string, Step>()
  let ended = job.endedAt !== undefined
  let wake = (): void => {}
  const unsubscribe = job.changes.subscribe((change) => {
    if (change.type === 'ended') ended = true
    else if (change.type === 'steps') for (const step of change.steps) pending.set(step.id, step)
    wake()
  })
  socket.signal.addEventListener('abort', () => wake(), { once: true })
  try {
    await socket.send({ type: 'job', job: job.view })
    while (!socket.signal.aborted) {
      if (after < job.output.last) {
        const { missed, lines, last } = job.output.read(after)
        after = last
        if (missed > 0) await socket.send(gap(missed))
        await socket.send({ type: 'output', last, lines })
      } else if (pending.size > 0) {
        const steps = [...pending.values()]
        pending.clear()
        await socket.send({ type: 'steps', steps })
      } else if (ended) {
        break
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    await socket.send({ type: 'job', job: job.view })
    await socket.send({ type: 'end' })
  } finally {
    unsubscribe()
  }
}

const gap = (lines: number) => ({
  type: 'gap',
  reason: 'slow-follower',
  lines,
  message: `${lines} lines of output are no longer kept`,
})

function lineNumber(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  if (!/^\d{1,15}$/.test(text)) throw new Problem('bad-request', `after: "${text}" is no number of a line`)
  return Number(text)
}
