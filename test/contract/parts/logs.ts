import { describe, expect } from 'vitest'
import { demultiplex, plain } from '../../../daemon/engine/demultiplex.ts'
import type { LogsQuery } from '../../../daemon/engine/types.ts'
import { all, linesOf, outputOf } from '../support/output.ts'
import { problemOf } from '../support/problem-of.ts'
import { chatty, job, type Scene, shell, uniqueName } from '../support/scene.ts'

export function logsContract(scene: Scene): void {
  const { containers } = scene.engine
  const logsOf = (id: string, query: LogsQuery = {}) => outputOf(demultiplex(containers.logs(id, query)))
  /** A container that has written so many lines and has ended. */
  const written = async (lines: number, env: Record<string, string> = {}) => {
    const id = await scene.running(
      chatty({ LINES: `${lines}`, RATE: '0', STDERR_EVERY: '0', THEN: 'exit', LINE_BYTES: '30', ...env }),
    )
    await containers.wait(id, 'not-running')
    return id
  }
  const numbersIn = (text: string) => linesOf(text).map((line) => Number(/std(?:out|err) (\d{10})/.exec(line)?.[1]))

  describe('logs', () => {
    scene.testWith('logs', 'tell stdout from stderr', async () => {
      const id = await written(6, { STDERR_EVERY: '3' })
      const { stdout, stderr } = await logsOf(id)
      expect(numbersIn(stdout)).toEqual([1, 2, 4, 5])
      expect(numbersIn(stderr)).toEqual([3, 6])
      expect(linesOf(stderr).every((line) => line.startsWith('stderr '))).toBe(true)
      expect(await logsOf(id, { stderr: false })).toEqual({ stdout, stderr: '' })
      expect(await logsOf(id, { stdout: false })).toEqual({ stdout: '', stderr })
    })

    scene.testWith('logs', 'keep many lines whole', async () => {
      const id = await written(5_000)
      expect(numbersIn((await logsOf(id)).stdout)).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1))
    })

    scene.testWith('logs', 'begin so many lines before the end', async () => {
      const id = await written(20)
      expect(numbersIn((await logsOf(id, { tail: 3 })).stdout)).toEqual([18, 19, 20])
      expect(numbersIn((await logsOf(id, { tail: 'all' })).stdout)).toHaveLength(20)
    })

    scene.testWith('logs', 'begin at a moment, to the nanosecond', async () => {
      const id = await written(5)
      const { stdout } = await logsOf(id, { timestamps: true })
      const moments = linesOf(stdout).map((line) => unixTimeOf(line.split(' ')[0]!))
      expect(moments).toHaveLength(5)
      expect(numbersIn((await logsOf(id, { since: moments[2]! })).stdout)).toEqual([3, 4, 5])
      expect(numbersIn((await logsOf(id, { since: oneNanosecondAfter(moments[2]!) })).stdout)).toEqual([4, 5])
    })

    scene.testWith('logs', 'that are followed run on until the container ends', async () => {
      const id = await scene.running(job({ SECONDS: '1', MESSAGE: 'worked' }))
      const { stdout } = await logsOf(id, { follow: true })
      expect(linesOf(stdout)).toEqual(['job: started', 'worked, exit code 0'])
    })

    scene.testWith('logs', 'that are followed bring lines as they are written', async () => {
      const id = await scene.running(chatty({ LINES: '0', RATE: '20', STDERR_EVERY: '0', LINE_BYTES: '30' }))
      let text = ''
      for await (const { data } of demultiplex(containers.logs(id, { follow: true }))) {
        text += data.toString()
        if (linesOf(text).length > 5) break
      }
      expect(numbersIn(text).slice(0, 5)).toEqual([1, 2, 3, 4, 5])
    })

    scene.testWith('logs', "that are followed end with the signal's reason", async () => {
      const reason = new Error('seen enough')
      const abort = new AbortController()
      const follow = async () => {
        const query = { follow: true }
        for await (const _ of containers.logs(scene.sleeper, query, { signal: abort.signal })) abort.abort(reason)
      }
      await expect(follow()).rejects.toBe(reason)
    })

    scene.testWith('programs', 'of a terminal are bytes of stdout as they come', async () => {
      const id = await scene.running({ ...shell('echo out; echo err >&2'), Tty: true })
      await containers.wait(id, 'not-running')
      const { stdout, stderr } = await outputOf(plain(containers.logs(id, {})))
      expect(linesOf(stdout)).toEqual(['out', 'err'])
      expect(stderr).toBe('')
    })

    scene.testWith('logs', 'are refused to a signal that is aborted already', async () => {
      const reason = new Error('not wanted any more')
      const signal = AbortSignal.abort(reason)
      await expect(all(containers.logs(scene.sleeper, {}, { signal }))).rejects.toBe(reason)
    })

    scene.testWith('logs', 'of a container that never ran are empty', async () => {
      expect(await logsOf(await scene.container())).toEqual({ stdout: '', stderr: '' })
    })

    scene.testWith('logs', 'of a container that is not there are a 404', async () => {
      const name = uniqueName()
      expect(await problemOf(logsOf(name))).toMatchObject({
        code: 'engine-error',
        engine: { call: `GET /containers/${name}/logs`, status: 404 },
      })
    })
  })
}

/** `2026-01-02T03:04:05.123456789Z` as `seconds.nanoseconds`. */
function unixTimeOf(moment: string): string {
  const [, whole, fraction = ''] = /^(.+?)(?:\.(\d+))?Z$/.exec(moment) ?? []
  return `${Date.parse(`${whole}Z`) / 1000}.${fraction.padEnd(9, '0')}`
}

function oneNanosecondAfter(unixTime: string): string {
  const nanoseconds = (BigInt(unixTime.replace('.', '')) + 1n).toString()
  return `${nanoseconds.slice(0, -9)}.${nanoseconds.slice(-9)}`
}
