import { expect, onTestFinished, test, vi } from 'vitest'
import type { Context } from '../../../client/cli/command.ts'
import { followJob } from '../../../client/cli/follow-job.ts'
import { Gate } from '../support/gate.ts'
import { settled } from '../support/settled.ts'

test('Ctrl-C answers 130, also where the end of the job is told before its cancelling is answered', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => new Promise(() => {}) as never)
  onTestFinished(() => exit.mockRestore())
  const [told, answered] = [new Gate(), new Gate()]
  told.hold()
  answered.hold()
  async function* frames() {
    await told.passed
    yield { type: 'job', job: { id: 'job', kind: 'build', state: 'cancelled', steps: [], warnings: [] } }
    yield { type: 'end' }
  }
  const api = {
    stream: async () => Object.assign(frames(), { close: () => {} }),
    call: () => answered.passed,
  }
  const context = { api, output: { progress: 'plain' } } as unknown as Context
  let isOver = false
  const over = () => {
    isOver = true
  }
  followJob(context, { job: 'job' } as never, 'quiet').then(over, over)
  await settled()
  process.emit('SIGINT')
  told.release()
  await settled()
  answered.release()
  await settled()
  expect(exit).toHaveBeenCalledExactlyOnceWith(130)
  expect(isOver).toBe(false)
})
