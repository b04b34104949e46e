import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { ExecCreateBody, HijackedStream } from '../../../daemon/engine/types.ts'
import { all, linesOf, outputOf } from '../support/output.ts'
import { problemOf } from '../support/problem-of.ts'
import { type Scene, shell, uniqueName } from '../support/scene.ts'
import { until } from '../support/until.ts'

/** What needs programs that run: attach, exec, health, top, stats. */
export function programsContract(scene: Scene): void {
  const { containers, exec } = scene.engine
  const stdin = { AttachStdin: true, OpenStdin: true, StdinOnce: true }
  const streams = { stdin: true, stdout: true, stderr: true }
  const execIn = async (container: string, body: ExecCreateBody) =>
    (await exec.create(container, { AttachStdout: true, AttachStderr: true, ...body })).Id
  /** The output may end a moment before the Engine knows the exit code. */
  const endOf = (id: string) =>
    until('the exec has ended', async () => {
      const inspect = await exec.inspect(id)
      return !inspect.Running && inspect.ExitCode !== null && inspect
    })

  describe('attach', () => {
    scene.testWith('programs', 'carries input until its half-close, then output to its end', async () => {
      const id = await scene.container({ ...shell('cat; echo done; echo oops >&2; exit 4'), ...stdin })
      const stream = await containers.attach(id, { ...streams, tty: false })
      await containers.start(id)
      stream.input.end('hello\n')
      expect(await outputOf(stream.output)).toEqual({ stdout: 'hello\ndone\n', stderr: 'oops\n' })
      expect(await containers.wait(id, 'not-running')).toMatchObject({ StatusCode: 4 })
    })

    scene.testWith('programs', 'speaks with a terminal, which takes a size', async () => {
      const id = await scene.container({ Entrypoint: ['/bin/sh'], ...stdin, Tty: true })
      const stream = await containers.attach(id, { ...streams, tty: true })
      await containers.start(id)
      await containers.resize(id, { rows: 33, columns: 77 })
      stream.input.write('stty size\nexit 5\n')
      const { stdout, stderr } = await outputOf(stream.output)
      expect(linesOf(stdout)).toContain('33 77')
      expect(stderr).toBe('')
      expect(await containers.wait(id, 'not-running')).toMatchObject({ StatusCode: 5 })
    })

    scene.testWith('programs', 'repeats what was written before, if asked to', async () => {
      const stream = await containers.attach(scene.sleeper, { stdout: true, logs: true, tty: false })
      expect(await textUntil(stream, / is up\n/)).toMatch(/^[0-9a-f]{12} is up\n/)
    })

    scene.testWith('programs', "ends with the signal's reason", async () => {
      const reason = new Error('enough of it')
      const abort = new AbortController()
      const query = { stdout: true, tty: false }
      const stream = await containers.attach(scene.sleeper, query, { signal: abort.signal })
      abort.abort(reason)
      await expect(outputOf(stream.output)).rejects.toBe(reason)
    })

    scene.testWith('programs', 'to a container that is not there is a 404 that names the call', async () => {
      const name = uniqueName()
      const problem = await problemOf(containers.attach(name, { ...streams, tty: false }))
      expect(problem).toMatchObject({
        code: 'engine-error',
        engine: { call: `POST /containers/${name}/attach`, status: 404 },
      })
      expect(problem.message).toMatch(/No such container/i)
    })
  })

  describe('exec', () => {
    scene.testWith('programs', 'brings both outputs and the exit code', async () => {
      const id = await execIn(scene.sleeper, { Cmd: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'] })
      const { output } = await exec.start(id, { tty: false })
      expect(await outputOf(output)).toEqual({ stdout: 'out\n', stderr: 'err\n' })
      expect(await endOf(id)).toMatchObject({ ID: id, ContainerID: scene.sleeper, Running: false, ExitCode: 3 })
    })

    scene.testWith('programs', 'carries a megabyte there and back, and its end', async () => {
      const sent = randomBytes(1024 * 1024)
      const id = await execIn(scene.sleeper, { Cmd: ['cat'], AttachStdin: true })
      const { input, output } = await exec.start(id, { tty: false })
      input.end(sent)
      const back = Buffer.concat((await all(output)).map(({ data }) => data))
      expect(back.equals(sent)).toBe(true)
      expect(await endOf(id)).toMatchObject({ ExitCode: 0 })
    })

    scene.testWith('programs', 'waits for a reader that is slow to come', async () => {
      const id = await execIn(scene.sleeper, { Cmd: ['head', '-c', '8388608', '/dev/zero'] })
      const { output } = await exec.start(id, { tty: false })
      await until('it writes', async () => (await exec.inspect(id)).Running)
      let bytes = 0
      for await (const { data } of output) bytes += data.length
      expect(bytes).toBe(8_388_608)
    })

    scene.testWith('programs', 'gets its environment, user and folder', async () => {
      const Cmd = ['/bin/sh', '-c', 'echo $COLOR; id -u; pwd']
      const id = await execIn(scene.sleeper, { Cmd, Env: ['COLOR=green'], User: 'app', WorkingDir: '/tmp' })
      const { output } = await exec.start(id, { tty: false })
      expect(linesOf((await outputOf(output)).stdout)).toEqual(['green', '1000', '/tmp'])
    })

    scene.testWith('programs', 'has a terminal, which takes a size', async () => {
      const id = await execIn(scene.sleeper, { Cmd: ['/bin/sh'], AttachStdin: true, Tty: true })
      const { input, output } = await exec.start(id, { tty: true })
      await until('it runs', async () => (await exec.inspect(id)).Running)
      await exec.resize(id, { rows: 33, columns: 77 })
      input.write('stty size\nexit 5\n')
      const { stdout, stderr } = await outputOf(output)
      expect(linesOf(stdout)).toContain('33 77')
      expect(stderr).toBe('')
      expect(await endOf(id)).toMatchObject({ ExitCode: 5 })
    })

    scene.testWith('programs', 'runs detached', async () => {
      const id = (await exec.create(scene.sleeper, { Cmd: ['/bin/sh', '-c', 'exit 6'] })).Id
      await exec.startDetached(id)
      expect(await endOf(id)).toMatchObject({ ExitCode: 6 })
    })

    scene.testWith('programs', "ends with the signal's reason", async () => {
      const reason = new Error('enough of it')
      const abort = new AbortController()
      const id = await execIn(scene.sleeper, { Cmd: ['cat'], AttachStdin: true })
      const { output } = await exec.start(id, { tty: false }, { signal: abort.signal })
      abort.abort(reason)
      await expect(outputOf(output)).rejects.toBe(reason)
    })

    scene.testWith('programs', 'rejects with the reason of a signal that is aborted already', async () => {
      const reason = new Error('not wanted any more')
      const id = await execIn(scene.sleeper, { Cmd: ['cat'], AttachStdin: true })
      await expect(exec.start(id, { tty: false }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    })

    scene.testWith('programs', 'that is not there is a 404 that names the call', async () => {
      const problem = await problemOf(exec.start('nothing', { tty: false }))
      expect(problem).toMatchObject({ code: 'engine-error', engine: { call: 'POST /exec/nothing/start', status: 404 } })
      expect(await problemOf(exec.inspect('nothing'))).toMatchObject({ engine: { status: 404 } })
    })

    scene.testWith('programs', 'needs a container that runs', async () => {
      const id = await scene.container()
      expect(await problemOf(exec.create(id, { Cmd: ['true'] }))).toMatchObject({ engine: { status: 409 } })
    })
  })

  describe('health, top and stats', () => {
    scene.testWith('programs', 'health stands in an inspect and in a list', async () => {
      const Healthcheck = { Test: ['CMD', 'echo', 'fine'], Interval: 500_000_000, Retries: 1 }
      const id = await scene.running({ Healthcheck })
      const health = await until('it is healthy', async () => {
        const { Health } = (await containers.inspect(id)).State
        return Health?.Status === 'healthy' && Health
      })
      expect(health.FailingStreak).toBe(0)
      expect(health.Log[0]).toMatchObject({ ExitCode: 0, Output: 'fine\n' })
      const [summary] = await containers.list({ filters: { id: [id] } })
      expect(summary?.Status).toMatch(/^Up .*\(healthy\)$/)
    })

    scene.test('one that was paused is unhealthy until it is asked again: no check failed', async () => {
      const Healthcheck = { Test: ['CMD', 'true'], Interval: 500_000_000, Retries: 1 }
      const id = await scene.running({ Healthcheck })
      const state = async () => (await containers.inspect(id)).State
      const isHealthy = async () => (await state()).Health?.Status === 'healthy'
      await until('it is healthy', isHealthy)
      await containers.pause(id)
      expect((await state()).Health).toMatchObject({ Status: 'unhealthy', FailingStreak: 0 })
      await containers.unpause(id)
      await until('it is healthy again', isHealthy)
    })

    scene.testWith('programs', 'top shows the processes', async () => {
      const { Titles, Processes } = await containers.top(scene.sleeper)
      const command = Titles.indexOf('CMD')
      expect(Processes.some((process) => process[command]?.includes('/lab/sleep.sh'))).toBe(true)
    })

    scene.testWith('programs', 'stats answer once, or on and on', async () => {
      const once = await all(containers.stats(scene.sleeper, { stream: false, oneShot: true }))
      expect(once).toHaveLength(1)
      expect(once[0]).toHaveProperty('memory_stats.usage')
      let seen = 0
      for await (const stats of containers.stats(scene.sleeper, { stream: true })) {
        expect(stats).toHaveProperty('cpu_stats.cpu_usage.total_usage')
        seen += 1
        if (seen === 2) break
      }
      expect(seen).toBe(2)
    })
  })
}

/** Reads until the text matches, then closes. */
async function textUntil(stream: HijackedStream, pattern: RegExp): Promise<string> {
  let text = ''
  try {
    for await (const { data } of stream.output) {
      text += data.toString()
      if (pattern.test(text)) break
    }
  } finally {
    stream.close()
  }
  return text
}
