import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EventRecorder } from '../../../daemon/reconcile/event-recorder.ts'
import type { EventRepository } from '../../../daemon/store/events.ts'
import { unwritable } from '../../../daemon/store/unwritable.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { StackEvent } from '../../../protocol/resources/event.ts'

describe('a state that cannot be written', () => {
  test.each([
    [new Sqlite.SqliteError('database or disk is full', 'SQLITE_FULL'), 'the disk is full'],
    [Object.assign(new Error('write'), { code: 'ENOSPC' }), 'the disk is full'],
    [new Sqlite.SqliteError('attempt to write', 'SQLITE_READONLY_DIRECTORY'), 'it is read-only'],
    [Object.assign(new Error('open'), { code: 'EROFS' }), 'it is read-only'],
    [new Sqlite.SqliteError('disk I/O error', 'SQLITE_IOERR_WRITE'), 'disk I/O error'],
  ])('says %s in words, with what to do', (error, words) => {
    const problem = unwritable(error, '/state')
    expect(problem?.code).toBe('state-unwritable')
    expect(problem?.message).toBe(`the state in /state cannot be written: ${words}`)
    expect(problem?.hint).toContain('running stacks are not touched')
  })

  test.each([
    new Sqlite.SqliteError('UNIQUE constraint failed', 'SQLITE_CONSTRAINT_UNIQUE'),
    Object.assign(new Error('no such file'), { code: 'ENOENT' }),
    new Problem('conflict', 'no'),
    undefined,
  ])('is not what other errors say', (error) => {
    expect(unwritable(error)).toBeUndefined()
  })
})

describe('events that cannot be written', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function aRecorder() {
    const kept: string[] = []
    const disk = { full: true }
    const add = (events: readonly Omit<StackEvent, 'sequence'>[]) => {
      if (disk.full) throw new Problem('state-unwritable', 'the disk is full')
      kept.push(...events.map(({ message }) => message))
      return events.map((event, sequence) => ({ ...event, sequence }))
    }
    const recorder = new EventRecorder({ add } as unknown as EventRepository)
    const told: string[] = []
    recorder.events.subscribe(({ message }) => told.push(message))
    const record = (message: string) => recorder.record({ at: '', stack: 'shop', type: 'x', message, attributes: {} })
    return { record, kept, told, disk }
  }

  test('wait, and are kept and told in order once they can be', () => {
    const { record, kept, told, disk } = aRecorder()
    record('1')
    vi.advanceTimersByTime(100)
    record('2')
    disk.full = false
    vi.advanceTimersByTime(5000)
    expect(kept).toEqual(['1', '2'])
    expect(told).toEqual(['1', '2'])
  })

  test('are the last thousand', () => {
    const { record, kept, disk } = aRecorder()
    for (let number = 1; number <= 2500; number += 1) record(String(number))
    disk.full = false
    vi.advanceTimersByTime(5000)
    expect(kept).toHaveLength(1000)
    expect(kept.at(-1)).toBe('2500')
  })
})
