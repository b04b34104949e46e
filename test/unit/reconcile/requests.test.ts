import { describe, expect, test } from 'vitest'
import { imageOptionsOf, isWholeStack, policyOf, waitTimeoutMs } from '../../../daemon/reconcile/requests.ts'
import { down, scale, services, up } from '../support/core.ts'

describe('a request over the whole stack', () => {
  test.each([up(1), down()])('is $kind without services: a newer one takes the place of an older', (request) => {
    expect(isWholeStack(request)).toBe(true)
  })

  test.each([
    up(1, { services: ['web'] }),
    down({ services: ['web'] }),
    services('start'),
    services('stop'),
    services('restart'),
    scale({ web: 1 }),
  ])('is not %o: it says nothing about the rest', (request) => {
    expect(isWholeStack(request)).toBe(false)
  })
})

describe('the policy of a request', () => {
  test('is that somebody asked, and asked for nothing beyond', () => {
    expect(policyOf(up(1), 'all')).toEqual({
      mode: 'request',
      scope: 'all',
      orphans: 'keep',
      anonymousVolumes: 'carry',
      wait: 'started',
      lookAlikes: 'refuse',
      dependents: 'restart',
      graceSeconds: undefined,
    })
  })

  test('of up has its flags', () => {
    const flags = {
      orphans: 'remove',
      anonymousVolumes: 'renew',
      wait: 'ready',
      takeOver: true,
      timeoutSeconds: 3,
    } as const
    expect(policyOf(up(1, flags), 'all')).toMatchObject({
      orphans: 'remove',
      anonymousVolumes: 'renew',
      wait: 'ready',
      lookAlikes: 'replace',
      graceSeconds: 3,
    })
  })

  test('of down has its grace and its orphans', () => {
    expect(policyOf(down({ orphans: 'remove', timeoutSeconds: 0 }), 'all')).toMatchObject({
      orphans: 'remove',
      graceSeconds: 0,
    })
  })

  test('of restart says whether dependents follow', () => {
    expect(policyOf(services('restart', { dependents: 'leave' }), 'all').dependents).toBe('leave')
  })
})

test.each([
  [up(1, { waitTimeoutSeconds: 5 }), 5000],
  [up(1, { waitTimeoutSeconds: 0 }), undefined],
  [up(1), undefined],
  [services('start', { waitTimeoutSeconds: 2 }), 2000],
  [down(), undefined],
])('how long %o waits', (request, ms) => {
  expect(waitTimeoutMs(request)).toBe(ms)
})

test('only up looks at images again: others take them as they are pinned', () => {
  expect(imageOptionsOf(up(1, { pull: 'always', build: 'never' }))).toEqual({ pull: 'always', build: 'never' })
  expect(imageOptionsOf(services('start'))).toBeUndefined()
})
