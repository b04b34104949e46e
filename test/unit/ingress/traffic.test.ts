import { describe, expect, it } from 'vitest'
import { byService, type Counters, countersOf, type Reading, Tally } from '../../../daemon/ingress/traffic.ts'

const WEB = 'shop:web:80:http'
const counted = (seen: number, more: Partial<Counters> = {}): Counters => ({
  seen,
  status5xx: 0,
  unreached: 0,
  cut: 0,
  retries: 0,
  slow: 0,
  ...more,
})
const reading = (workers: Record<string, number>): Reading =>
  Object.fromEntries(Object.entries(workers).map(([worker, seen]) => [worker, { [WEB]: counted(seen) }]))

describe('a tally of traffic', () => {
  it('counts from where it began', () => {
    const tally = Tally.from(reading({ 8: 100 }))
    tally.see(reading({ 8: 107 }))
    expect(tally.total[WEB]).toEqual(counted(7))
  })

  it('is the sum over a reload: of the worker of before, also once it has ended, and the one of after', () => {
    const tally = Tally.from(reading({ 8: 100 }))
    expect(tally.see(reading({ 8: 110, 12: 3 }))).toBe(true)
    expect(tally.see(reading({ 8: 111, 12: 5 }))).toBe(false)
    expect(tally.see(reading({ 12: 20 }))).toBe(true)
    expect(tally.total[WEB]).toEqual(counted(31))
  })

  it('takes a worker whose counters went back for another one with its number', () => {
    const tally = Tally.from(reading({ 8: 100 }))
    tally.see(reading({ 8: 104 }))
    tally.see(reading({ 8: 2 }))
    expect(tally.total[WEB]?.seen).toBe(6)
  })

  it('goes on from what was written down of it', () => {
    const before = Tally.from(reading({ 8: 100 }))
    before.see(reading({ 8: 101, 9: 1 }))
    const tally = Tally.goOn(JSON.parse(JSON.stringify(before.state)))
    tally.see(reading({ 9: 4 }))
    expect(tally.total[WEB]?.seen).toBe(5)
  })
})

it('reads what HAProxy counts, with slow answers from its table', () => {
  const stat = [
    '# pxname,svname,stot,hrsp_5xx,econ,srv_abrt,wretr,wredis',
    'shop:web:80:http,BACKEND,17,3,1,2,4,1',
    'shop:db:5432:tcp,BACKEND,5,,2,,,',
    'shop:web:80:http,one,17,3,1,2,4,1',
  ].join('\n')
  const slow = '# table: slow., type: string, size:10240, used:1\n0x7f: key=shop:web:80:http use=0 exp=0 gpc0=6\n'
  expect(countersOf(stat, slow)).toEqual({
    [WEB]: { seen: 17, status5xx: 3, unreached: 1, cut: 2, retries: 5, slow: 6 },
    'shop:db:5432:tcp': { seen: 5, status5xx: 0, unreached: 2, cut: 0, retries: 0, slow: 0 },
  })
})

it('puts the ports of a service together, and leaves out what is not of the stack', () => {
  const total = {
    [WEB]: counted(1, { slow: 1 }),
    'shop:web:81:http': counted(2),
    'shop:web:82:tcp': counted(4),
    'shop:web:83:h2': counted(32),
    'other:web:80:http': counted(8),
    'slow.': counted(16),
  }
  expect(byService('shop', total)).toEqual([
    { service: 'web', protocol: 'http', ...counted(35, { slow: 1 }) },
    { service: 'web', protocol: 'tcp', ...counted(4) },
  ])
})
