import { expect, test } from 'vitest'
import { formatBytes } from '../../../protocol/bytes.ts'

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [20_971_520, '20.97MB'],
  [1_500_000_000, '1.5GB'],
])('%d bytes are told as Docker tells them: %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})
