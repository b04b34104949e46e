import { describe, expect, test } from 'vitest'
import type { Engine, Filters } from '../../../daemon/engine/types.ts'
import { SharedLists } from '../../../daemon/reconcile/shared-lists.ts'

const PROJECT = 'com.docker.compose.project'

/** An Engine with one container of each of ten stacks, that keeps what it was asked for. */
function aScene() {
  const asked: string[] = []
  const held = { fails: false }
  const list = async ({ filters }: { filters?: Filters }) => {
    const [label = ''] = filters?.label ?? []
    asked.push(label)
    if (held.fails) throw new Error('the Engine is gone')
    const all = Array.from({ length: 10 }, (_, index) => ({ Id: `c${index}`, Labels: { [PROJECT]: `s${index}` } }))
    return label === PROJECT ? all : all.filter(({ Labels }) => label === `${PROJECT}=${Labels[PROJECT]}`)
  }
  const engine = { containers: { list }, networks: { list }, volumes: { list } } as unknown as Engine
  const lists = new SharedLists(engine, () => new Promise((resolve) => setImmediate(resolve)))
  const idsOf = async (stack: string, signal?: AbortSignal) =>
    (await lists.containers(stack, signal)).map(({ Id }) => Id)
  const running = async () => (await lists.running(new AbortController().signal)).length
  return { asked, held, idsOf, running }
}

describe('stacks that ask at once', () => {
  test('share one list, and each gets its own part of it', async () => {
    const { asked, idsOf } = aScene()
    const answers = await Promise.all(['s0', 's1', 's2', 's9', 'unknown'].map((stack) => idsOf(stack)))
    expect(answers).toEqual([['c0'], ['c1'], ['c2'], ['c9'], []])
    expect(asked).toEqual([PROJECT])
  })

  test('ask for themselves while they are few', async () => {
    const { asked, idsOf } = aScene()
    expect(await Promise.all(['s0', 's1'].map((stack) => idsOf(stack)))).toEqual([['c0'], ['c1']])
    expect(asked).toEqual([`${PROJECT}=s0`, `${PROJECT}=s1`])
  })

  test('are not answered with what was said before they asked', async () => {
    const { asked, idsOf } = aScene()
    const four = ['s0', 's1', 's2', 's3']
    await Promise.all(four.map((stack) => idsOf(stack)))
    await Promise.all(four.map((stack) => idsOf(stack)))
    expect(asked).toEqual([PROJECT, PROJECT])
  })

  test('share one list of all that runs, and ask for it anew the next time', async () => {
    const { asked, running } = aScene()
    expect(await Promise.all([running(), running(), running()])).toEqual([0, 0, 0])
    await running()
    expect(asked).toEqual(['', ''])
  })

  test('fail together where the list fails', async () => {
    const { held, idsOf } = aScene()
    held.fails = true
    const outcomes = await Promise.allSettled(['s0', 's1', 's2', 's3'].map((stack) => idsOf(stack)))
    expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
  })

  test('do not wait for a list that one of them gave up', async () => {
    const { idsOf } = aScene()
    const gaveUp = AbortSignal.abort(new Error('superseded'))
    const [first, ...others] = await Promise.allSettled([idsOf('s0', gaveUp), idsOf('s1'), idsOf('s2'), idsOf('s3')])
    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'superseded' } })
    expect(others.map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'))
  })
})
