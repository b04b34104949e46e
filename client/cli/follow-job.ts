/** Shows a job until it ends. Ctrl-C ends the job with it. */
import { Problem } from '../../protocol/problems.ts'
import type { Job, JobStarted } from '../../protocol/resources/job.ts'
import type { JobFrame } from '../../protocol/streams.ts'
import type { Context } from './command.ts'
import { PlainView, type ProgressView, progressView } from './render/progress.ts'

/** `quiet`: nothing but warnings and errors. */
export type JobStyle = 'shown' | 'quiet'

/** Answers it as it ended when it has succeeded; rejects with what it failed of. */
export async function followJob(context: Context, started: JobStarted, style: JobStyle): Promise<Job> {
  const { api, output } = context
  let leaving: Promise<never> | undefined
  const onInterrupt = () => {
    const left = () => process.exit(130)
    leaving = api.call('cancelJob', { id: started.job }).then(left, left)
  }
  process.once('SIGINT', onInterrupt)
  try {
    const job = await ended(context, started.job, style)
    for (const warning of job.warnings) output.note(`WARN ${warning}`)
    if (job.state === 'succeeded') return job
    throw job.error === undefined
      ? new Problem('internal', `the ${job.kind} ${job.state}`)
      : Problem.fromDetails(job.error as Parameters<typeof Problem.fromDetails>[0])
  } finally {
    // That it was cancelled may be told before the call is answered, and is no failure of it.
    await leaving
    process.removeListener('SIGINT', onInterrupt)
  }
}

async function ended({ api, output }: Context, id: string, style: JobStyle): Promise<Job> {
  const stream = await api.stream<JobFrame>('jobProgress', { id })
  let view: ProgressView | undefined
  let last: Job | undefined
  try {
    for await (const frame of stream) {
      if (frame.type === 'job') {
        last = frame.job
        view ??= viewOf(output, last.kind, style)
        view?.steps(last.steps)
      } else if (frame.type === 'steps') view?.steps(frame.steps)
      else if (frame.type === 'gap') output.note(`WARN ${frame.message}`)
      else if (frame.type === 'output') await write(output, frame.lines, style)
      else {
        if (frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
        // Nothing more comes: leaving at once spares the closing handshake.
        stream.close()
        break
      }
    }
  } finally {
    // A view that is drawn anew by a timer would keep the process alive.
    view?.end()
  }
  if (last === undefined || last.state === 'running') {
    throw new Problem('daemon-unreachable', 'the daemon ended while it worked on this', {
      hint: 'start it again, then ask for this again',
    })
  }
  return last
}

function viewOf(output: Context['output'], kind: Job['kind'], style: JobStyle): ProgressView | undefined {
  if (style === 'quiet') return undefined
  // Lines that change in place do not go together with the lines that a build writes.
  return kind === 'build' && output.progress === 'tty' ? new PlainView() : progressView(output)
}

/** Lines of a build are results, as in Compose: they go to standard output. */
async function write(
  output: Context['output'],
  lines: readonly { readonly service: string; readonly text: string }[],
  style: JobStyle,
): Promise<void> {
  if (style === 'quiet' || output.progress === 'quiet') return
  const text =
    output.progress === 'json'
      ? lines.map((line) => `${JSON.stringify({ id: line.service, text: line.text })}\n`)
      : lines.map((line) => `${line.text}\n`)
  await output.write(text.join(''))
}
