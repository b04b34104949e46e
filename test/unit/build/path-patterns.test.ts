import { describe, expect, test } from 'vitest'
import { PathPatterns, parseIgnoreFile } from '../../../protocol/build.ts'

const matches = (patterns: string[], path: string) => new PathPatterns(patterns).match(path).matched

describe('patterns of .dockerignore', () => {
  test.each([
    [['a'], 'a', true],
    [['a'], 'a/b/c', true],
    [['a'], 'ab', false],
    [['a'], 'b/a', false],
    [['*/a'], 'b/a', true],
    [['*/a'], 'c/b/a', false],
    [['**/a'], 'a', true],
    [['**/a'], 'c/b/a', true],
    [['**/a'], 'c/ba', false],
    [['a/**'], 'a', false],
    [['a/**'], 'a/b', true],
    [['**'], 'a/b', true],
    [['a/**/z'], 'a/z', true],
    [['a/**/z'], 'a/b/c/z', true],
    [['*.log'], 'x.log', true],
    [['*.log'], 'd/x.log', false],
    [['**/*.log'], 'd/x.log', true],
    [['a?c'], 'abc', true],
    [['a?c'], 'a/c', false],
    [['[a-c]x'], 'bx', true],
    [['[^a-c]x'], 'bx', false],
    [['a\\*'], 'a*', true],
    [['a\\*'], 'ab', false],
    [['a.b'], 'axb', false],
    [['a+(b)'], 'a+(b)', true],
    [['./a/'], 'a/b', true],
    [['/a'], 'a', true],
    [['d', '!d/keep'], 'd/keep', false],
    [['d', '!d/keep'], 'd/other', true],
    [['!a', 'a'], 'a', true],
    [['a', '!a', 'a'], 'a', true],
    [['*', '!*.md', 'README.md'], 'README.md', true],
    [['*', '!*.md', 'README.md'], 'x.md', false],
    [['[a'], '[a', true],
  ] as [string[], string, boolean][])('%j on %s: %s', (patterns, path, expected) => {
    expect(matches(patterns, path)).toBe(expected)
  })

  test('what holds for a folder is handed on to what lies in it', () => {
    const patterns = new PathPatterns(['d', '!d/e/f'])
    const d = patterns.match('d')
    const e = patterns.match('d/e', d.info)
    expect([d.matched, e.matched]).toEqual([true, true])
    expect(patterns.match('d/e/f', e.info).matched).toBe(false)
    expect(patterns.match('d/e/g', e.info).matched).toBe(true)
  })

  test('a file of patterns: comments, blanks, a byte order mark, spaces', () => {
    expect(parseIgnoreFile('\uFEFF# c\n\n a/ \r\n! /b/../c\n#x\n/\n')).toEqual(['a', '!c', '/'])
  })
})
