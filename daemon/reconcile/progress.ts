/** The steps of a deployment as they go: told to followers at once, written to the store in batches. */
import type { Channel } from '../../protocol/feed.ts'
import type { Problem } from '../../protocol/problems.ts'
import type { Step } from '../../protocol/resources/deployment.ts'
import type { Action } from '../stack/actions.ts'
import type { Store } from '../store/store.ts'
import { unwritable } from '../store/unwritable.ts'
import type { Clock } from './clock.ts'
import type { StepChange } from './executor.ts'
import { labelOf } from './words.ts'

export type ProgressItem =
  | { readonly deployment: string; readonly type: 'steps'; readonly steps: readonly Step[] }
  | { readonly deployment: string; readonly type: 'ended' }

/** What it needs of the core. */
export interface ProgressCore {
  readonly store: Store
  readonly clock: Clock
  readonly progress: Channel<ProgressItem>
  readonly underWay: Map<string, { flush(): void }>
}

/** Steps are history, not truth: a crash may lose the last few, never a state that something depends on. */
const FLUSH_MS = 250
/** A pull reports many times a second; followers need not see each. */
const DETAIL_MS = 100

export class DeploymentProgress {
  readonly #deployment: string
  readonly #core: ProgressCore
  readonly #steps = new Map<string, { position: number; step: Step }>()
  readonly #dirty = new Set<string>()
  readonly #detailAt = new Map<string, number>()
  readonly #became = new Map<string, string>()
  #round = 0
  #timer: NodeJS.Timeout | undefined

  constructor(deployment: string, core: ProgressCore) {
    this.#deployment = deployment
    this.#core = core
    core.underWay.set(deployment, this)
  }

  /** All steps of a plan, waiting: a follower sees at once how much there is. */
  begin(actions: readonly Action[]): void {
    this.#round += 1
    const steps = actions.map(
      (action): Step => ({
        id: this.#id(action),
        action: action.body.kind,
        object: action.object,
        label: labelOf(action, 'waiting'),
        reason: action.reason,
        ...(action.service === undefined ? {} : { service: action.service }),
        state: 'waiting',
      }),
    )
    this.#put(steps)
  }

  change(action: Action, change: StepChange): void {
    const before = this.#steps.get(this.#id(action))?.step
    if (before === undefined) return
    const at = this.#core.clock.now().toISOString()
    const { detail: _, ...rest } = before
    const became = change.state === 'done' ? this.#became.get(before.id) : undefined
    this.#put([
      {
        ...rest,
        state: change.state,
        label: became ?? labelOf(action, change.state),
        ...(change.state === 'running' ? { startedAt: at, doing: labelOf(action, 'running') } : { endedAt: at }),
        ...(change.state === 'failed' ? { error: problemOf(change.error) } : {}),
        ...(change.state === 'skipped' ? { detail: change.because } : {}),
      },
    ])
  }

  /** What is said of it once it is done. */
  became(action: Action, label: string): void {
    this.#became.set(this.#id(action), label)
  }

  /** What an action is doing just now, such as a pull's bytes. */
  detail(action: Action, detail: string): void {
    const id = this.#id(action)
    const now = this.#core.clock.now().getTime()
    const before = this.#steps.get(id)?.step
    if (before === undefined || now - (this.#detailAt.get(id) ?? 0) < DETAIL_MS) return
    this.#detailAt.set(id, now)
    this.#put([{ ...before, detail }])
  }

  /** Everything is in the store when it returns. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#dirty.size === 0) return
    this.#core.store.deployments.saveSteps(
      this.#deployment,
      [...this.#dirty].map((id) => this.#steps.get(id)!),
    )
    this.#dirty.clear()
  }

  /** Nothing more comes: all of it is in the store. */
  end(): void {
    try {
      this.flush()
    } finally {
      this.#core.underWay.delete(this.#deployment)
    }
  }

  /** A timer has nobody to tell: what cannot be written now is with the next steps, and the end of it all says why not. */
  #flushLater(): void {
    try {
      this.flush()
    } catch (error) {
      if (unwritable(error) === undefined) throw error
    }
  }

  #id(action: Action): string {
    return `${this.#round} ${action.id}`
  }

  #put(steps: readonly Step[]): void {
    for (const step of steps) {
      const position = this.#steps.get(step.id)?.position ?? this.#steps.size
      this.#steps.set(step.id, { position, step })
      this.#dirty.add(step.id)
    }
    this.#timer ??= setTimeout(() => this.#flushLater(), FLUSH_MS)
    this.#core.progress.publish({ deployment: this.#deployment, type: 'steps', steps })
  }
}

function problemOf(error: Problem): NonNullable<Step['error']> {
  return error.toDetails() as NonNullable<Step['error']>
}
