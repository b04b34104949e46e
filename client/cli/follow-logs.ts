/** Follows the logs of a stack, as `logs` and the attached forms of `up` do. */
import { createColors } from 'picocolors'
import { Problem } from '../../protocol/problems.ts'
import type { EventFrame, LogFrame } from '../../protocol/streams.ts'
import type { Context } from './command.ts'
import { followDeployment } from './follow-deployment.ts'
import { LogPlaces } from './log-places.ts'
import { RawOutput } from './raw-output.ts'
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
  readonly of?: 'present' | 'previous'
}

/** A daemon that is restarted is back within seconds; one that is gone for good is not waited for. */
const PATIENCE_MS = 60_000
const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 1000

type Frames = AsyncIterable<LogFrame | Uint8Array> & { close(): void }

export async function followLogs(context: Context, stack: string, wanted: LogsWanted): Promise<number> {
  const places = wanted.follow ? new LogPlaces() : undefined
  const printer = printerOf(context, wanted)
  const open = (): Promise<Frames> =>
    context.api.stream<LogFrame | Uint8Array>('logs', { stack }, queryOf(wanted, places?.text))
  let frames = await open()
  const interrupted = () => process.exit(130)
  process.once('SIGINT', interrupted)
  wanted.stop?.addEventListener('abort', () => frames.close(), { once: true })
  try {
    for (;;) {
      try {
        await printAll(frames, printer, places)
        return 0
      } catch (error) {
        if (places === undefined || !(error instanceof Problem) || error.code !== 'daemon-unreachable') throw error
        await printer.end()
        context.output.note('evenkeel: the daemon is gone; waiting for it')
        frames = await openAgain(open)
        if (wanted.stop?.aborted === true) return 0
      }
    }
  } finally {
    process.removeListener('SIGINT', interrupted)
    frames.close()
  }
}

function queryOf(wanted: LogsWanted, after: string | undefined): Record<string, string | undefined> {
  const { services, follow, tail, since, until, index } = wanted
  const needsTimes = follow || wanted.timestamps === true || wanted.format === 'json'
  return {
    services: services.join(','),
    follow: follow ? 'true' : undefined,
    tail,
    since: since instanceof Date ? since.toISOString() : since,
    until,
    index: index === undefined ? undefined : String(index),
    previous: wanted.of === 'previous' ? 'true' : undefined,
    untimed: needsTimes ? undefined : 'true',
    after,
  }
}

async function openAgain(open: () => Promise<Frames>): Promise<Frames> {
  const end = Date.now() + PATIENCE_MS
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LAST_RETRY_MS)) {
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    try {
      return await open()
    } catch (error) {
      const isAway = error instanceof Problem && error.code === 'daemon-unreachable'
      if (!isAway || Date.now() > end) throw error
    }
  }
}

function printerOf({ output }: Context, style: Partial<LogStyle>): LogPrinter {
  const bytes = new RawOutput(1)
  const out = {
    colors: output.colors,
    write: async (some: Uint8Array) => {
      await bytes.write([some])
    },
    note: (text: string) => output.note(text),
  }
  return new LogPrinter(out, {
    prefix: style.prefix ?? 'name',
    timestamps: style.timestamps === true,
    format: style.format ?? 'text',
    isWanted: style.isWanted,
  })
}

/** The same without colours. */
export function monochrome(context: Context): Context {
  const colors = { value: createColors(false) }
  return { ...context, output: Object.create(context.output, { colors }) as Context['output'] }
}

async function printAll(frames: Frames, printer: LogPrinter, places: LogPlaces | undefined): Promise<void> {
  for await (const frame of frames) {
    if (frame instanceof Uint8Array) {
      await printer.records(frame)
      places?.pass(frame)
      continue
    }
    printer.frame(frame)
    places?.frame(frame)
    if (frame.type !== 'end') continue
    await printer.end()
    if (frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
    return
  }
}

/** Until a container ends: then the stack is stopped, and the exit code is that container's. */
export async function attachUntilExit(
  context: Context,
  stack: string,
  wanted: {
    readonly shown: Omit<LogsWanted, 'follow' | 'since'>
    readonly since: Date
    readonly on: 'exit' | 'failure'
    readonly exitCodeFrom: string | undefined
    readonly timeoutSeconds: number | undefined
  },
): Promise<number> {
  const { api, output } = context
  const { shown, since } = wanted
  // Containers that the `up` itself replaced have ended too; that is not what is waited for.
  const there = new Set((await api.call('containers', { stack })).containers.map((container) => container.id))
  const events = await api.stream<EventFrame>('events', {}, { stack, since: since.toISOString() })
  const query = queryOf({ ...shown, follow: true, since }, undefined)
  const logs = await api.stream<LogFrame | Uint8Array>('logs', { stack }, query)
  const printing = printAll(logs, printerOf(context, shown), undefined).catch((error: unknown) => {
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
  try {
    for await (const frame of events) {
      if (frame.type === 'end' && frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
      if (frame.type === 'gap') context.warn(frame.message)
      if (frame.type !== 'event' || frame.event.type !== 'container.die') continue
      if (!there.has(frame.event.container ?? '')) continue
      const code = Number(frame.event.attributes.exitCode ?? 0)
      if (wanted.on === 'failure' && code === 0) continue
      exitCode = code
      from = frame.event.service ?? ''
      output.note(`${frame.event.attributes.name} exited with code ${code}`)
      break
    }
    process.removeListener('SIGINT', onInterrupt)
    output.note('Aborting on container exit...')
    await stop()
  } finally {
    process.removeListener('SIGINT', onInterrupt)
    events.close()
    logs.close()
    await printing
  }
  if (interrupted) return 130
  if (wanted.exitCodeFrom === undefined || wanted.exitCodeFrom === from) return exitCode
  const { containers } = await api.call('containers', { stack })
  return containers.find((container) => container.service === wanted.exitCodeFrom)?.exitCode ?? 0
}
