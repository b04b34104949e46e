import { describe, expect } from 'vitest'
import type { EngineEvent } from '../../../daemon/engine/types.ts'
import { all } from '../support/output.ts'
import { type Scene, uniqueName } from '../support/scene.ts'

/** An Engine keeps its last events: with so early a beginning, none is lost before the stream is open. */
const LONG_AGO = '1'

export function eventsContract(scene: Scene): void {
  const { engine } = scene

  /** The events as they come; the stream is closed with the test. */
  function listen(filters: Record<string, string[]>) {
    const abort = new AbortController()
    scene.afterwards(async () => abort.abort())
    const events = engine.events({ since: LONG_AGO, filters }, { signal: abort.signal })[Symbol.asyncIterator]()
    const next = async (): Promise<EngineEvent> => {
      const { value, done } = await events.next()
      if (done) throw new Error('the events ended')
      return value
    }
    return { abort, next }
  }

  describe('events', () => {
    scene.testWith('history', 'tell the life of a container, in order', async () => {
      const set = uniqueName()
      const name = uniqueName()
      const { next } = listen({ type: ['container'], label: [`ektest.set=${set}`], event: ['create', 'start', 'die'] })
      const id = await scene.container({ Labels: { 'ektest.set': set } }, name)
      expect(await next()).toMatchObject({ Type: 'container', Action: 'create', Actor: { ID: id } })
      await engine.containers.start(id)
      expect(await next()).toMatchObject({ Action: 'start', Actor: { Attributes: { name, 'ektest.set': set } } })
      await engine.containers.kill(id, 'SIGKILL')
      expect(await next()).toMatchObject({ Action: 'die', Actor: { ID: id, Attributes: { exitCode: '137' } } })
    })

    scene.testWith('history', 'carry their time in whole nanoseconds', async () => {
      const name = uniqueName()
      const { next } = listen({ container: [name] })
      await scene.container({}, name)
      const { time, timeNano } = await next()
      expect(timeNano).toMatch(/^\d{19}$/)
      expect(Number(BigInt(timeNano) / 1_000_000_000n)).toBe(time)
    })

    scene.testWith('history', 'leave out what the filters do not ask for', async () => {
      const set = uniqueName()
      const { next } = listen({ label: [`ektest.set=${set}`], event: ['destroy'] })
      await scene.container()
      const id = await scene.container({ Labels: { 'ektest.set': set } })
      await engine.containers.remove(id, {})
      expect(await next()).toMatchObject({ Action: 'destroy', Actor: { ID: id } })
    })

    scene.testWith('history', 'tell of networks and volumes', async () => {
      const network = await scene.network()
      const { next: nextOfNetwork } = listen({ type: ['network'], network: [network.id] })
      expect(await nextOfNetwork()).toMatchObject({ Type: 'network', Action: 'create', Actor: { ID: network.id } })
      const volume = await scene.volume()
      const { next: nextOfVolume } = listen({ type: ['volume'], volume: [volume] })
      expect(await nextOfVolume()).toMatchObject({ Type: 'volume', Action: 'create', Actor: { ID: volume } })
    })

    scene.testWith('history', "end with the signal's reason", async () => {
      const reason = new Error('heard enough')
      const name = uniqueName()
      const { abort, next } = listen({ container: [name] })
      await scene.container({}, name)
      await next()
      const waiting = next()
      abort.abort(reason)
      await expect(waiting).rejects.toBe(reason)
    })

    scene.testWith('history', 'end by themselves at a moment that has passed', async () => {
      const filters = { container: [uniqueName()] }
      expect(await all(engine.events({ since: LONG_AGO, until: '2', filters }))).toEqual([])
    })
  })
}
