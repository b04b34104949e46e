import { describe, expect, test } from 'vitest'
import { followJob } from '../../../daemon/http/follow-job.ts'
import { JobControl } from '../../../daemon/jobs/job-control.ts'
import { PullRequest } from '../../../protocol/resources/job.ts'
import type { JobFrame } from '../../../protocol/streams.ts'
import { aBench, aModel, SOURCE } from '../support/core.ts'
import { FrameRecorder } from '../support/frame-recorder.ts'
import { rejectionOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'

const CALLER = { name: 'tester' }

function aControl() {
  const bench = aBench()
  const jobs = new JobControl(bench.core)
  const model = aModel({ web: {}, db: {} })
  const pull = (options: object = {}, more: object = {}) =>
    jobs.pull('shop', PullRequest.parse({ model, source: SOURCE, options, ...more }), CALLER)
  /** Resolves with all frames, when the job has ended. */
  const follow = async (id: string, query = {}) => {
    const recorder = new FrameRecorder<JobFrame>()
    await followJob(jobs.find(id), query, recorder.socket)
    return recorder.frames
  }
  return { ...bench, jobs, pull, follow }
}

describe('a job', () => {
  test('pulls side by side, changes no stack, and tells its steps', async () => {
    const { engine, core, pull, follow, jobs } = aControl()
    engine.registry.set('web:1', 'sha256:w').set('db:1', 'sha256:d')
    const { job } = await pull()
    const frames = await follow(job)
    expect(frames[0]).toMatchObject({ type: 'job' })
    expect(frames.at(-2)).toMatchObject({ type: 'job', job: { state: 'succeeded', kind: 'pull' } })
    expect(frames.at(-1)).toEqual({ type: 'end' })
    expect(
      jobs
        .job(job)
        .steps.map((step) => `${step.object} ${step.label}`)
        .sort(),
    ).toEqual(['db Pulled', 'web Pulled'])
    expect(engine.calls.sort()).toEqual(['pull db:1', 'pull web:1'])
    expect(core.store.stacks.find('shop')).toBeUndefined()
  })

  test('that fails says so for each image, and does what it can', async () => {
    const { engine, pull, follow, jobs } = aControl()
    engine.registry.set('db:1', 'sha256:d')
    const { job } = await pull()
    await follow(job)
    expect(jobs.job(job)).toMatchObject({ state: 'failed', error: { code: 'image-missing' } })
    expect(engine.images.has('db:1')).toBe(true)
  })

  test('whose failures do not matter succeeds with a warning for each', async () => {
    const { pull, follow, jobs } = aControl()
    const { job } = await pull({ failures: 'ignore' })
    await follow(job)
    const { state, warnings } = jobs.job(job)
    expect(state).toBe('succeeded')
    expect(warnings).toHaveLength(2)
  })

  test('that is cancelled ends, and what it had going with it', async () => {
    const { engine, pull, jobs } = aControl()
    engine.holdPulls()
    const { job } = await pull()
    await settled()
    expect(await jobs.cancel(job)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } })
    expect(await jobs.cancel(job)).toMatchObject({ state: 'cancelled' })
  })

  test('ends with the daemon', async () => {
    const { engine, pull, jobs } = aControl()
    engine.holdPulls()
    const { job } = await pull()
    await jobs.stop()
    expect(jobs.job(job)).toMatchObject({ state: 'cancelled', error: { detail: 'the daemon ended' } })
  })

  test('is refused where too many go already, and taken again when they are gone', async () => {
    const { engine, pull, jobs } = aControl()
    engine.holdPulls()
    for (let count = 0; count < 16; count += 1) await pull()
    expect((await rejectionOf(pull())).code).toBe('conflict')
    await jobs.stop()
    engine.releasePulls()
    await pull()
  })

  test('is forgotten when many others have ended since', async () => {
    const { pull, follow, jobs } = aControl()
    const { job: first } = await pull()
    await follow(first)
    for (let count = 0; count < 21; count += 1) await follow((await pull()).job)
    expect(() => jobs.job(first)).toThrow(/there is no job/)
  })

  test('that nobody began is not there', async () => {
    expect((await rejectionOf(aControl().jobs.cancel('x'))).code).toBe('job-not-found')
  })

  test('of another stack than its model is refused', async () => {
    const request = PullRequest.parse({ model: aModel({ web: {} }), source: SOURCE })
    expect((await rejectionOf(aControl().jobs.pull('other', request, CALLER))).code).toBe('bad-request')
  })
})

describe('the output of a job that is followed', () => {
  async function aJobWithOutput() {
    const { engine, pull, jobs, follow } = aControl()
    engine.holdPulls()
    const { job: id } = await pull()
    const job = jobs.find(id)
    return { id, job, follow, finish: () => jobs.cancel(id) }
  }
  const linesOf = (frames: readonly JobFrame[]) =>
    frames.flatMap((frame) => (frame.type === 'output' ? frame.lines.map((line) => line.text) : []))

  test('comes whole to who comes late, and after a line to who comes again', async () => {
    const { id, job, follow, finish } = await aJobWithOutput()
    for (const text of ['one', 'two', 'three']) job.write('web', text)
    await finish()
    expect(linesOf(await follow(id))).toEqual(['one', 'two', 'three'])
    expect(linesOf(await follow(id, { after: '2' }))).toEqual(['three'])
  })

  test('that is no longer kept is counted in a gap', async () => {
    const { id, job, follow, finish } = await aJobWithOutput()
    for (let index = 0; index < 2000; index += 1) job.write('web', 'x'.repeat(1000))
    await finish()
    const frames = await follow(id)
    const gap = frames.find((frame) => frame.type === 'gap')
    expect(gap).toMatchObject({ reason: 'slow-follower' })
    expect((gap as { lines: number }).lines + linesOf(frames).length).toBe(2000)
  })

  test.each(['x', '-1', '1.5'])('after line "%s" is refused', async (after) => {
    const { id, follow, finish } = await aJobWithOutput()
    await finish()
    expect((await rejectionOf(follow(id, { after }))).code).toBe('bad-request')
  })
})
