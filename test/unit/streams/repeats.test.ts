import { expect, test } from 'vitest'
import { Repeats } from '../../../daemon/streams/repeats.ts'
import { recordsOf, textsOf } from '../support/log-bytes.ts'

type Line = Parameters<typeof recordsOf>[1][number]

const line = (at: number, text = `${at}`, stream?: 'stderr'): Line => ({
  at,
  text,
  ...(stream === undefined ? {} : { stream }),
})

/** What is left, however the lines come in pieces. */
function left(...lines: Line[]): string[] {
  const [whole, single] = [new Repeats(), new Repeats()]
  const texts = textsOf(whole.leaveOut(recordsOf(1, lines)))
  expect(lines.flatMap((one) => textsOf(single.leaveOut(recordsOf(1, [one]))))).toEqual(texts)
  return texts
}

test('a file that is begun again is left out as far as it had come', () => {
  expect(left(line(1), line(2), line(3), line(2), line(3), line(4))).toEqual(['1', '2', '3', '4'])
})

test('so are several lines of one nanosecond', () => {
  const lines = [line(1), line(2, 'a'), line(2, 'b'), line(3)]
  expect(left(...lines, ...lines.slice(1), line(4))).toEqual(['1', 'a', 'b', '3', '4'])
})

test('stdout and stderr are told apart', () => {
  const lines = [line(1), line(2, 'e', 'stderr'), line(1.5, 'o')]
  expect(left(...lines, line(3))).toEqual(['1', 'e', 'o', '3'])
})

test('lines after a clock was set back are not taken for repeats', () => {
  expect(left(line(5), line(6), line(2), line(3), line(4))).toEqual(['5', '6', '2', '3', '4'])
})

test('several lines of one nanosecond are all there', () => {
  expect(left(line(1, 'a'), line(1, 'b'), line(1, 'c'))).toEqual(['a', 'b', 'c'])
})

test('it works on after more lines than are remembered', () => {
  const lines = Array.from({ length: 40_000 }, (_, n) => line(n / 1000, `${n}`))
  const repeats = new Repeats()
  expect(textsOf(repeats.leaveOut(recordsOf(1, lines)))).toHaveLength(40_000)
  const again = [...lines.slice(-10_000), line(50, 'new')]
  expect(textsOf(repeats.leaveOut(recordsOf(1, again)))).toEqual(['new'])
})
