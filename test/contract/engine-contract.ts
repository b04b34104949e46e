/**
 * What every Engine of ours keeps, a real one as well as the simulated one: written against the `Engine` interface alone.
 * Its tests run side by side: most of their time is the Engine's. It needs the lab's images (`test/lab/images.mjs`), or an Engine that knows how those behave.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import type { Engine } from '../../daemon/engine/types.ts'
import { archivesContract } from './parts/archives.ts'
import { callsContract } from './parts/calls.ts'
import { containersContract } from './parts/containers.ts'
import { eventsContract } from './parts/events.ts'
import { imagesContract } from './parts/images.ts'
import { logsContract } from './parts/logs.ts'
import { networksContract } from './parts/networks.ts'
import { programsContract } from './parts/programs.ts'
import { volumesContract } from './parts/volumes.ts'
import { type Ability, Scene, SLEEPER, uniqueName } from './support/scene.ts'

export interface EngineContractOptions {
  /** The suite closes it at its end. */
  readonly engine: Engine
  /** Before the first test: to make the images, for example. */
  readonly prepare?: () => Promise<unknown>
  /** What this Engine cannot do, and why: tests that need it are skipped with that reason. */
  readonly without?: Partial<Record<Ability, string>>
}

/** Generous: an Engine under load is slow. A stream that never ends fails here. */
const TEST_LIMIT_MS = 30_000

export function engineContract(name: string, { engine, prepare, without = {} }: EngineContractOptions): void {
  describe(`the Engine ${name}`, { timeout: TEST_LIMIT_MS, concurrent: true }, () => {
    const scene = new Scene(engine, without)
    const sleeper = uniqueName()

    beforeAll(async () => {
      await prepare?.()
      scene.sleeper = (await engine.containers.create({ name: sleeper }, SLEEPER)).Id
      await engine.containers.start(scene.sleeper)
    })

    afterAll(async () => {
      if (scene.sleeper !== '') await engine.containers.remove(scene.sleeper, { force: true })
      await engine.close()
    })

    callsContract(scene)
    containersContract(scene)
    logsContract(scene)
    programsContract(scene)
    eventsContract(scene)
    archivesContract(scene)
    networksContract(scene)
    volumesContract(scene)
    imagesContract(scene)
  })
}
