import { describe, expect, test } from 'vitest'
import { DETACH_KEYS, DetachFilter, parseDetachKeys } from '../../../client/cli/detach-keys.ts'
import { problemOf } from '../support/problems.ts'

describe('detach keys', () => {
  test.each([
    [DETACH_KEYS, [16, 17]],
    ['ctrl-a', [1]],
    ['a,b', [97, 98]],
    ['ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [0, 27, 28, 29, 30, 31]],
  ])('%s are read as Docker reads them', (text, keys) => {
    expect(parseDetachKeys(text)).toEqual(keys)
  })

  test.each(['', 'ctrl-', 'ctrl-1', 'ctrl-A', 'ab', 'ctrl-a,'])('"%s" are refused', (text) => {
    expect(problemOf(() => parseDetachKeys(text)).code).toBe('bad-request')
  })
})

describe('what is typed', () => {
  const typed = (...chunks: number[][]) => {
    const filter = new DetachFilter([16, 17])
    const pass: number[] = []
    for (const chunk of chunks) {
      const answer = filter.feed(Uint8Array.from(chunk))
      pass.push(...answer.pass)
      if (answer.detached) return { pass, detached: true }
    }
    return { pass, detached: false }
  }

  test('goes through', () => {
    expect(typed([1, 2, 17, 3])).toEqual({ pass: [1, 2, 17, 3], detached: false })
  })

  test('ends with the keys, in one chunk or several, and they do not go through', () => {
    expect(typed([1, 16, 17, 2])).toEqual({ pass: [1], detached: true })
    expect(typed([1, 16], [17])).toEqual({ pass: [1], detached: true })
  })

  test('that began like the keys goes through once it is something else', () => {
    expect(typed([16], [5])).toEqual({ pass: [16, 5], detached: false })
    expect(typed([16], [16], [17])).toEqual({ pass: [16], detached: true })
  })
})
