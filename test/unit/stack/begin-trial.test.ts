import { describe, expect, it } from 'vitest'
import { scopeOfTrial } from '../../../daemon/stack/begin-trial.ts'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { Rollout } from '../../../daemon/stack/rollout.ts'
import type { ServiceRouting } from '../../../daemon/stack/routing.ts'
import { triedReplicas } from '../../../daemon/stack/trial.ts'
import { aService, aStack, needs } from '../support/stack-builders.ts'

const routing: ServiceRouting = {
  ports: [],
  routes: [{ host: 'shop.test', path: '/', target: 80 }],
  balance: 'roundrobin',
  drainMs: 0,
}
const rolloutOf = (order: Rollout['order'], why = 'it has a route') => {
  const one = { order, why } as Rollout
  return { update: one, rollback: one }
}
const web = (parts: Partial<DesiredService> = {}) =>
  aService('web', { routing, rollouts: rolloutOf('start-first'), ...parts })
const worker = (parts: Partial<DesiredService> = {}) => aService('worker', parts)
const NEW = { specHash: 'another', revision: 2 }
const scopeOf = (now: readonly DesiredService[], next: readonly DesiredService[]) =>
  scopeOfTrial({ strategy: 'canary', now: aStack(now), next: aStack(next), published: { web: routing } })

describe('what is put on trial', () => {
  it('is what changed and is served; what else changed, came or went waits', () => {
    const now = [web(), worker(), aService('gone')]
    expect(scopeOf(now, [web(NEW), worker(NEW), aService('come')])).toEqual({
      kind: 'trial',
      services: ['web'],
      waiting: ['come', 'gone', 'worker'],
    })
  })

  it('is nothing where nothing changed', () => {
    expect(scopeOf([web()], [web()])).toEqual({ kind: 'unchanged' })
  })

  it.each([
    ['nothing that changed is served', [web(), worker()], [web(), worker(NEW)], /nothing that the ingress serves/],
    [
      'two of it cannot be there at a time',
      [web()],
      [web({ ...NEW, rollouts: rolloutOf('stop-first', 'it can write to /data') })],
      /web cannot be tried.*it can write to \/data/,
    ],
    [
      'its routes change',
      [web()],
      [web({ ...NEW, routing: { ...routing, routes: [{ host: 'other.test', path: '/', target: 80 }] } })],
      /its ports or routes change/,
    ],
    [
      'it has steps',
      [web()],
      [web({ ...NEW, steps: { before: [['migrate']], after: [], timeoutMs: 1 } })],
      /it has steps/,
    ],
    [
      'it depends on what waits',
      [web(), worker()],
      [web({ ...NEW, dependsOn: { worker: needs() } }), worker(NEW)],
      /it depends on worker/,
    ],
  ] as const)('is refused where %s', (_, now, next, why) => {
    expect(scopeOf(now, next)).toEqual({
      kind: 'refused',
      why: expect.stringMatching(why),
      hint: expect.stringMatching(/evenkeel|name the services/),
    })
  })

  it('is not what does not run: there is nothing beside which it could be', () => {
    expect(scopeOf([web({ run: 'stopped' })], [web(NEW)])).toMatchObject({ kind: 'refused' })
  })

  it('is as many replicas as its share takes, one at least, and all of them for blue-green', () => {
    expect(triedReplicas('canary', 10, 3, 3)).toBe(1)
    expect(triedReplicas('canary', 50, 5, 5)).toBe(3)
    expect(triedReplicas('canary', 90, 10, 2)).toBe(2)
    expect(triedReplicas('blue-green', 0, 3, 4)).toBe(4)
  })
})
