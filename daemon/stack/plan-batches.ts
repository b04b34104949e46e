/** A rollout goes batch by batch: the next one begins when the last one counts, and not where too many have failed. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import type { Rollout } from './rollout.ts'

interface Replacement {
  /** Ids of the actions that begin it, and of those that end it. */
  readonly first: readonly string[]
  readonly last: readonly string[]
}

export class BatchPlanner {
  readonly #draft: Draft
  readonly #stack: string
  readonly #service: DesiredService
  readonly #rollout: Rollout | undefined
  readonly #replacements: Replacement[] = []

  constructor(draft: Draft, stack: string, service: DesiredService, rollout: Rollout | undefined) {
    this.#draft = draft
    this.#stack = stack
    this.#service = service
    this.#rollout = rollout
  }

  add(first: readonly string[], last: readonly string[]): void {
    this.#replacements.push({ first, last })
  }

  /** What an earlier run had begun already is in the first batch, whatever its size. */
  finish(): void {
    const rollout = this.#rollout
    if (rollout === undefined || !rollout.watched || rollout.parallelism === 0) return
    const begun = this.#replacements.filter(({ first }) => first.length === 0)
    const others = this.#replacements.filter(({ first }) => first.length > 0)
    const batches = begun.length > 0 ? [begun] : []
    for (let at = 0; at < others.length; at += rollout.parallelism)
      batches.push(others.slice(at, at + rollout.parallelism))
    const { service } = this.#service
    for (const [index, batch] of batches.entries()) {
      const before = batches[index - 1]?.flatMap(({ last }) => last)
      if (before === undefined) continue
      const gate = this.#draft.add({
        body: { kind: 'continue-rollout', service, batch: index + 1, delayMs: rollout.delayMs },
        key: `${service} ${index + 1}`,
        object: `Service ${this.#stack}/${service}`,
        service,
        effect: 'wait',
        reason: `${batch.length} at a time (deploy.update_config.parallelism)`,
        after: before,
        tolerates: before,
      })
      for (const { first } of batch) for (const id of first) this.#draft.order(id, [gate])
    }
  }
}
