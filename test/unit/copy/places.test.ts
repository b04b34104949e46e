import { describe, expect, test } from 'vitest'
import { ArchiveNames, copyEnd, nameOf, placeOf } from '../../../client/copy/places.ts'
import { problemOf } from '../support/problems.ts'

describe('an end of a copy', () => {
  test.each([
    ['web:/var/log', { kind: 'service', service: 'web', path: '/var/log' }],
    ['web:log/.', { kind: 'service', service: 'web', path: '/log/.' }],
    ['web:', { kind: 'service', service: 'web', path: '/' }],
    ['web:/a:b', { kind: 'service', service: 'web', path: '/a:b' }],
    ['./a:b', { kind: 'local', path: './a:b' }],
    ['/a:b', { kind: 'local', path: '/a:b' }],
    ['file', { kind: 'local', path: 'file' }],
    ['-', { kind: 'stream' }],
  ])('%s', (text, end) => {
    expect(copyEnd(text)).toEqual(end)
  })

  test.each([
    ['/a/b', 'b'],
    ['/a/b/', 'b'],
    ['/a/b/.', '.'],
    ['b', 'b'],
  ])('the entry of %s is called %s', (path, name) => {
    expect(nameOf(path)).toBe(name)
  })
})

describe('where a copy goes (the table of docker cp)', () => {
  const file = { kind: 'other', name: 'f' } as const
  const folder = { kind: 'folder', name: 'd' } as const
  const contents = { kind: 'folder', name: '.' } as const
  const target = (path: string, kind: 'folder' | 'other' | 'missing') => ({ path, kind })

  test.each([
    ['a file to nothing', file, target('/to/new', 'missing'), '/to', 'new'],
    ['a file over a file', file, target('/to/old', 'other'), '/to', 'old'],
    ['a file into a folder', file, target('/to', 'folder'), '/to', 'f'],
    ['a folder to nothing', folder, target('/to/new', 'missing'), '/to', 'new'],
    ['a folder to nothing that ends in a slash', folder, target('/to/new/', 'missing'), '/to', 'new'],
    ['a folder into a folder', folder, target('/to', 'folder'), '/to', 'd'],
    ['what is in a folder to nothing', contents, target('/to/new', 'missing'), '/to', 'new'],
    ['what is in a folder into a folder', contents, target('/to', 'folder'), '/to', '.'],
  ])('%s', (_, source, to, into, name) => {
    expect(placeOf(source, to)).toEqual({ folder: into, name })
  })

  test.each([
    ['a folder over a file', folder, target('/to/old', 'other'), 'cannot copy directory'],
    ['a file to a folder that is not there', file, target('/to/new/', 'missing'), 'no such directory'],
  ])('%s is refused', (_, source, to, words) => {
    expect(problemOf(() => placeOf(source, to)).message).toBe(words)
  })
})

describe('names in an archive', () => {
  const read = (...names: string[]) => {
    const reader = new ArchiveNames()
    return names.map((name) => reader.below(name))
  }

  test('are below the first one', () => {
    expect(read('d/', 'd/a', 'd/sub/', 'd/sub/b')).toEqual([[], ['a'], ['sub'], ['sub', 'b']])
  })

  test('may be those of what is in a folder, or of the root', () => {
    expect(read('./', './a')).toEqual([[], ['a']])
    expect(read('/', 'etc/', 'etc/passwd')).toEqual([[], ['etc'], ['etc', 'passwd']])
  })

  test.each([['d/../../etc/passwd'], ['../d'], ['/etc/passwd'], ['other/file'], ['d2'], ['d/a\0b']])(
    'that lead elsewhere are refused: %j',
    (name) => {
      const reader = new ArchiveNames()
      reader.below('d/')
      expect(problemOf(() => reader.below(name)).code).toBe('conflict')
    },
  )
})
