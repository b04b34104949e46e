import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { overDns, overHttp } from '../../../daemon/certificates/challenges.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const challenge = { host: 'shop.test', token: 'abc-_9', text: 'abc-_9.print' }
const signal = new AbortController().signal

describe('over HTTP', () => {
  it('the ingress answers at the path of the token, until it is cleared', async () => {
    const told: unknown[] = []
    const way = overHttp({ answerChallenge: async (...words) => void told.push(words) })
    await way.set(challenge, signal)
    await way.clear(challenge)
    const path = '/.well-known/acme-challenge/abc-_9'
    expect(told).toEqual([
      [path, 'abc-_9.print'],
      [path, undefined],
    ])
  })

  it.each([
    { token: '../x' },
    { token: 'x y' },
    { token: '' },
    { token: 'x\n/y' },
    { text: 'a b' },
    { text: 'a\nadd map' },
  ])('nothing is told that could be taken for anything else: %j', async (wrong) => {
    const way = overHttp({ answerChallenge: async () => {} })
    expect((await rejectionOf(way.set({ ...challenge, ...wrong }, signal))).code).toBe('certificate-refused')
  })
})

describe('over the DNS', () => {
  function aProgram(lines: string): { readonly path: string; readonly said: string } {
    const folder = temporaryFolder()
    const path = join(folder, 'hook')
    writeFileSync(path, `#!/bin/sh\n${lines}\n`)
    chmodSync(path, 0o700)
    return { path, said: join(folder, 'said') }
  }

  it('the program is given words, which no shell reads', async () => {
    const { path, said } = aProgram(`printf '%s|' "$@" >> "$(dirname "$0")/said"`)
    const way = overDns(path)
    await way.set({ ...challenge, text: '$(touch x);`x`' }, signal)
    await way.clear(challenge)
    expect(readFileSync(said, 'utf8')).toBe(
      'set|_acme-challenge.shop.test|$(touch x);`x`|clear|_acme-challenge.shop.test|abc-_9.print|',
    )
  })

  it('what the program complains of is told', async () => {
    const { path } = aProgram('echo warming up >&2; echo no such zone >&2; exit 3')
    expect((await rejectionOf(overDns(path).set(challenge, signal))).message).toMatch(/failed: no such zone$/)
  })

  it('the program ends with the order', async () => {
    const { path, said } = aProgram('sleep 60; touch "$(dirname "$0")/said"')
    const stop = new AbortController()
    const setting = rejectionOf(overDns(path).set(challenge, stop.signal))
    stop.abort()
    expect((await setting).code).toBe('certificate-refused')
    expect(existsSync(said)).toBe(false)
  })
})
