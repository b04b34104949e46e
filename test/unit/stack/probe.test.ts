import { describe, expect, it } from 'vitest'
import { judgeProbe, NO_RECORD, type Probe, probesOf, readyWithinMs } from '../../../daemon/stack/probe.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'

const PROBE: Probe = {
  check: { kind: 'tcp', port: 1 },
  intervalMs: 1000,
  timeoutMs: 500,
  retries: 2,
  successes: 2,
  startPeriodMs: 5000,
}
const verdictAfter = (answers: string, askedForMs = 10_000, probe = PROBE) =>
  [...answers].reduce(
    (record, answer) => judgeProbe(record, answer === '+' ? 'ok' : 'failed', probe, askedForMs),
    NO_RECORD,
  ).verdict

describe('a record of answers', () => {
  it.each([
    ['+', undefined],
    ['++', 'passing'],
    ['++-', 'passing'],
    ['++--', 'failing'],
    ['++-+-', 'passing'],
    ['++--+', 'failing'],
    ['++--++', 'passing'],
    ['--', 'failing'],
  ])('%s is %s, where two in a row count', (answers, verdict) => expect(verdictAfter(answers)).toBe(verdict))

  it('holds no failure of its start period against one that never passed, and each against one that did', () => {
    expect(verdictAfter('----', 4999)).toBeUndefined()
    expect(verdictAfter('++--', 4999)).toBe('failing')
  })
})

describe('what a service is asked', () => {
  const checkOf = (ready: object, more: object = {}) =>
    probesOf({ 'x-evenkeel': { ready, ...more } } as Service)?.ready?.check

  it('is at the port of its routes where it says none, else at its only one', () => {
    expect(checkOf({ http: '/up', port: 81 }, { routes: [{ path: '/', port: 82 }] })).toMatchObject({ port: 81 })
    expect(checkOf({ http: '/up' }, { routes: [{ path: '/', port: 82 }] })).toMatchObject({ path: '/up', port: 82 })
    const exposed = { expose: ['83'], 'x-evenkeel': { ready: { https: '/' } } } as unknown as Service
    expect(probesOf(exposed)?.ready?.check).toMatchObject({ kind: 'https', port: 83 })
    expect(checkOf({ http: '/up' })).toMatchObject({ port: 80 })
  })

  it('is a command in words or as a line', () => {
    expect(checkOf({ exec: 'test "a b"' })).toEqual({ kind: 'exec', command: ['test', 'a b'] })
    expect(checkOf({ exec: ['test', 'a b'] })).toEqual({ kind: 'exec', command: ['test', 'a b'] })
  })

  it('gives a new replica its start period, and the tries that count', () => {
    const probes = probesOf({ 'x-evenkeel': { ready: { tcp: 1, start_period: '10s', interval: '4s' } } })
    expect(readyWithinMs(probes!.ready!)).toBe(22_000)
  })

  it('is nothing where the file says nothing', () => expect(probesOf({})).toBeUndefined())
})
