import { expect, test } from 'vitest'
import type { Admitted } from '../../../daemon/access/gate.ts'
import { certificateRoutes } from '../../../daemon/http/certificate-routes.ts'
import type { Permission } from '../../../protocol/access.ts'
import type { Certificate } from '../../../protocol/resources/certificate.ts'
import { rejectionOf } from '../support/problems.ts'

const usedBy = (...stacks: string[]) => stacks.map((stack) => ({ stack, service: 'web' }))
const LISTED: Certificate[] = [
  { host: 'both.test', state: 'valid', usedBy: usedBy('shop', 'blog') },
  { host: 'blog.test', state: 'valid', usedBy: usedBy('blog') },
  { host: 'unused.test', state: 'unused', usedBy: [] },
]
const imported: string[] = []
const routes = certificateRoutes({
  list: () => LISTED,
  import: async (host) => {
    imported.push(host)
    return LISTED[0]!
  },
  remove: async () => {},
})

const aCaller = (may: (permission: Permission, stack?: string) => boolean): Admitted => ({
  name: 'ann',
  origin: 'test',
  chain: [],
  may,
})
const seenBy = (caller: Admitted) =>
  routes.certificates({ params: {}, body: undefined, query: {}, caller }).certificates

test('certificates are seen by who sees a stack that uses them, and then without the others', () => {
  const ofShop = aCaller((permission, stack) => permission === 'read' && stack === 'shop')
  expect(seenBy(ofShop)).toEqual([{ host: 'both.test', state: 'valid', usedBy: usedBy('shop') }])
  expect(seenBy(aCaller(() => false))).toEqual([])
  expect(seenBy(aCaller(() => true))).toEqual(LISTED)
})

test('a host is a name in any case, and nothing else', async () => {
  const put = async (host: string) =>
    routes.putCertificate({
      params: { host },
      body: { certificate: '', key: '' },
      query: {},
      caller: aCaller(() => true),
    })
  await put('Shop.Test')
  expect(imported).toEqual(['shop.test'])
  for (const host of ['', '*.shop.test', 'a b', '../x', 'a..b', 'x'.repeat(300)])
    expect((await rejectionOf(put(host))).code).toBe('bad-request')
})
