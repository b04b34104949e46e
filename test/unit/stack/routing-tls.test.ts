import { expect, it } from 'vitest'
import { routingOf } from '../../../daemon/stack/routing.ts'
import type { ServicePolicy } from '../../../protocol/stackfile/model.ts'
import { aModel } from '../support/core.ts'

const tlsOfRoutes = (policy: ServicePolicy) =>
  routingOf(aModel({ web: { 'x-evenkeel': policy } }), 'web', { kind: 'here' })!.routes.map(({ host, tls }) => [
    host,
    tls?.certificate,
  ])

it('is of all routes with a host where the service says so, and of a route as that says itself', () => {
  const routes = [{ host: 'A.test' }, { host: 'b.test', tls: 'own' as const }, { host: 'c.test', tls: 'off' as const }]
  expect(tlsOfRoutes({ routes: [...routes, { path: '/' }], tls: 'auto' })).toEqual([
    ['a.test', 'auto'],
    ['b.test', 'own'],
    ['c.test', undefined],
    [undefined, undefined],
  ])
  expect(tlsOfRoutes({ routes })).toEqual([
    ['a.test', undefined],
    ['b.test', 'own'],
    ['c.test', undefined],
  ])
})
