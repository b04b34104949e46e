import { describe, expect, it } from 'vitest'
import { refusedBy, retryAfterMs } from '../../../daemon/certificates/acme-errors.ts'

const AUTHORITY = 'https://ca.example/dir'
const type = (kind: string): string => `urn:ietf:params:acme:error:${kind}`

describe('what an authority refuses', () => {
  it('is told in its own words, with what is to be mended', () => {
    const problem = refusedBy(AUTHORITY, 'shop.test', { type: type('connection'), detail: 'refused by 127.0.0.9' })
    expect(problem.message).toBe('ca.example refuses shop.test: refused by 127.0.0.9 (connection)')
    expect(problem.hint).toContain('port 80')
    expect(problem.code).toBe('certificate-refused')
  })

  it('is told for each name, where it says more of them', () => {
    const subproblems = [{ detail: 'one' }, { detail: 'two' }, null]
    expect(refusedBy(AUTHORITY, 'a.test', { type: type('compound'), detail: 'some', subproblems }).message).toBe(
      'ca.example refuses a.test: some; one; two (compound)',
    )
  })

  it('is told without what a terminal would obey, and not at any length', () => {
    const { message } = refusedBy(AUTHORITY, 'a.test', { detail: `\u001b[2Jx\r\ny${'z'.repeat(10_000)}` })
    expect(message).toMatch(/refuses a\.test: {2}\[2Jx yz+$/)
    expect(message.length).toBeLessThan(600)
  })

  it.each([undefined, null, 'text', 5, {}])('is its status where it says nothing: %j', (document) =>
    expect(refusedBy(AUTHORITY, 'a.test', document, { status: 503 }).message).toBe(
      'ca.example refuses a.test: status 503',
    ),
  )
})

it('takes the time to wait as seconds and as a time, and nothing else', () => {
  const now = new Date('2026-11-22T00:00:00Z')
  expect(retryAfterMs('120', now)).toBe(120_000)
  expect(retryAfterMs('Sun, 22 Nov 2026 01:00:00 GMT', now)).toBe(3_600_000)
  expect(retryAfterMs('Sat, 21 Nov 2026 01:00:00 GMT', now)).toBe(0)
  for (const header of [undefined, '', 'soon', 5]) expect(retryAfterMs(header, now)).toBeUndefined()
})
