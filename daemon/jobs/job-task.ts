/** One thing that a job does. */
import type { Task } from '../reconcile/executor.ts'

export interface JobTask extends Task {
  readonly action: 'build-image' | 'check-build' | 'pull-image' | 'push-image'
  /** As a person names what it acts on. */
  readonly object: string
  readonly service: string
  readonly reason: string
  /** Compose's words for it while it goes on, and when it is done. */
  readonly words: readonly [running: string, done: string]
  readonly failure: 'Error' | 'Warning'
  readonly perform: (report: (detail: string) => void, signal: AbortSignal) => Promise<void>
}
