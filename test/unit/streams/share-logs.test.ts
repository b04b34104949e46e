import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { RING_BYTES } from '../../../daemon/streams/live-log.ts'
import { FakeContainer } from '../support/fake-logs.ts'
import { stampAt } from '../support/log-bytes.ts'
import { type Follower, numberOf, Stack, web } from '../support/log-followers.ts'

describe('many who follow one container', () => {
  test('share one stream of the Engine, which ends with the last of them', async () => {
    const container = web()
    const stack = new Stack(container)
    const followers = Array.from({ length: 20 }, () => stack.follow())
    await Promise.all(followers.map((follower) => follower.isLive()))
    container.write(6, 'w6')
    await Promise.all(followers.map((follower) => follower.has('w1', 'w4', 'w6')))
    expect(stack.logs.following).toBe(1)
    expect(stack.hub.size).toBe(1)
    for (const follower of followers) follower.leave()
    await vi.waitFor(() => expect(stack.logs.open).toBe(0))
    expect(stack.hub.size).toBe(0)
  })

  test('lose nothing by one who is slow; he is told how much he missed, and when', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    const stack = new Stack(container)
    const [quick, slow] = [stack.follow(), stack.follow()]
    await Promise.all([quick.isLive(), slow.isLive()])
    slow.stall()
    const line = 'x'.repeat(10_000)
    const count = Math.ceil((RING_BYTES * 3) / line.length)
    for (let n = 1; n <= count; n += 1) {
      container.write(n / 1000, `${n} ${line}`)
      if (n % 50 === 0) await vi.waitFor(() => expect(quick.texts.length).toBe(n + 1))
    }
    await vi.waitFor(() => expect(quick.texts).toHaveLength(count + 1))
    expect(quick.gaps).toEqual([])
    slow.release()
    await vi.waitFor(() => expect(slow.texts.at(-1)).toBe(`${count} ${line}`))
    expect(slow.gaps).toMatchObject([{ reason: 'slow-follower' }])
    const [{ lines = 0, after = '', before = '' } = {}] = slow.gaps
    expect(slow.texts.length + lines).toBe(count + 1)
    const at = slow.texts.findIndex((text, index) => numberOf(text) !== index)
    expect(after).toBe(stampAt(numberOf(slow.texts[at - 1]!) / 1000))
    expect(before).toBe(stampAt(numberOf(slow.texts[at]!) / 1000))
  })

  test('are never ahead of the Engine: one who is slow and alone misses nothing', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    const follower = new Stack(container).follow()
    await follower.isLive()
    follower.stall()
    const line = 'x'.repeat(10_000)
    const count = Math.ceil((RING_BYTES * 3) / line.length)
    for (let n = 1; n <= count; n += 1) container.write(n / 1000, `${n} ${line}`)
    follower.release()
    await vi.waitFor(() => expect(follower.texts).toHaveLength(count + 1), { timeout: 10_000 })
    expect(follower.gaps).toEqual([])
  }, 20_000)
})

test('who wants nothing of what there is asks the Engine for nothing where others follow already', async () => {
  const container = web()
  const stack = new Stack(container)
  await stack.follow().isLive()
  const before = stack.logs.asked.length
  const follower = stack.follow({ tail: '0' })
  await follower.isLive()
  container.write(6, 'w6')
  await follower.has('w6')
  expect(stack.logs.asked).toHaveLength(before)
})

test('nothing is lost or repeated, whenever followers come and go while lines are written', {
  timeout: 60_000,
}, async () => {
  const aScript = fc.array(fc.constantFrom('write', 'join', 'leave', 'return', 'pause'), {
    minLength: 5,
    maxLength: 40,
  })
  await fc.assert(
    fc.asyncProperty(aScript, async (script) => {
      const container = new FakeContainer('web')
      const stack = new Stack(container)
      const followers: Follower[][] = []
      let written = 0
      for (const step of script) {
        const last = followers.at(-1)
        if (step === 'write') container.write(++written, `${written}`)
        if (step === 'join') followers.push([stack.follow()])
        if (step === 'leave') last?.at(-1)?.leave()
        const left = last?.at(-1)
        if (step === 'return' && left?.gone.signal.aborted === true && !left.cursor.isEmpty)
          last!.push(stack.follow({ after: `${container.id.slice(0, 16)}/${left.cursor}` }))
        if (step === 'pause') await new Promise((resolve) => setTimeout(resolve, 3))
      }
      for (const parts of followers) {
        if (parts.at(-1)!.gone.signal.aborted) continue
        const all = Array.from({ length: written }, (_, index) => `${index + 1}`)
        await vi.waitFor(() => expect(parts.flatMap((part) => part.texts)).toEqual(all), { timeout: 5000, interval: 5 })
      }
      for (const part of followers.flat()) part.leave()
    }),
    { numRuns: 60 },
  )
})
