import { describe, expect, test, vi } from 'vitest'
import { FakeContainer } from '../support/fake-logs.ts'
import { stampAt } from '../support/log-bytes.ts'
import { db, keptOf, Stack, web } from '../support/log-followers.ts'

describe('who reads on', () => {
  test('has what was written since, of a container that is there', async () => {
    const container = web().write(5, 'w5')
    const after = `${container.id.slice(0, 16)}/1767323044.000000000.1/0`
    const follower = new Stack(container).follow({ after })
    await follower.has('w5')
    expect(follower.gaps).toEqual([])
  })

  test('has the rest of a container that was removed in between, and one that came and went', async () => {
    const [old, brief] = [web(), new FakeContainer('web', { replica: 2 })]
    const stack = new Stack(db())
    stack.kept = [keptOf(old, { at: 1, text: 'w1' }, { at: 4, text: 'w4' }), keptOf(brief, { at: 8, text: 'b8' })]
    const follower = stack.follow({ services: 'web', after: `${old.id.slice(0, 16)}/1767323041.000000000.1/0` })
    await follower.has('w4', 'b8')
  })

  test('has the rest once of a container that was removed while he was answered', async () => {
    const [old, there] = [web(), db()]
    const stack = new Stack(old, there)
    stack.logs.afterList = () => {
      stack.logs.afterList = undefined
      stack.logs.containers.shift()
      stack.kept = [keptOf(old, { at: 1, text: 'w1' }, { at: 4, text: 'w4' })]
      stack.event('destroy', old)
    }
    const after = [
      `${old.id.slice(0, 16)}/1767323041.000000000.1/0`,
      `${there.id.slice(0, 16)}/1767323045.000000000.1/0`,
    ].join(',')
    const follower = stack.follow({ after })
    await follower.has('w4')
  })

  test('has nothing again of a container that was replaced before, however little came since', async () => {
    const [old, next] = [web(), db()]
    const stack = new Stack(next)
    stack.kept = [keptOf(old, { at: 1, text: 'w1' }, { at: 4, text: 'w4' })]
    const place = `${next.id.slice(0, 16)}/1767323045.000000000.1/0`
    const known = stack.follow({ after: `${old.id.slice(0, 16)}/1767323044.000000000.1/0,${place}` })
    const gone = stack.follow({ after: `${old.id.slice(0, 16)}/gone,${place}` })
    for (const follower of [known, gone]) await follower.isLive()
    next.write(6, 'd6')
    await known.has('d6')
    await gone.has('d6')
    expect([...known.gaps, ...gone.gaps]).toEqual([])
  })

  test('has nothing again of a container that was removed in the second of the last line', async () => {
    const [old, next] = [web(), new FakeContainer('db').write(20.5, 'd20')]
    const stack = new Stack(next)
    stack.kept = [keptOf(old, { at: 1, text: 'w1' })]
    stack.kept[0]!.log = { ...stack.kept[0]!.log, removedAt: stampAt(20.25) }
    const follower = stack.follow({ after: `${next.id.slice(0, 16)}/1767323060.500000000.1/0` })
    await follower.isLive()
    next.write(21, 'd21')
    await follower.has('d21')
  })

  test('has of a container that he had not been sent anything of what he asked for, and a new one whole', async () => {
    const [there, late] = [db(), new FakeContainer('late').write(6, 'l6').write(7, 'l7')]
    late.startedAt = 6
    const stack = new Stack(there, web(), late)
    const follower = stack.follow({ tail: '1', after: `${there.id.slice(0, 16)}/1767323045.000000000.1/0` })
    await follower.isLive(3)
    expect(follower.texts.sort()).toEqual(['l6', 'l7', 'w4'])
  })

  test('has nothing older than since of a log of which he had nothing', async () => {
    const container = web()
    const stack = new Stack(container)
    const follower = stack.follow({ since: stampAt(5), after: `${container.id.slice(0, 16)}/0/0` })
    await follower.isLive()
    container.write(6, 'w6')
    await follower.has('w6')
  })

  test('is told of a container that is gone without a trace', async () => {
    const follower = new Stack(db()).follow({ after: `${web().id.slice(0, 16)}/1767323041.000000000.1/0` })
    await vi.waitFor(() => expect(follower.gaps).toMatchObject([{ reason: 'not-kept' }]))
    // Once: he need not ask for it again.
    expect(follower.ofType('source-end')).toMatchObject([{ gone: true }])
  })

  test('is told where the Engine has dropped lines since', async () => {
    const container = web()
    container.entries.splice(0, 1)
    const after = `${container.id.slice(0, 16)}/1767323041.000000000.1/0`
    const follower = new Stack(container).follow({ after })
    await follower.has('w4')
    expect(follower.gaps).toMatchObject([{ reason: 'not-kept', after: stampAt(1), before: stampAt(4) }])
  })
})
