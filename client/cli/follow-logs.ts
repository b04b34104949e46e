/** Follows the logs of a stack, as `logs` and the attached forms of `up` do. */
import { Problem } from '../../protocol/problems.ts'
import type { EventFrame, LogFrame } from '../../protocol/streams.ts'
import type { Context } from './command.ts'
import { followDeployment } from './follow-deployment.ts'
import { LogPrinter, type LogStyle } from './render/logs.ts'

export interface LogsWanted extends Partial<LogStyle> {
  readonly services: readonly string[]
  readonly follow: boolean
  readonly tail?: string | undefined
  readonly since?: string | Date | undefined
  readonly until?: string | undefined
  readonly index?: number | undefined
  /** Ends it from here. */
  readonly stop?: AbortSignal
}

export async function followLogs(context: Context, stack: string, wanted: LogsWanted): Promise<number> {
  const stream = await context.api.stream<LogFrame>('logs', { stack }, queryOf(wanted))
  const interrupted = () => process.exit(130)
  process.once('SIGINT', interrupted)
  wanted.stop?.addEventListener('abort', () => stream.close(), { once: true })
  try {
    await print(context, stream, wanted)
    return 0
  } finally {
    process.removeListener('SIGINT', interrupted)
    stream.close()
  }
}

function queryOf({ services, follow, tail, since, until, index }: LogsWanted): Record<string, string | undefined> {
  return {
    services: services.join(','),
    follow: follow ? 'true' : undefined,
    tail,
    since: since instanceof Date ? since.toISOString() : since,
    until,
    index: index === undefined ? undefined : String(index),
  }
}

async function print(context: Context, frames: AsyncIterable<LogFrame>, style: Partial<LogStyle>): Promise<void> {
  const printer = new LogPrinter(context.output, {
    prefix: style.prefix ?? 'name',
    timestamps: style.timestamps === true,
    format: style.format ?? 'text',
  })
  for await (const frame of frames) {
    await printer.print(frame)
    if (frame.type !== 'end') continue
    if (frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
    return
  }
}

/** Until a container ends: then the stack is stopped, and the exit code is that container's. */
export async function attachUntilExit(
  context: Context,
  stack: string,
  wanted: {
    readonly services: readonly string[]
    readonly since: Date
    readonly on: 'exit' | 'failure'
    readonly exitCodeFrom: string | undefined
    readonly timeoutSeconds: number | undefined
  },
): Promise<number> {
  const { api, output } = context
  const { services, since } = wanted
  // Containers that the `up` itself replaced have ended too; that is not what is waited for.
  const there = new Set((await api.call('containers', { stack })).containers.map((container) => container.id))
  const events = await api.stream<EventFrame>('events', {}, { stack, since: since.toISOString() })
  const logs = await api.stream<LogFrame>('logs', { stack }, queryOf({ services, follow: true, since }))
  const printing = print(context, logs, {}).catch((error: unknown) => {
    // The logs end with the containers; what ended them is told by the events.
    output.note(error instanceof Error ? error.message : String(error))
  })
  const stop = async () => {
    const accepted = await api.call(
      'stop',
      { stack },
      {
        ...(wanted.timeoutSeconds === undefined ? {} : { timeoutSeconds: wanted.timeoutSeconds }),
      },
    )
    await followDeployment(context, accepted)
  }
  let interrupted = false
  const onInterrupt = () => {
    interrupted = true
    events.close()
  }
  process.once('SIGINT', onInterrupt)
  let exitCode = 0
  let from = ''
  for await (const frame of events) {
    if (frame.type !== 'event' || frame.event.type !== 'container.die') continue
    if (!there.has(frame.event.container ?? '')) continue
    const code = Number(frame.event.attributes.exitCode ?? 0)
    if (wanted.on === 'failure' && code === 0) continue
    exitCode = code
    from = frame.event.service ?? ''
    output.note(`${frame.event.attributes.name} exited with code ${code}`)
    break
  }
  events.close()
  process.removeListener('SIGINT', onInterrupt)
  output.note('Aborting on container exit...')
  await stop()
  logs.close()
  await printing
  if (interrupted) return 130
  if (wanted.exitCodeFrom === undefined || wanted.exitCodeFrom === from) return exitCode
  const { containers } = await api.call('containers', { stack })
  return containers.find((container) => container.service === wanted.exitCodeFrom)?.exitCode ?? 0
}
