import { describe, expect, onTestFinished, test } from 'vitest'
import type { StackRow } from '../../../daemon/store/stacks.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { AT, aModel, aRevision } from '../support/core.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function aStore() {
  const store = openStore(temporaryFolder())
  onTestFinished(() => store.close())
  return store
}

const aRow = (parts: Partial<StackRow> = {}): StackRow => ({
  name: 'shop',
  presence: 'present',
  revision: 1,
  disabled: ['debug'],
  condition: 'steady',
  reason: undefined,
  updatedAt: AT,
  ...parts,
})

const STATE = {
  service: 'web',
  revision: 1,
  run: 'running',
  scale: undefined,
  recreate: 0,
  restart: 0,
  outdated: 'replace',
} as const

describe('the desired state of a stack', () => {
  test('is read as it was written', () => {
    const { stacks } = aStore()
    stacks.save(aRow({ reason: 'why' }))
    expect(stacks.find('shop')).toEqual(aRow({ reason: 'why' }))
  })

  test('is replaced by what is written next', () => {
    const { stacks } = aStore()
    stacks.save(aRow())
    stacks.save(aRow({ revision: 2, presence: 'absent' }))
    expect(stacks.all()).toEqual([aRow({ revision: 2, presence: 'absent' })])
  })

  test('has a condition that changes by itself', () => {
    const { stacks } = aStore()
    stacks.save(aRow())
    stacks.setCondition('shop', 'failed', 'it crashed', 'later')
    expect(stacks.find('shop')).toEqual(aRow({ condition: 'failed', reason: 'it crashed', updatedAt: 'later' }))
  })

  test('has services, each with a state of its own', () => {
    const { stacks } = aStore()
    stacks.save(aRow())
    stacks.saveService('shop', STATE)
    stacks.saveService('shop', { ...STATE, service: 'db', scale: 0, run: 'stopped' })
    stacks.saveService('shop', { ...STATE, restart: 1 })
    expect(stacks.services('shop')).toEqual([
      { ...STATE, service: 'db', scale: 0, run: 'stopped' },
      { ...STATE, restart: 1 },
    ])
    stacks.removeService('shop', 'db')
    expect(stacks.services('shop')).toHaveLength(1)
  })

  test('has no services without the stack', () => {
    expect(() => aStore().stacks.saveService('nowhere', STATE)).toThrow(/FOREIGN KEY/)
  })
})

describe('a revision', () => {
  test('is read as it was written', () => {
    const { revisions } = aStore()
    const row = aRevision(1, aModel({ web: { environment: { A: null } } }), { note: 'why', contexts: { web: 'abc' } })
    revisions.add(row)
    expect(revisions.find('shop', 1)).toEqual(row)
    expect(revisions.find('shop', 1)).toEqual(row)
  })

  test('cannot be written twice', () => {
    const { revisions } = aStore()
    revisions.add(aRevision(1, aModel({})))
    expect(() => revisions.add(aRevision(1, aModel({})))).toThrow(/UNIQUE/)
  })

  test('is numbered for its stack', () => {
    const { revisions } = aStore()
    expect(revisions.latestNumber('shop')).toBe(0)
    revisions.add(aRevision(1, aModel({})))
    revisions.add(aRevision(2, aModel({})))
    revisions.add(aRevision(9, aModel({}), { stack: 'other' }))
    expect(revisions.latestNumber('shop')).toBe(2)
    expect(revisions.list('shop', 10).map((row) => row.number)).toEqual([2, 1])
  })

  test('is pinned to images, by service', () => {
    const { revisions } = aStore()
    const pin = { service: 'web', reference: 'web:1', imageId: 'sha256:a' }
    revisions.pin('shop', 1, pin)
    revisions.pin('shop', 1, { ...pin, imageId: 'sha256:b' })
    expect(revisions.pins('shop', 1)).toEqual([{ ...pin, imageId: 'sha256:b' }])
    expect(revisions.pins('shop', 2)).toEqual([])
  })
})

describe('events', () => {
  const event = (stack: string) => ({
    at: AT,
    stack,
    type: 'container.die',
    message: 'it died',
    attributes: { a: 'b' },
  })

  test('are numbered in the order written', () => {
    const { events } = aStore()
    expect(events.latest()).toBe(0)
    expect(events.add([event('a'), event('b')]).map(({ sequence }) => sequence)).toEqual([1, 2])
    expect(events.latest()).toBe(2)
  })

  test('are read after a number, in pages', () => {
    const { events } = aStore()
    events.add([event('a'), event('b'), event('c')])
    expect(events.after(1, 1)).toEqual([{ ...event('b'), sequence: 2 }])
  })

  test('are bounded by count: the oldest go first', () => {
    const { events } = aStore()
    events.add(['a', 'b', 'c'].map(event))
    events.prune(2, '')
    expect(events.after(0, 10).map(({ stack }) => stack)).toEqual(['b', 'c'])
  })

  test('are bounded by age', () => {
    const { events } = aStore()
    events.add([
      { ...event('a'), at: '2025-01-01T00:00:00.000Z' },
      { ...event('b'), at: '2026-01-01T00:00:00.000Z' },
    ])
    events.prune(10, '2025-06-01T00:00:00.000Z')
    expect(events.after(0, 10).map(({ stack }) => stack)).toEqual(['b'])
  })

  test('are never numbered twice, also when all that were are gone', () => {
    const { events } = aStore()
    events.add([event('a')])
    events.prune(0, '')
    expect(events.add([event('b')])[0]?.sequence).toBe(2)
  })
})

describe('memory', () => {
  test('is kept by stack, kind and key', () => {
    const { memory } = aStore()
    memory.set('shop', 'restarted', 'id', 1)
    memory.set('shop', 'restarted', 'id', 2)
    memory.set('shop', 'volume', 'id', true)
    memory.set('other', 'restarted', 'id', 9)
    expect(memory.all('shop', 'restarted')).toEqual({ id: 2 })
    memory.forget('shop', 'restarted', 'id')
    expect(memory.all('shop', 'restarted')).toEqual({})
    expect(memory.all('shop', 'volume')).toEqual({ id: true })
  })
})
