import { describe, expect, test } from 'vitest'
import { OutputLog } from '../../../daemon/jobs/output-log.ts'

/** Everything after a line, part by part. */
function readAll(log: OutputLog, after = 0) {
  const texts: string[] = []
  let missed = 0
  while (after < log.last) {
    const part = log.read(after)
    missed += part.missed
    texts.push(...part.lines.map((line) => line.text))
    after = part.last
  }
  return { texts, missed }
}

const filled = (lines: number, text = (index: number) => `line ${index}`) => {
  const log = new OutputLog()
  for (let index = 1; index <= lines; index += 1) log.add('web', text(index))
  return log
}

describe('the output of a job', () => {
  test('is numbered from 1, and read on after a number', () => {
    const log = filled(3)
    expect(log.last).toBe(3)
    expect(log.read(1)).toEqual({
      missed: 0,
      last: 3,
      lines: [
        { service: 'web', text: 'line 2' },
        { service: 'web', text: 'line 3' },
      ],
    })
  })

  test('comes in parts, with every line once', () => {
    const log = filled(5000)
    expect(log.read(0).lines.length).toBeLessThan(5000)
    expect(readAll(log)).toEqual({ missed: 0, texts: Array.from({ length: 5000 }, (_, index) => `line ${index + 1}`) })
  })

  test('keeps the last of it within a bound, and counts what is gone', () => {
    const log = filled(50_000, (index) => `${index} ${'x'.repeat(200)}`)
    const { texts, missed } = readAll(log)
    expect(missed + texts.length).toBe(50_000)
    expect(texts.join('').length).toBeLessThanOrEqual(1_048_576)
    expect(texts[0]).toMatch(new RegExp(`^${missed + 1} `))
    expect(texts.at(-1)).toMatch(/^50000 /)
  })

  test('cuts a line that is too long', () => {
    const [text] = readAll(filled(1, () => 'x'.repeat(1_000_000))).texts
    expect(text).toHaveLength(16_384)
  })
})
