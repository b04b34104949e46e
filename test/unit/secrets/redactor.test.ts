import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Redactor } from '../../../daemon/secrets/redactor.ts'
import { redactedJson } from '../../../protocol/redacted-json.ts'

const redactorOf = (...values: string[]) => {
  const redactor = new Redactor()
  for (const [index, value] of values.entries()) redactor.add(`shop/${index}`, Buffer.from(value))
  return redactor.redact
}

const VALUE = 'p@ss "w/ord"+ ü?'

test.each<[string, string]>([
  ['as it is', `dial: ${VALUE}!`],
  ['in JSON', JSON.stringify({ dsn: `x${VALUE}x` })],
  ['in base64', Buffer.from(VALUE).toString('base64')],
  ['in base64, one byte in', Buffer.from(`a${VALUE}`).toString('base64')],
  ['in base64, after a user', Buffer.from(`ann:${VALUE}:more`).toString('base64')],
  ['in base64 for URLs', Buffer.from(`ab${VALUE}`).toString('base64url')],
  ['in base64 in a URL', encodeURIComponent(Buffer.from(VALUE).toString('base64'))],
  ['in a URL', `postgres://ann:${encodeURIComponent(VALUE)}@db`],
  ['in a form', `p=${encodeURIComponent(VALUE).replaceAll('%20', '+')}`],
  ['in hex', Buffer.from(VALUE).toString('hex')],
])('a value is taken out of text: %s', (_, text) => {
  const redacted = redactorOf(VALUE)(text)
  expect(redacted).toContain('[secret]')
  expect(redacted).not.toContain('p@ss')
  expect(redacted.length).toBeLessThan(text.length + 8)
})

test('in base64 nothing of it is left but what its neighbours have a part in', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 9, maxLength: 40 }), fc.nat(5), (bytes, before) => {
      const redactor = new Redactor()
      redactor.add('x', Buffer.from(bytes))
      const text = Buffer.concat([Buffer.alloc(before, 1), Buffer.from(bytes), Buffer.alloc(3, 2)]).toString('base64')
      const found = /^(.*)\[secret\](.*)$/.exec(redactor.redact(text))
      expect(found).not.toBeNull()
      expect(found![1]!.length).toBeLessThanOrEqual(Math.ceil((before * 8) / 6) + 1)
      expect(found![2]!.length).toBeLessThanOrEqual(8)
    }),
  )
})

test('lines of a longer value go as well, and its last line break does not matter', () => {
  const pem = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END KEY-----\n'
  const redact = redactorOf(pem, 'hunter2hunter2\n')
  expect(redact('line 2: MIIEvQIBADANBgkqhkiG9w0BAQEFAASC')).toBe('line 2: [secret]')
  expect(redact('auth hunter2hunter2 failed')).toBe('auth [secret] failed')
})

test('what is short, and all else, stays as it is; an old value stays known when a new one comes', () => {
  const redactor = new Redactor()
  redactor.add('shop/a', Buffer.from('abc'))
  expect(redactor.redact('abcdef')).toBe('abcdef')
  redactor.add('shop/a', Buffer.from('the-old-value'))
  redactor.add('shop/a', Buffer.from('the-new-value'))
  expect(redactor.redact('the-old-value the-new-value others')).toBe('[secret] [secret] others')
})

test.each(['","code":"', '{"a":1}', '"quoted"', 'back\\slash"', 'detail'])(
  'JSON stays whole, also where a secret looks like it: %s',
  (value) => {
    const redact = redactorOf(value)
    const told = { code: 'conflict', detail: `it said ${value}.`, list: ['other', value] }
    expect(JSON.parse(redactedJson(told, redact))).toEqual({
      code: 'conflict',
      detail: 'it said [secret].',
      list: ['other', '[secret]'],
    })
  },
)

test('whatever the values are, taking them out works, and takes little', () => {
  const redactor = new Redactor()
  const odd = ['\ufffd'.repeat(300_000), '(?<'.repeat(300_000), 'a'.repeat(1_000_000), `${'b\n'.repeat(100_000)}`]
  for (const [index, value] of odd.entries()) redactor.add(`shop/${index}`, Buffer.from(value))
  for (let index = 0; index < 300; index += 1)
    redactor.add(`shop/long-${index}`, Buffer.from(`${'a'.repeat(900)}${index}${'b'.repeat(20)}`))
  expect(redactor.redact('nothing of that')).toBe('nothing of that')
  for (const value of odd.slice(0, 3)) expect(redactor.redact(`x: ${value}!`)).toBe('x: [secret]')
  // Near misses at every place: what is not looked at any more goes.
  const near = `${'a'.repeat(899)}x`.repeat(1000)
  expect(redactor.redact(near).length).toBeLessThanOrEqual(near.length)
})

test('of a long value its beginning ends the text, and its lines go one by one', () => {
  const redact = redactorOf(`${'0123456789abcdef\n'.repeat(3)}${'x'.repeat(5000)}\nthe-last-line-of-it`)
  const value = `${'0123456789abcdef\n'.repeat(3)}${'x'.repeat(5000)}`
  expect(redact(`it is ${value} and more`)).toBe('it is [secret]')
  expect(redact('says 0123456789abcdef, the-last-line-of-it')).toBe('says [secret], [secret]')
})

test('with many lines the value as a whole goes too', () => {
  const lines = Array.from({ length: 60 }, (_, index) => `line ${index} of the value/+${index}`)
    .join('\n')
    .slice(0, 1000)
  expect(redactorOf(lines)(`all: ${lines}!`)).toBe('all: [secret]!')
})

test('takes out what a search for each form by itself would', () => {
  const alphabet = fc.constantFrom('a', 'b', '-')
  const values = fc.array(fc.string({ unit: alphabet, minLength: 6, maxLength: 9 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(values, fc.string({ unit: alphabet, maxLength: 60 }), (values, text) => {
      const expected = text.replace(
        new RegExp([...new Set(values)].sort((one, other) => other.length - one.length).join('|'), 'g'),
        '[secret]',
      )
      expect(redactorOf(...values)(text)).toBe(expected)
    }),
    { numRuns: 2000 },
  )
})
