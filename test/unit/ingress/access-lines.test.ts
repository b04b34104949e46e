import { describe, expect, it } from 'vitest'
import { accessLineOf } from '../../../daemon/ingress/access-lines.ts'

/** As HAProxy 2.6 writes it. */
const line = (parts: Record<string, unknown> = {}): string =>
  JSON.stringify({
    at: 1795331885577,
    backend: 'shop:web:8080:http',
    server: 'abcdef012345',
    client: '10.0.0.7',
    method: 'GET',
    host: 'shop.test',
    path: '/x%22y',
    status: 200,
    bytes: 99,
    ms: 6,
    retries: '0',
    ...parts,
  })

describe('what HAProxy tells of a request', () => {
  it('is whose it is, and what came of it', () => {
    expect(accessLineOf(line())).toEqual({
      stack: 'shop',
      entry: {
        at: '2026-11-22T07:18:05.577Z',
        client: '10.0.0.7',
        method: 'GET',
        host: 'shop.test',
        path: '/x%22y',
        status: 200,
        bytes: 99,
        durationMs: 6,
        service: 'web',
        container: 'abcdef012345',
        retries: 0,
      },
    })
  })

  it('has no container where none was reached, and no status where its client was gone', () => {
    const { entry } = accessLineOf(line({ server: '<NOSRV>', status: -1, ms: -1, retries: '+3' }))!
    expect(entry).toMatchObject({ durationMs: 0, retries: 3 })
    expect(entry).not.toHaveProperty('container')
    expect(entry).not.toHaveProperty('status')
  })

  it.each(['', '3 events dropped', line().slice(0, 40), line({ at: 'yesterday' }), line({ backend: 'none' })])(
    'is no request where it cannot be read as one: %s',
    (text) => {
      expect(accessLineOf(text)).toBeUndefined()
    },
  )
})
