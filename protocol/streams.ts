/**
 * WebSocket frames: JSON text, one object a frame, told apart by `type`. The server sends, the client may only close.
 * One backpressure rule for all: a follower that reads too slowly is not waited for; what it missed is counted in a `gap`.
 */

import type { ProblemDetails } from './problems.ts'
import type { Deployment, Step } from './resources/deployment.ts'
import type { StackEvent } from './resources/event.ts'
import type { Job } from './resources/job.ts'

/** Who wrote a line. Sent once per source, before its first line; lines name it by `source`. */
export interface LogSource {
  readonly type: 'source'
  readonly source: number
  readonly container: string
  readonly name: string
  readonly service: string
  readonly replica: number
}

/**
 * Lines of one source in the order written. `t` is nanoseconds since 1970 as a decimal string, `s` 0 stdout or 1 stderr.
 * `partial`: the line goes on in the next entry (longer than the limit of 16 KiB, or cut by the end of the stream).
 * Bytes that are no UTF-8 arrive as U+FFFD.
 */
export interface LogLines {
  readonly type: 'lines'
  readonly source: number
  readonly lines: readonly { readonly t: string; readonly s: 0 | 1; readonly m: string; readonly partial?: true }[]
}

/** What the follower did not get: because it was too slow, or because the Engine no longer has it. */
export interface Gap {
  readonly type: 'gap'
  readonly source?: number
  readonly reason: 'slow-follower' | 'not-kept' | 'unreadable'
  readonly lines: number
  readonly message: string
}

export interface SourceEnd {
  readonly type: 'source-end'
  readonly source: number
  readonly exitCode?: number
}

/** Nothing more comes. With a problem where the stream ended before its time. */
export interface End {
  readonly type: 'end'
  readonly problem?: ProblemDetails
}

export type LogFrame = LogSource | LogLines | Gap | SourceEnd | End

export type EventFrame = { readonly type: 'event'; readonly event: StackEvent } | Gap | End

/** First the whole deployment as it stands, then each step that changed, then the deployment as it ended, then `end`. */
export type ProgressFrame =
  | { readonly type: 'deployment'; readonly deployment: Deployment }
  | { readonly type: 'steps'; readonly steps: readonly Step[] }
  | Gap
  | End

/** Lines that a job wrote (a build's output), in order. `last` numbers the last of them, from 1: resume after it. */
export interface JobOutput {
  readonly type: 'output'
  readonly last: number
  readonly lines: readonly { readonly service: string; readonly text: string }[]
}

/** First the whole job as it stands, then steps and output as they come, then the job as it ended, then `end`. */
export type JobFrame =
  | { readonly type: 'job'; readonly job: Job }
  | { readonly type: 'steps'; readonly steps: readonly Step[] }
  | JobOutput
  | Gap
  | End

/** The query of a job's stream. */
export interface JobQuery {
  /** Number of the line of output after which to begin. Default: all that is kept. */
  readonly after?: string
}

/** What a container uses. CPU is of one core: two busy cores are 200. Counters count from the container's start. */
export interface ContainerStats {
  readonly id: string
  readonly name: string
  readonly service: string
  readonly replica: number
  readonly cpuPercent: number
  readonly memoryBytes: number
  readonly memoryLimitBytes: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly readBytes: number
  readonly writtenBytes: number
  readonly pids: number
}

/** All containers in one frame, as they stand. Who is slow gets the next state, not the ones in between. */
export type StatsFrame =
  | { readonly type: 'stats'; readonly at: string; readonly containers: readonly ContainerStats[] }
  | End

export interface StatsQuery {
  readonly services?: string
  /** Containers that do not run as well, with zeros. */
  readonly all?: 'true'
  /** One frame and the end, instead of one each second. */
  readonly once?: 'true'
}

export type WaitFrame =
  | {
      readonly type: 'exited'
      readonly container: string
      readonly name: string
      readonly service: string
      readonly exitCode: number
    }
  | End

/** The query of the logs stream. `since` and `until`: RFC 3339, Unix seconds, or a Go duration back from now. */
export interface LogsQuery {
  readonly services?: string
  readonly follow?: 'true'
  /** Lines per container, or `all`. */
  readonly tail?: string
  readonly since?: string
  readonly until?: string
  /** Only this replica of each service. */
  readonly index?: string
}

export interface EventsQuery {
  readonly stack?: string
  /** Sequence number after which to begin, or `now`. Default: now. */
  readonly after?: string
  readonly since?: string
  readonly until?: string
}
