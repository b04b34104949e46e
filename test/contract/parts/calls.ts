import { describe, expect } from 'vitest'
import { problemOf } from '../support/problem-of.ts'
import { type Scene, uniqueName } from '../support/scene.ts'
import { until } from '../support/until.ts'

/** What holds for any call: versions, errors, time limits, aborts. */
export function callsContract(scene: Scene): void {
  const { engine } = scene

  describe('any call', () => {
    scene.test('negotiates an API version that both sides speak', async () => {
      const version = await engine.version()
      expect(version.version).not.toBe('')
      expect(version.os).toBe('linux')
      expect(version.arch).not.toBe('')
      expect(minor(version.negotiated)).toBeGreaterThanOrEqual(minor(version.minApiVersion))
      expect(minor(version.negotiated)).toBeLessThanOrEqual(minor(version.apiVersion))
    })

    scene.test('compares API versions by number', async () => {
      const { negotiated } = await engine.version()
      expect(await engine.atLeast(negotiated)).toBe(true)
      expect(await engine.atLeast('1.5')).toBe(true)
      expect(await engine.atLeast('1.1000')).toBe(false)
    })

    scene.test('answers ping and info', async () => {
      await engine.ping()
      expect(await engine.info()).toHaveProperty('ServerVersion', (await engine.version()).version)
    })

    scene.test("says what was asked, the status and the Engine's own words when it is refused", async () => {
      const name = uniqueName()
      const problem = await problemOf(engine.containers.inspect(name))
      expect(problem).toMatchObject({
        code: 'engine-error',
        engine: { call: `GET /containers/${name}/json`, status: 404 },
      })
      expect(problem.message).toMatch(new RegExp(`No such container: ${name}`, 'i'))
    })

    scene.test('tells a conflict by its status', async () => {
      const name = uniqueName()
      await scene.container({}, name)
      const problem = await problemOf(engine.containers.create({ name }, { Image: 'ek-lab/sleep:1' }))
      expect(problem).toMatchObject({ code: 'engine-error', engine: { call: 'POST /containers/create', status: 409 } })
      expect(problem.message).toMatch(/already in use/)
    })

    scene.test('tells a bad request by its status', async () => {
      const problem = await problemOf(engine.containers.create({ name: 'ektest bad' }, { Image: 'ek-lab/sleep:1' }))
      expect(problem).toMatchObject({ code: 'engine-error', engine: { status: 400 } })
    })

    scene.test('rejects what can be no id', async () => {
      for (const id of ['', '.', '..']) {
        await problemOf(engine.containers.inspect(id))
        await problemOf(engine.networks.inspect(id))
        await problemOf(engine.volumes.inspect(id))
        await problemOf(engine.exec.inspect(id))
      }
    })

    scene.test('keeps an id with slashes one part of the path, and refuses it', async () => {
      await problemOf(engine.containers.inspect('../x'))
      await problemOf(engine.containers.inspect('../images/ek-lab/sleep:1'))
      await problemOf(engine.networks.inspect(`../containers/${scene.sleeper}/json`))
    })

    scene.test('reaches nothing else with an id that climbs out of its path', async () => {
      const volume = await scene.volume()
      await problemOf(engine.containers.remove(`../volumes/${volume}`, {}))
      await problemOf(engine.containers.kill(`x/../${scene.sleeper}`, 'SIGKILL'))
      await problemOf(engine.containers.kill(`${scene.sleeper}/kill?signal=KILL#`, 'SIGKILL'))
      expect(await engine.volumes.inspect(volume)).toMatchObject({ Name: volume })
      expect((await engine.containers.inspect(scene.sleeper)).State.Running).toBe(true)
    })

    scene.test('rejects with the reason of a signal that is aborted already', async () => {
      const reason = new Error('not wanted any more')
      const signal = AbortSignal.abort(reason)
      await expect(engine.containers.list({}, { signal })).rejects.toBe(reason)
      await expect(engine.containers.inspect(scene.sleeper, { signal })).rejects.toBe(reason)
      await expect(engine.containers.start(scene.sleeper, { signal })).rejects.toBe(reason)
    })

    scene.test("ends with the signal's reason when it is aborted on the way", async () => {
      const reason = new Error('waited long enough')
      const abort = new AbortController()
      const waiting = engine.containers.wait(scene.sleeper, 'not-running', { signal: abort.signal })
      abort.abort(reason)
      await expect(waiting).rejects.toBe(reason)
    })

    scene.testWith('slowness', 'that gets no answer in time is an engine-timeout', async () => {
      // The first process of a container ignores a signal that it has no handler for.
      const id = await scene.running({ StopSignal: 'SIGUSR2' })
      const problem = await problemOf(engine.containers.stop(id, { graceSeconds: 60 }, { timeoutMs: 300 }))
      expect(problem).toMatchObject({ code: 'engine-timeout', engine: { call: `POST /containers/${id}/stop` } })
      await engine.containers.kill(id, 'SIGKILL')
      await engine.containers.wait(id, 'not-running')
    })

    scene.testWith('logs', 'is not kept waiting by a hundred open streams', async () => {
      const reason = new Error('end of the test')
      const abort = new AbortController()
      const flowing = new Set<number>()
      const follow = async (stream: number) => {
        const query = { follow: true }
        for await (const _ of engine.containers.logs(scene.sleeper, query, { signal: abort.signal }))
          flowing.add(stream)
      }
      const ends = Promise.allSettled(Array.from({ length: 100 }, (_, stream) => follow(stream)))
      try {
        await until('all streams flow', () => flowing.size === 100)
        const calls = Array.from({ length: 100 }, () => engine.containers.inspect(scene.sleeper, { timeoutMs: 20_000 }))
        const answers = await Promise.all(calls)
        expect(answers.every(({ Id }) => Id === scene.sleeper)).toBe(true)
      } finally {
        abort.abort(reason)
      }
      expect(await ends).toEqual(Array.from({ length: 100 }, () => ({ status: 'rejected', reason })))
    })
  })
}

const minor = (apiVersion: string): number => Number(apiVersion.split('.')[1])
