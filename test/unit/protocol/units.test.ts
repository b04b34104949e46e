import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration, parseSize } from '../../../protocol/stackfile/units.ts'

describe('a duration', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['1ns', 1],
    ['1us', 1e3],
    ['1µs', 1e3],
    ['1μs', 1e3],
    ['1ms', 1e6],
    ['1s', 1e9],
    ['1m', 60e9],
    ['1h', 3600e9],
    ['1d', 86_400e9],
    ['1w', 604_800e9],
    ['1m30s', 90e9],
    ['1.5h', 5400e9],
    ['.5s', 5e8],
    ['1.s', 1e9],
    ['+5s', 5e9],
    ['-5s', -5e9],
    ['1h1h', 7200e9],
  ])('"%s" is %s ns', (text, ns) => {
    expect(parseDuration(text)).toBe(ns)
  })

  test.each(['', '-', '5', '1.5', 's', '1 s', ' 1s', '1s ', '1x', '1m30', '1e3s', '--5s', '1..5s', '1S', 'abc'])(
    '"%s" is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  test.each([
    [0, '0s'],
    [1, '1ns'],
    [1500, '1.5µs'],
    [100e6, '100ms'],
    [1.5e9, '1.5s'],
    [90e9, '1m30s'],
    [60e9, '1m0s'],
    [3600e9, '1h0m0s'],
    [86_400e9, '24h0m0s'],
    [-90e9, '-1m30s'],
  ])('%s ns is written "%s", as Go does', (ns, text) => {
    expect(formatDuration(ns)).toBe(text)
  })

  test('with a few nanoseconds beyond seconds is written without an exponent', () => {
    expect(formatDuration(3_600_000_000_001)).toBe('1h0m0.000000001s')
  })

  test('that was written is read as the same', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (ns) => {
        expect(parseDuration(formatDuration(ns))).toBe(ns)
      }),
      { numRuns: 2000 },
    )
  })

  test('that was read is written in one way only', () => {
    const aPart = fc.tuple(fc.nat({ max: 5000 }), fc.constantFrom('us', 'ms', 's', 'm', 'h', 'd', 'w'))
    fc.assert(
      fc.property(fc.array(aPart, { minLength: 1, maxLength: 4 }), (parts) => {
        const text = formatDuration(parseDuration(parts.map(([count, unit]) => `${count}${unit}`).join(''))!)
        expect(formatDuration(parseDuration(text)!)).toBe(text)
      }),
    )
  })

  test('is read, or refused, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ns = parseDuration(text)
        expect(ns === undefined || Number.isInteger(ns)).toBe(true)
      }),
    )
  })
})

describe('a size', () => {
  test.each([
    ['0', 0],
    ['1024', 1024],
    ['-1', -1],
    ['5b', 5],
    ['1k', 1024],
    ['1kb', 1024],
    ['1KiB', 1024],
    ['512m', 512 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
    ['1 GB', 1024 ** 3],
    ['2t', 2 * 1024 ** 4],
    ['1p', 1024 ** 5],
    ['0.5k', 512],
    ['.5k', 512],

    ['1.9', 1],
  ])('"%s" is %s bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test.each(['', 'k', '-1k', '1x', '1kk', '1ki', '1,5k', '0x10', 'abc'])('"%s" is none', (text) => {
    expect(parseSize(text)).toBeUndefined()
  })

  test('in a binary unit is that many times 1024, in whatever case it is written', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 8000 }),
        fc.constantFrom('', 'k', 'm', 'g', 't'),
        fc.boolean(),
        (count, unit, upper) => {
          const text = `${count}${upper ? unit.toUpperCase() : unit}`
          expect(parseSize(text)).toBe(count * 1024 ** ['', 'k', 'm', 'g', 't'].indexOf(unit))
        },
      ),
    )
  })
})
