/** What the loops of all stacks share. Made once, by the composition root. */
import type { Channel } from '../../protocol/feed.ts'
import type { SshLoans } from '../build/ssh-loans.ts'
import type { Credentials } from './credentials.ts'
import type { DesiredReader } from './desired-reader.ts'
import type { EventRecorder } from './event-recorder.ts'
import type { Observer } from './observer.ts'
import type { ProgressItem } from './progress.ts'
import type { Collaborators } from './run-context.ts'

export interface CoreLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface Core extends Collaborators {
  readonly observer: Observer
  readonly desired: DesiredReader
  readonly progress: Channel<ProgressItem>
  /** What is being carried out, by deployment: its steps may not all be in the store yet. */
  readonly underWay: Map<string, { flush(): void }>
  readonly recorder: EventRecorder
  /** Credentials by deployment: in memory only, gone when it ends. */
  readonly credentials: Map<string, Credentials>
  readonly sshLoans: SshLoans
  /** Ids of containers that we have paused for a moment (a `commit`, a health check to be woken): nobody is to unpause them. */
  readonly frozen: Set<string>
  readonly log: CoreLog
}
