/**
 * WebSocket frames: JSON text, one object a frame, told apart by `type`; lines of logs are binary frames of records
 * (log-records.ts). The server sends, the client may only close.
 *
 * What a follower has not taken yet is never gathered for him without bound. What is kept elsewhere (by the Engine, in the
 * store) is read as fast as he takes it; of what stands, such as steps or figures, he gets the latest; and what others
 * share goes on without him, so that he is told in a `gap` how much he has missed.
 */

import type { ProblemDetails } from './problems.ts'
import type { Deployment, Step } from './resources/deployment.ts'
import type { StackEvent } from './resources/event.ts'
import type { Job } from './resources/job.ts'

/** Who wrote a line. Sent once per source, before its first line; records name it by `source`. */
export interface LogSource {
  readonly type: 'source'
  readonly source: number
  readonly container: string
  readonly name: string
  readonly service: string
  readonly replica: number
}

/**
 * All that the source had written has been sent; from here on lines come as they are written. Who is cut off before a
 * line has come reads on after `cursor` (log-cursor.ts); later, after the cursor of the last line that came.
 */
export interface LogLive {
  readonly type: 'live'
  readonly source: number
  readonly cursor: string
}

/** What the follower did not get: because it was too slow, or because the Engine no longer has it. */
export interface Gap {
  readonly type: 'gap'
  readonly source?: number
  readonly reason: 'slow-follower' | 'not-kept' | 'unreadable'
  /** Absent where nobody knows how many. */
  readonly lines?: number
  /** The times between which the missing ones were written, as far as they are known. RFC 3339 with nanoseconds. */
  readonly after?: string
  readonly before?: string
  readonly message: string
}

/**
 * The source writes no more for now: its container has stopped. Who is cut off later reads on after `cursor`. With `gone`
 * the container is no more, and all that is to be had of its log has been sent.
 */
export interface SourceEnd {
  readonly type: 'source-end'
  readonly source: number
  readonly cursor: string
  readonly gone?: true
}

/** Nothing more comes. With a problem where the stream ended before its time. */
export interface End {
  readonly type: 'end'
  readonly problem?: ProblemDetails
}

/** The frames of the logs stream that are text. Beside them come binary ones, of records. */
export type LogFrame = LogSource | LogLive | Gap | SourceEnd | End

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

/** A request that the ingress has brought to a service, once it is over. Neither its query nor its headers are in it. */
export interface AccessEntry {
  /** When it began. */
  readonly at: string
  readonly client: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** Absent where its client went before there was an answer. */
  readonly status?: number
  /** Of the answer, with its headers. */
  readonly bytes: number
  readonly durationMs: number
  readonly service: string
  /** The name of the one that answered; absent where none did. */
  readonly container?: string
  /** Further tries to connect to a container. */
  readonly retries: number
}

/** `live` once requests come; what happened before is not told. */
export type AccessFrame =
  | { readonly type: 'live' }
  | { readonly type: 'requests'; readonly requests: readonly AccessEntry[] }
  | Gap
  | End

export interface AccessQuery {
  readonly services?: string
}

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
  /** The kept logs of containers that are no more, in the place of those that are there. */
  readonly previous?: 'true'
  /** Times are not needed: the log of a single container comes sooner without. */
  readonly untimed?: 'true'
  /**
   * Reads on: `CONTAINER/CURSOR` of each source that was seen, with commas between them, or `CONTAINER/gone` of one whose
   * end was told so. Of containers that are not named, those come whole that have started since; the others, and all
   * within `since` and `until`, as by the rest of the query.
   */
  readonly after?: string
}

export interface EventsQuery {
  readonly stack?: string
  /** Sequence number after which to begin, or `now`. Default: now. */
  readonly after?: string
  readonly since?: string
  readonly until?: string
}
