import { describe, expect, test, vi } from 'vitest'
import { RING_BYTES } from '../../../daemon/streams/live-log.ts'
import { Problem } from '../../../protocol/problems.ts'
import { FakeContainer } from '../support/fake-logs.ts'
import { stampAt } from '../support/log-bytes.ts'
import { db, keptOf, numberOf, Stack, unreadable, web } from '../support/log-followers.ts'

describe('the logs of a stack', () => {
  test('are merged by time', async () => {
    expect((await new Stack(web(), db()).replay()).texts).toEqual(['w1', 'd2', 'd3', 'w4', 'd5'])
  })

  test('name each container, and end with an end', async () => {
    const { names, frames } = await new Stack(web(), db()).replay()
    expect(names).toEqual(['shop-db-1', 'shop-web-1'])
    expect(frames.at(-1)).toEqual({ type: 'end' })
  })

  test('are of the services and of the replica that were asked for', async () => {
    expect((await new Stack(web(), db()).replay({ services: 'db' })).names).toEqual(['shop-db-1'])
    const second = new FakeContainer('web', { replica: 2 })
    expect((await new Stack(web(), second).replay({ index: '2' })).names).toEqual(['shop-web-2'])
  })

  test('leave out one-off containers', async () => {
    expect((await new Stack(new FakeContainer('web', { oneOff: true })).replay()).names).toEqual([])
  })

  test('are asked of the Engine with tail, since and until', async () => {
    const stack = new Stack(web())
    await stack.replay({ tail: '5', since: '1767323041', until: '1767323049' })
    expect(stack.logs.asked).toEqual([
      { follow: false, timestamps: true, tail: 5, since: '1767323041', until: '1767323049' },
    ])
  })

  test('come without times where one container needs none, and with them where several are merged', async () => {
    const stack = new Stack(web(), db())
    await stack.replay({ untimed: 'true', services: 'web' })
    await stack.replay({ untimed: 'true' })
    expect(stack.logs.asked.map((query) => query.timestamps)).toEqual([false, true, true])
  })

  test('say so where those of a container cannot be read, and go on with the others', async () => {
    const dumb = web()
    dumb.failure = unreadable()
    const { gaps, texts } = await new Stack(db(), dumb).replay()
    expect(gaps).toMatchObject([{ reason: 'unreadable' }])
    expect(gaps[0]?.message).toContain('does not support reading')
    expect(texts).toEqual(['d2', 'd3', 'd5'])
  })

  test('of removed containers are those that were kept, within tail, since and until', async () => {
    const stack = new Stack(db())
    stack.kept = [keptOf(web(), { at: 1, text: 'a' }, { at: 2, text: 'b' }, { at: 3, text: 'c' })]
    expect((await stack.replay({ previous: 'true' })).texts).toEqual(['a', 'b', 'c'])
    expect((await stack.replay({ previous: 'true', tail: '1' })).texts).toEqual(['c'])
    expect((await stack.replay({ previous: 'true', since: stampAt(2), until: stampAt(2) })).texts).toEqual(['b'])
    expect((await stack.replay({ previous: 'true', services: 'db' })).texts).toEqual([])
  })
})

describe('who follows', () => {
  test('has what there is, then what is written', async () => {
    const container = web()
    const follower = new Stack(container).follow()
    await follower.isLive()
    container.write(6, 'w6')
    await follower.has('w1', 'w4', 'w6')
  })

  test('with tail 0 has only what is written', async () => {
    const container = web()
    const follower = new Stack(container).follow({ tail: '0' })
    await follower.isLive()
    container.write(6, 'w6')
    await follower.has('w6')
  })

  test('of an empty log has its first line once', async () => {
    const container = new FakeContainer('web')
    const follower = new Stack(container).follow()
    await follower.isLive()
    container.write(1, 'first').write(2, 'second')
    await follower.has('first', 'second')
  })

  test('with tail 0 has all that comes to an empty log', async () => {
    const container = new FakeContainer('web')
    const stack = new Stack(container)
    const follower = stack.follow({ tail: '0' })
    await follower.isLive()
    container.write(1, 'first')
    container.write(2, 'second')
    await follower.has('first', 'second')
  })

  test('reads of no container that never ran, until it does', async () => {
    const container = new FakeContainer('web')
    container.state = 'created'
    const stack = new Stack(container, db())
    const follower = stack.follow()
    await follower.isLive()
    expect(follower.names).toEqual(['shop-db-1'])
    container.state = 'running'
    container.write(6, 'w6')
    stack.event('start', container)
    await follower.has('d2', 'd3', 'd5', 'w6')
  })

  test('has nothing older than since, also when the container starts again', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web', since: stampAt(5) })
    await follower.isLive()
    container.stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    container.state = 'running'
    container.write(7, 'again')
    stack.event('start', container)
    await follower.has('again')
  })

  test('has nothing that was written after until, also of a container that comes later, and then the end', async () => {
    const stack = new Stack(web())
    const follower = stack.follow({ until: stampAt(40) })
    await follower.has('w1', 'w4')
    const late = new FakeContainer('late').write(39, 'in time').write(41, 'too late')
    stack.logs.containers.push(late)
    stack.event('start', late)
    await follower.has('w1', 'w4', 'in time')
    stack.now = Date.parse(stampAt(41))
    stack.logs.containers[0]!.write(41, 'too late as well')
    await follower.ended
    expect(follower.texts).toEqual(['w1', 'w4', 'in time'])
  })

  test('has what a container wrote that started, ended and was removed between two looks', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web' })
    await follower.isLive()
    container.stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    stack.logs.containers.shift()
    stack.kept = [keptOf(container, { at: 1, text: 'w1' }, { at: 4, text: 'w4' }, { at: 7, text: 'brief' })]
    stack.event('destroy', container)
    await follower.has('w1', 'w4', 'brief')
    await vi.waitFor(() => expect(follower.ofType('source-end').at(-1)).toMatchObject({ gone: true }))
  })

  test('has what a container wrote that started and ended between two looks', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web' })
    await follower.isLive()
    container.stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    container.write(7, 'brief')
    stack.event('start', container)
    stack.event('die', container)
    await follower.has('w1', 'w4', 'brief')
  })

  test('has lines of a container that comes later, whole', async () => {
    const stack = new Stack(web())
    const follower = stack.follow({ tail: '1' })
    await follower.isLive()
    const late = db()
    stack.logs.containers.push(late)
    stack.event('start', late)
    await follower.has('w4', 'd2', 'd3', 'd5')
  })

  test('has lines of a container that was removed before it was seen', async () => {
    const stack = new Stack(web())
    const follower = stack.follow()
    await follower.isLive()
    const brief = db()
    stack.kept = [keptOf(brief, { at: 9, text: 'brief' })]
    stack.event('destroy', brief)
    await follower.has('w1', 'w4', 'brief')
  })

  test('goes on when the container starts again, without loss or repetition', async () => {
    const container = web()
    const stack = new Stack(container, db())
    const follower = stack.follow({ services: 'web' })
    await follower.isLive()
    container.write(6, 'last').stop()
    await vi.waitFor(() => expect(follower.ofType('source-end')).toHaveLength(1))
    container.state = 'running'
    container.write(7, 'again')
    stack.event('start', container)
    await follower.has('w1', 'w4', 'last', 'again')
    expect(follower.gaps).toEqual([])
  })

  test('goes on when the Engine was away', async () => {
    const container = web()
    const stack = new Stack(container)
    const follower = stack.follow()
    await follower.isLive()
    stack.logs.away = new Problem('engine-unreachable', 'the Engine is away')
    container.touch()
    await vi.waitFor(() => expect(stack.hub.size).toBe(0))
    stack.logs.away = undefined
    container.write(6, 'while away')
    stack.states.publish('connected')
    await follower.isLive(2)
    container.write(7, 'back')
    await follower.has('w1', 'w4', 'while away', 'back')
  })

  test('goes on where the stream of the Engine has come to a standstill', async () => {
    const container = web()
    container.standstills = 1
    const follower = new Stack(container).follow()
    await follower.isLive()
    container.write(5, 'w5').write(6, 'w6')
    await vi.waitFor(() => expect(follower.texts).toEqual(['w1', 'w4', 'w5', 'w6']), { timeout: 10_000 })
    expect(follower.gaps).toEqual([])
  })

  test('has the last lines where the stream of the Engine ends before them, however many they are', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    container.standstills = 1
    const follower = new Stack(container).follow()
    await follower.isLive()
    const count = 3000
    for (let n = 1; n <= count; n += 1) container.entries.push({ at: n / 1000, text: `${n}`, stream: 'stdout' })
    container.stop()
    await follower.ended
    expect(follower.gaps).toEqual([])
    expect(follower.texts).toEqual(['begin', ...Array.from({ length: count }, (_, index) => `${index + 1}`)])
  }, 20_000)

  test('is told what the Engine has rotated away while nothing was taken', async () => {
    const container = new FakeContainer('web').write(0, 'begin')
    const stack = new Stack(container)
    const follower = stack.follow()
    await follower.isLive()
    follower.stall()
    const line = 'x'.repeat(10_000)
    const count = Math.ceil((RING_BYTES * 3) / line.length)
    for (let n = 1; n <= count; n += 1) container.write(n / 1000, `${n} ${line}`)
    // The ring is full, and nobody has asked for more for as long as a stream is waited for.
    await vi.waitFor(() => expect(stack.logs.sent).toBeGreaterThan(RING_BYTES / line.length), { timeout: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    container.drop(count - 10)
    follower.release()
    await vi.waitFor(() => expect(follower.texts.at(-1)).toBe(`${count} ${line}`), { timeout: 10_000 })
    const at = follower.texts.findIndex((text, index) => numberOf(text) !== index)
    const [before, after] = [follower.texts[at - 1]!, follower.texts[at]!].map((text) => stampAt(numberOf(text) / 1000))
    expect(follower.gaps).toMatchObject([{ reason: 'not-kept', after: before, before: after }])
  }, 20_000)

  test('is told once where a log cannot be read', async () => {
    const dumb = web()
    dumb.failure = unreadable()
    const stack = new Stack(dumb, db())
    const follower = stack.follow()
    await follower.isLive()
    stack.event('start', dumb)
    await vi.waitFor(() => expect(follower.gaps).toHaveLength(1))
    expect(stack.logs.following).toBe(2)
  })

  test('is told once where a log is corrupt, and nobody reads it again', async () => {
    const corrupt = web()
    corrupt.failure = new Problem('engine-error', 'error unmarshalling log entry')
    const stack = new Stack(corrupt, db())
    const follower = stack.follow()
    await follower.isLive()
    await vi.waitFor(() => expect(follower.gaps).toMatchObject([{ reason: 'unreadable' }]))
    stack.event('start', corrupt)
    await new Promise((resolve) => setTimeout(resolve, 3 * 100))
    expect(follower.gaps).toHaveLength(1)
    expect(stack.logs.following).toBe(2)
  })

  test('ends when nothing runs any more', async () => {
    const follower = new Stack(web().stop()).follow()
    await follower.ended
    expect(follower.texts).toEqual(['w1', 'w4'])
    expect(follower.frames.at(-1)).toEqual({ type: 'end' })
  })
})
