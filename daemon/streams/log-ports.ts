/** What serving logs needs of the rest of the daemon, and of the follower. */
import type { Feed } from '../../protocol/feed.ts'
import type { LogFrame } from '../../protocol/streams.ts'
import type { ContainerSummary, Engine, EngineEvent } from '../engine/types.ts'
import type { KeptLog } from './kept-logs.ts'
import type { LogHub } from './log-hub.ts'
import type { StreamClock } from './stream-clock.ts'

export interface LogSources {
  readonly engine: Engine
  readonly hub: LogHub
  /** The kept logs of this stack's removed containers. */
  readonly kept: {
    list(): readonly KeptLog[]
    find(container: string): KeptLog | undefined
    records(kept: KeptLog): Uint8Array
  }
  /** Events of our containers, and whether they can be relied on. */
  readonly watch: { readonly events: Feed<EngineEvent>; readonly states: Feed<unknown> }
  /** All of the stack. */
  readonly containers: (signal: AbortSignal) => Promise<ContainerSummary[]>
  /** Whether a follower should go on waiting when none of the containers runs. */
  readonly isExpected: () => boolean
  readonly clock: StreamClock
}

export interface LogSink {
  /** Resolves when there is room for more. */
  send(frame: LogFrame): Promise<void>
  sendRecords(records: Uint8Array): Promise<void>
}
