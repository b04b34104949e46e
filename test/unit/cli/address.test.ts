import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { daemonAddress, wayOf } from '../../../client/address.ts'
import { lifetimeSeconds } from '../../../client/cli/lifetime.ts'
import { contextsPath, readContexts, writeContexts } from '../../../client/contexts.ts'
import { sshArguments } from '../../../client/ssh-stream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOTHING = { host: undefined, context: undefined }
const https = (host: string, port: number) => ({ kind: 'https', host, port, authority: undefined, identity: undefined })
const ssh = (parts: object) => ({ kind: 'ssh', user: undefined, port: undefined, socketPath: undefined, ...parts })

describe('a host', () => {
  test.each<[string, object]>([
    ['unix:///run/x.sock', { kind: 'unix', socketPath: '/run/x.sock' }],
    ['/run/x.sock', { kind: 'unix', socketPath: '/run/x.sock' }],
    ['https://prod', https('prod', 7443)],
    ['https://192.0.2.7:99/', https('192.0.2.7', 99)],
    ['https://[2001:db8::1]:99', https('2001:db8::1', 99)],
    ['ssh://prod', ssh({ host: 'prod' })],
    ['ssh://ann@prod:2222/run/x.sock', ssh({ host: 'prod', user: 'ann', port: '2222', socketPath: '/run/x.sock' })],
  ])('%s is understood', (host, way) => {
    expect(wayOf(host, {})).toEqual(way)
  })

  test.each([
    'http://prod:80',
    'tcp://prod:2375',
    'prod',
    'ssh://-oProxyCommand=x',
    'ssh://-lroot@prod',
    'ssh://ann@-x',
    'ssh://a b',
    'ssh://prod/$(x)',
    'ssh://prod/a;b',
    'ssh://ann:secret@prod',
    'https://ann:secret@prod',
    'https://prod/path',
    'ssh://prod\n',
  ])('%j is refused', (host) => {
    expect(() => wayOf(host, {})).toThrow('cannot reach a daemon')
  })
})

test('the words of ssh stand each by itself, and none after the guard is an option', () => {
  const words = sshArguments({ kind: 'ssh', host: 'prod', user: 'ann', port: '22', socketPath: '/s.sock' }, '/run/c')
  expect(words.slice(words.indexOf('--'))).toEqual(['--', 'prod', 'evenkeel', 'dial-stdio', '--socket', '/s.sock'])
  expect(words).toEqual(expect.arrayContaining(['-l', 'ann', '-p', '22', 'ControlPath=/run/c/%C']))
})

describe('contexts', () => {
  const CONTEXT = { host: 'https://prod:7443', token: 'ek_x' }

  function aFile() {
    const environment = { XDG_CONFIG_HOME: temporaryFolder(), EVENKEEL_TOKEN: 'ek_other' }
    writeContexts(environment, { current: 'prod', contexts: { prod: CONTEXT, lab: { host: 'ssh://lab' } } })
    return environment
  }

  test('are kept where their owner alone may read them', () => {
    const environment = aFile()
    expect(statSync(contextsPath(environment)).mode & 0o777).toBe(0o600)
    expect(readContexts(environment).contexts.prod).toEqual(CONTEXT)
  })

  test('that others may read are refused', () => {
    const environment = aFile()
    chmodSync(contextsPath(environment), 0o640)
    expect(() => readContexts(environment)).toThrow('others may read')
  })

  test('are chosen by the command line, then the environment, then what is in use', () => {
    const environment = aFile()
    const url = (asked: object, more: object = {}) =>
      daemonAddress({ ...NOTHING, ...asked }, { ...environment, ...more }, 0).url
    expect(url({})).toBe('https://prod:7443')
    expect(url({ context: 'lab' }, { EVENKEEL_HOST: 'unix:///e' })).toBe('ssh://lab')
    expect(url({ host: 'unix:///h', context: 'lab' })).toBe('unix:///h')
    expect(url({}, { EVENKEEL_HOST: 'unix:///e' })).toBe('unix:///e')
    expect(url({}, { EVENKEEL_CONTEXT: 'lab' })).toBe('ssh://lab')
    expect(url({}, { EVENKEEL_SOCKET: '/s' })).toBe('unix:///s')
    expect(() => url({ context: 'nowhere' })).toThrow('there is no context nowhere')
  })

  test('bring their own token, and hand no other one out', () => {
    const environment = aFile()
    const token = (asked: object) => daemonAddress({ ...NOTHING, ...asked }, environment, 0).token
    expect(token({})).toBe('ek_x')
    expect(token({ host: 'https://elsewhere' })).toBe('ek_other')
  })

  test('are none without a file', () => {
    expect(readContexts({ HOME: join(temporaryFolder(), 'none') })).toEqual({ current: undefined, contexts: {} })
  })
})

describe('how long a token lasts', () => {
  test.each<[string, number | null]>([
    ['30m', 1800],
    ['12h', 43_200],
    ['90d', 7_776_000],
    ['2w', 1_209_600],
    ['never', null],
  ])('%s', (text, seconds) => {
    expect(lifetimeSeconds(text)).toBe(seconds)
  })

  test.each(['', '0d', '90', 'd', '-1d', '1y'])('is not "%s"', (text) => {
    expect(() => lifetimeSeconds(text)).toThrow('no time')
  })
})
