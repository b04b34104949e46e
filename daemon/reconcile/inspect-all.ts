/** Inspects of several containers, a few at a time. One that is gone by now is left out. */
import type { ContainerInspect, Engine } from '../engine/types.ts'
import { isStatus } from './perform/engine-answers.ts'

const AT_ONCE = 8

export async function inspectAll(
  engine: Engine,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, ContainerInspect>> {
  const found = new Map<string, ContainerInspect>()
  const waiting = [...ids]
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        found.set(id, await engine.containers.inspect(id, { signal }))
      } catch (error) {
        if (!isStatus(error, 404)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, work))
  return found
}
