import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Redaction } from '../../../../client/cli/render/redact.ts'
import { unifiedDiff } from '../../../../client/cli/render/unified-diff.ts'
import type { Model } from '../../../../protocol/stackfile/model.ts'

const lines = (text: string) => text.split(' ')

/** What `patch` does: each hunk is looked for where its heading says, and must fit. */
function patched(before: readonly string[], hunks: readonly string[]): string[] {
  const result: string[] = []
  let at = 0
  for (const line of hunks) {
    const heading = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@$/.exec(line)
    if (heading !== null) {
      const start = Number(heading[1]) - (heading[2] === '0' ? 0 : 1)
      result.push(...before.slice(at, start))
      at = start
    } else if (line.startsWith('+')) result.push(line.slice(1))
    else {
      expect(line.slice(1)).toBe(before[at])
      if (line.startsWith(' ')) result.push(line.slice(1))
      at += 1
    }
  }
  return [...result, ...before.slice(at)]
}

describe('a unified diff', () => {
  test('is empty for what is the same', () => {
    expect(unifiedDiff(lines('a b'), lines('a b'), 3)).toEqual([])
  })

  test('shows changed lines with so much around them', () => {
    expect(unifiedDiff(lines('a b c d e f g'), lines('a b c X e f g'), 1)).toEqual([
      '@@ -3,3 +3,3 @@',
      ' c',
      '-d',
      '+X',
      ' e',
    ])
  })

  test('joins hunks that touch, and keeps apart those that do not', () => {
    const before = lines('a b c d e f g h')
    expect(unifiedDiff(before, lines('X b c d e f g Y'), 3).filter((line) => line.startsWith('@@'))).toHaveLength(1)
    expect(unifiedDiff(before, lines('X b c d e f g Y'), 2)).toContain('@@ -6,3 +6,3 @@')
  })

  test('says where lines come in and nothing goes', () => {
    expect(unifiedDiff(lines('a b'), lines('a N b'), 0)).toEqual(['@@ -1,0 +2 @@', '+N'])
  })

  test('makes the one text of the other, whatever they are', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 })
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0, max: 3 }), (before, after, context) => {
        expect(patched(before, unifiedDiff(before, after, context))).toEqual(after)
      }),
    )
  })

  test('of texts with nothing in common is still one, however long they are', () => {
    const before = Array.from({ length: 3000 }, (_, index) => `a${index}`)
    const after = Array.from({ length: 3000 }, (_, index) => `b${index}`)
    expect(patched(before, unifiedDiff(before, after, 3))).toEqual(after)
  })
})

describe('a model to be looked at', () => {
  const model = (password: string): Model =>
    ({
      name: 'shop',
      services: {
        web: {
          image: 'web:1',
          environment: { PASSWORD: password, USER: 'me', UNSET: null },
          build: { context: '.', args: { TOKEN: password } },
        },
      },
      configs: { app: { name: 'app', content: password } },
    }) as unknown as Model

  test('shows no value that may be secret, and all else', () => {
    const text = JSON.stringify(new Redaction().of(model('hunter2')))
    expect(text).not.toContain('hunter2')
    expect(text).toContain('"USER":"(value 1)"')
    expect(text).toContain('"UNSET":null')
    expect(text).toContain('web:1')
  })

  test('shows whether a value is the same as in another one', () => {
    const redaction = new Redaction()
    const first = redaction.of(model('one'))
    expect(redaction.of(model('one'))).toEqual(first)
    expect(redaction.of(model('two')).services.web!.environment).toMatchObject({ PASSWORD: '(value 2)' })
  })
})
