import { describe, expect } from 'vitest'
import { problemOf } from '../support/problem-of.ts'
import { job, type Scene, uniqueName } from '../support/scene.ts'
import { until } from '../support/until.ts'

export function containersContract(scene: Scene): void {
  const { containers, volumes } = scene.engine
  const stateOf = async (id: string) => (await containers.inspect(id)).State

  /** On a busy machine runc gives up on freezing a process that has just started: no matter of the Engine's contract. */
  async function pausedOrTooBusy(id: string): Promise<boolean> {
    try {
      await containers.pause(id)
      return true
    } catch (error) {
      if (/unable to freeze/.test(String(error))) return false
      throw error
    }
  }

  describe('containers', () => {
    scene.test('are created with name, labels and settings, and do not run yet', async () => {
      const name = uniqueName()
      const id = await scene.container(
        {
          Labels: { 'ektest.color': 'green' },
          Env: ['COLOR=green'],
          HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } },
        },
        name,
      )
      const inspect = await containers.inspect(id)
      expect(inspect).toMatchObject({
        Id: id,
        Name: `/${name}`,
        RestartCount: 0,
        State: { Status: 'created', Running: false, ExitCode: 0 },
        Config: { Image: 'ek-lab/sleep:1', Tty: false },
        HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } },
      })
      expect(inspect.Config.Labels).toMatchObject({ 'ektest.color': 'green' })
      expect(inspect.Config.Env).toContain('COLOR=green')
      expect(inspect.Image).toMatch(/^sha256:/)
    })

    scene.test('are found by name as well as by id', async () => {
      const name = uniqueName()
      const id = await scene.container({}, name)
      expect((await containers.inspect(name)).Id).toBe(id)
    })

    scene.test('cannot be created from an image that is not there', async () => {
      const problem = await problemOf(containers.create({ name: uniqueName() }, { Image: `${uniqueName()}:1` }))
      expect(problem).toMatchObject({ code: 'engine-error', engine: { status: 404 } })
      expect(problem.message).toMatch(/No such image/i)
    })

    scene.test('are listed by label, and only those that run unless all are wanted', async () => {
      const set = uniqueName()
      const name = uniqueName()
      const Labels = { 'ektest.set': set }
      const running = await scene.running({ Labels })
      const created = await scene.container({ Labels }, name)
      const filters = { label: [`ektest.set=${set}`] }
      expect(await containers.list({ filters })).toMatchObject([{ Id: running, State: 'running' }])
      const all = await containers.list({ all: true, filters })
      expect(all.map(({ Id }) => Id).sort()).toEqual([running, created].sort())
      const summary = all.find(({ Id }) => Id === created)
      expect(summary).toMatchObject({
        Names: [`/${name}`],
        Image: 'ek-lab/sleep:1',
        State: 'created',
        Status: 'Created',
      })
      expect(summary?.Labels).toMatchObject(Labels)
      expect(summary?.ImageID).toMatch(/^sha256:/)
      expect(all.find(({ Id }) => Id === running)?.Status).toMatch(/^Up /)
    })

    scene.test('tell their exit code in a list, which may be older than the answer of a wait', async () => {
      const id = await scene.running(job({ EXIT_CODE: '7' }))
      await containers.wait(id, 'not-running')
      const status = await until('the list shows its end', async () => {
        const [summary] = await containers.list({ all: true, filters: { id: [id] } })
        return summary?.State === 'exited' && summary.Status
      })
      expect(status).toMatch(/^Exited \(7\) /)
    })

    scene.test('start once: the second start says that nothing was done', async () => {
      const id = await scene.container()
      expect(await containers.start(id)).toBe(true)
      expect(await stateOf(id)).toMatchObject({ Status: 'running', Running: true })
      expect(await containers.start(id)).toBe(false)
    })

    scene.test('stop once: the second stop says that nothing was done', async () => {
      const id = await scene.heeding()
      expect(await containers.stop(id, {})).toBe(true)
      expect(await stateOf(id)).toMatchObject({ Status: 'exited', Running: false, ExitCode: 0 })
      expect(await containers.stop(id, {})).toBe(false)
    })

    scene.test('are killed when their grace is over', async () => {
      // The first process of a container ignores a signal that it has no handler for.
      const id = await scene.running({ StopSignal: 'SIGUSR2' })
      expect(await containers.stop(id, { graceSeconds: 0 })).toBe(true)
      expect(await stateOf(id)).toMatchObject({ Status: 'exited', ExitCode: 137 })
    })

    scene.test('get the signal of a kill', async () => {
      const id = await scene.heeding()
      await containers.kill(id, 'SIGTERM')
      expect(await containers.wait(id, 'not-running')).toMatchObject({ StatusCode: 0 })
    })

    scene.test('that do not run cannot be killed', async () => {
      const id = await scene.container()
      expect(await problemOf(containers.kill(id, 'SIGKILL'))).toMatchObject({ engine: { status: 409 } })
    })

    scene.test('refuse a signal that there is not, and run on', async () => {
      const id = await scene.running()
      const problem = await problemOf(containers.kill(id, 'NOPE'))
      expect(problem).toMatchObject({ code: 'engine-error' })
      expect(problem.message).toMatch(/invalid signal/i)
      expect(await stateOf(id)).toMatchObject({ Running: true })
    })

    scene.test('that are killed stay down, whatever their restart policy says', async () => {
      const HostConfig = { NetworkMode: 'none', RestartPolicy: { Name: 'always' } }
      const id = await scene.running({ HostConfig })
      await containers.kill(id, 'SIGKILL')
      await containers.wait(id, 'not-running')
      expect(await stateOf(id)).toMatchObject({ Status: 'exited', ExitCode: 137 })
    })

    scene.test('start anew with a restart', async () => {
      const id = await scene.running()
      const before = await stateOf(id)
      await containers.restart(id, { graceSeconds: 5 })
      const after = await stateOf(id)
      expect(after.Running).toBe(true)
      expect(after.StartedAt).not.toBe(before.StartedAt)
    })

    scene.test('pause and go on', async () => {
      const id = await scene.running()
      await until('it is paused', () => pausedOrTooBusy(id))
      expect(await stateOf(id)).toMatchObject({ Status: 'paused', Running: true, Paused: true })
      await containers.unpause(id)
      expect(await stateOf(id)).toMatchObject({ Status: 'running', Paused: false })
    })

    scene.test('say so where there is nothing to pause or to unpause', async () => {
      const [id, created] = [await scene.running(), await scene.container()]
      const words = async (call: Promise<unknown>) => {
        const problem = await problemOf(call)
        return [problem.engine?.status, problem.message] as const
      }
      expect(await words(containers.unpause(id))).toEqual([500, expect.stringMatching(/not paused/i)])
      expect(await words(containers.pause(created))).toEqual([409, expect.stringMatching(/not running/i)])
      await until('it is paused', () => pausedOrTooBusy(id))
      expect(await words(containers.pause(id))).toEqual([409, expect.stringMatching(/already paused/i)])
    })

    scene.test('are found by their new name after a rename, and not by the old one', async () => {
      const [before, after] = [uniqueName(), uniqueName()]
      const id = await scene.container({}, before)
      await containers.rename(id, after)
      expect(await containers.inspect(after)).toMatchObject({ Id: id, Name: `/${after}` })
      expect(await problemOf(containers.inspect(before))).toMatchObject({ engine: { status: 404 } })
    })

    scene.test('cannot take a name that is taken', async () => {
      const taken = uniqueName()
      await scene.container({}, taken)
      const id = await scene.container()
      expect(await problemOf(containers.rename(id, taken))).toMatchObject({ engine: { status: 409 } })
    })

    scene.test('that run are removed only by force', async () => {
      const id = await scene.running()
      expect(await problemOf(containers.remove(id, {}))).toMatchObject({ engine: { status: 409 } })
      await containers.remove(id, { force: true })
      expect(await problemOf(containers.inspect(id))).toMatchObject({ engine: { status: 404 } })
    })

    scene.test('leave their anonymous volumes, or take them along, as was asked', async () => {
      const body = { HostConfig: { NetworkMode: 'none', Mounts: [{ Type: 'volume', Target: '/data' }] } }
      const [keeper, taker] = [await scene.container(body), await scene.container(body)]
      const volumeOf = async (id: string) => (await containers.inspect(id)).Mounts[0]?.Name ?? ''
      const [kept, taken] = [await volumeOf(keeper), await volumeOf(taker)]
      scene.afterwards(() => volumes.remove(kept, {}))
      await containers.remove(keeper, { volumes: 'keep' })
      await containers.remove(taker, { volumes: 'anonymous' })
      expect(await volumes.inspect(kept)).toMatchObject({ Name: kept })
      expect(await problemOf(volumes.inspect(taken))).toMatchObject({ engine: { status: 404 } })
    })

    scene.test('change their restart policy', async () => {
      const id = await scene.container()
      await containers.updateRestartPolicy(id, { Name: 'unless-stopped' })
      expect((await containers.inspect(id)).HostConfig.RestartPolicy).toMatchObject({ Name: 'unless-stopped' })
    })

    scene.test('that are not there answer 404 to every change', async () => {
      const name = uniqueName()
      const missing = { code: 'engine-error', engine: { status: 404 } }
      expect(await problemOf(containers.start(name))).toMatchObject(missing)
      expect(await problemOf(containers.stop(name, {}))).toMatchObject(missing)
      expect(await problemOf(containers.restart(name, {}))).toMatchObject(missing)
      expect(await problemOf(containers.rename(name, uniqueName()))).toMatchObject(missing)
      expect(await problemOf(containers.remove(name, { force: true }))).toMatchObject(missing)
      expect(await problemOf(containers.wait(name, 'not-running'))).toMatchObject(missing)
    })
  })

  describe('wait', () => {
    scene.test('answers at once for a container that does not run', async () => {
      const id = await scene.container()
      expect(await containers.wait(id, 'not-running')).toMatchObject({ StatusCode: 0 })
    })

    scene.test('answers the exit code when the container ends', async () => {
      const id = await scene.container(job({ SECONDS: '1', EXIT_CODE: '7' }))
      const exited = containers.wait(id, 'next-exit')
      await containers.start(id)
      expect(await exited).toMatchObject({ StatusCode: 7 })
    })

    scene.test('answers when the container is removed', async () => {
      const HostConfig = { NetworkMode: 'none', AutoRemove: true }
      const id = await scene.container({ ...job({ SECONDS: '1', EXIT_CODE: '7' }), HostConfig })
      let isListening = (): void => {}
      const listening = new Promise<void>((resolve) => {
        isListening = resolve
      })
      const removed = containers.wait(id, 'removed', { onListening: isListening })
      await listening
      await containers.start(id)
      expect(await removed).toMatchObject({ StatusCode: 7 })
      await until('it is gone', async () => (await containers.list({ all: true, filters: { id: [id] } })).length === 0)
    })
  })
}
