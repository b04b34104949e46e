import { expect, test } from 'vitest'
import { ListSettling } from '../../../daemon/reconcile/list-settling.ts'
import { Problem } from '../../../protocol/problems.ts'

/** An Engine that answers an inspect when, and with what, the test says. */
function engine() {
  const asked: string[] = []
  const answers: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const inspect = (id: string) =>
    new Promise<void>((resolve, reject) => {
      asked.push(id)
      answers.push({ resolve, reject })
    })
  return { asked, answers, settling: new ListSettling({ containers: { inspect } } as never) }
}

test('nothing is asked where nothing ended', async () => {
  const { asked, settling } = engine()
  settling.ended('blog', 'x')
  await settling.settled('shop', undefined)
  expect(asked).toEqual([])
})

test('a list waits until the Engine lets go of what ended, and only once for each end', async () => {
  const { asked, answers, settling } = engine()
  settling.ended('shop', 'x')
  let settled = false
  const waiting = settling.settled('shop', undefined).then(() => {
    settled = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(settled).toBe(false)
  answers[0]!.resolve()
  await waiting
  await settling.settled('shop', undefined)
  expect(asked).toEqual(['x'])
})

test('who lists meanwhile waits as well, and one that ends again is asked for again', async () => {
  const { asked, answers, settling } = engine()
  settling.ended('shop', 'x')
  const [first, second] = [settling.settled('shop', undefined), settling.settled('shop', undefined)]
  settling.ended('shop', 'x')
  for (const { resolve } of answers) resolve()
  await Promise.all([first, second])
  const again = settling.settled('shop', undefined)
  expect(asked).toEqual(['x', 'x', 'x'])
  answers[2]!.resolve()
  await again
})

test('what is gone is not waited for, and an Engine that fails is asked again', async () => {
  const { asked, answers, settling } = engine()
  for (const id of ['x', 'y', 'z']) settling.ended('shop', id)
  settling.gone('shop', 'z')
  const waiting = settling.settled('shop', undefined)
  answers[0]!.reject(new Problem('engine-error', 'No such container', { engine: { call: 'GET', status: 404 } }))
  answers[1]!.reject(new Problem('engine-timeout', 'no answer'))
  await waiting
  const again = settling.settled('shop', undefined)
  expect(asked).toEqual(['x', 'y', 'y'])
  answers[2]!.resolve()
  await again
})
