import { expect, test } from 'vitest'
import { inBlocks } from '../../../daemon/streams/log-reading.ts'
import { recordsOf, textsOf } from '../support/log-bytes.ts'

test('what was read before a log broke off is passed on before the error', async () => {
  const broken = new Error('broken')
  async function* log(): AsyncGenerator<Uint8Array> {
    yield recordsOf(1, [{ at: 1, text: 'a' }])
    yield recordsOf(1, [{ at: 2, text: 'b' }])
    throw broken
  }
  const texts: string[] = []
  const read = async () => {
    for await (const block of inBlocks(log())) texts.push(...textsOf(block))
  }
  await expect(read()).rejects.toBe(broken)
  expect(texts).toEqual(['a', 'b'])
})
