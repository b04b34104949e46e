/** Builds the image of a service: with the Engine's BuildKit where it has one, else with its first builder. */
import { Problem } from '../../protocol/problems.ts'
import type { BuildCheck } from '../../protocol/resources/job.ts'
import type { Engine } from '../engine/types.ts'
import type { BuildOrder } from './build-order.ts'
import { BuildKitBuilder } from './buildkit-builder.ts'
import { ClassicBuilder } from './classic-builder.ts'
import type { ContextStore } from './context-store.ts'

export class ImageBuilder {
  readonly #buildKit: BuildKitBuilder
  readonly #classic: ClassicBuilder

  constructor(engine: Engine, contexts: ContextStore) {
    this.#buildKit = new BuildKitBuilder(engine, contexts)
    this.#classic = new ClassicBuilder(engine, contexts)
  }

  /**
   * The Engine is asked by trying: the `Builder-Version` that it announces is only what it prefers, and Engine 20.10 has
   * BuildKit without announcing it. Answers who built.
   */
  async build(
    order: BuildOrder,
    report: (detail: string) => void,
    signal: AbortSignal,
  ): Promise<'buildkit' | 'classic'> {
    if ((await this.#buildKit.build(order, report, signal)) === 'built') return 'buildkit'
    await this.#classic.build(order, report, signal)
    return 'classic'
  }

  /** What is to be said of the Dockerfile: nothing is built. */
  async check(order: BuildOrder, report: (detail: string) => void, signal: AbortSignal): Promise<BuildCheck> {
    const found = await this.#buildKit.check(order, report, signal)
    if (found !== 'no-buildkit') return found
    throw new Problem('unsupported', 'build --check needs BuildKit, which this Engine does not offer', {
      hint: 'check the Dockerfile elsewhere',
    })
  }
}
