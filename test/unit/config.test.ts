import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../daemon/config.ts'
import { rejectionOf } from './support/problems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

async function configOf(
  argv: readonly string[],
  environment: Record<string, string> = {},
  uid: number | undefined = 1000,
) {
  const invocation = await readConfig(argv, { HOME: '/home/u', ...environment }, uid)
  if (invocation.kind !== 'run') throw new Error(invocation.kind)
  return invocation.config
}

function fileWith(text: string): string {
  const path = join(temporaryFolder(), 'evenkeel.yaml')
  writeFileSync(path, text)
  return path
}

describe('a setting', () => {
  const environment = { EVENKEEL_STATE: '/from/environment', EVENKEEL_ENGINE: 'unix:///environment' }

  test('is the flag’s before the environment’s', async () => {
    expect((await configOf(['--state', '/from/flag'], environment)).state).toBe('/from/flag')
  })

  test('is the environment’s before the file’s', async () => {
    const file = fileWith('state: /from/file\nengine: unix:///file\n')
    expect(await configOf(['--config', file], environment)).toMatchObject({
      state: '/from/environment',
      engine: 'unix:///environment',
    })
  })

  test('is the file’s before the default', async () => {
    const file = fileWith('state: /from/file\nlogLevel: debug\n')
    expect(await configOf(['--config', file])).toMatchObject({ state: '/from/file', logLevel: 'debug' })
  })

  test('is not what an empty variable says', async () => {
    expect((await configOf([], { EVENKEEL_STATE: '' })).state).toBe('/home/u/.local/state/evenkeel')
  })

  test('cannot be changed later', async () => {
    expect(Object.isFrozen(await configOf([]))).toBe(true)
  })
})

test('files of secrets go to the folder that is named, else to where most machines have memory', async () => {
  const folders = async (argv: string[], environment = {}, uid = 1000) =>
    (await configOf(argv, environment, uid)).secretsFolders
  expect(await folders(['--secrets', '/mnt/memory'])).toEqual(['/mnt/memory'])
  expect(await folders([], {}, 0)).toEqual(['/run/evenkeel-secrets', '/dev/shm/evenkeel-secrets'])
  expect(await folders([], { XDG_RUNTIME_DIR: '/run/user/1000' })).toEqual([
    '/run/user/1000/evenkeel-secrets',
    '/dev/shm/evenkeel-secrets-1000',
  ])
  expect(await readConfig(['--fill-secrets'], {}, 0)).toMatchObject({ kind: 'fill-secrets' })
})

describe('a hold', () => {
  test('is asked for by the flag or the environment', async () => {
    expect((await configOf([])).hold).toBe(false)
    expect((await configOf(['--hold'])).hold).toBe(true)
    expect((await configOf([], { EVENKEEL_HOLD: '1' })).hold).toBe(true)
    expect((await configOf([], { EVENKEEL_HOLD: 'false' })).hold).toBe(false)
  })

  test('is not guessed from a variable that says neither yes nor no', async () => {
    expect((await rejectionOf(configOf([], { EVENKEEL_HOLD: 'maybe' }))).code).toBe('bad-request')
  })
})

describe('defaults', () => {
  test('of root are the folders of the system', async () => {
    expect(await configOf([], {}, 0)).toMatchObject({
      socket: '/run/evenkeel/evenkeel.sock',
      state: '/var/lib/evenkeel',
      engine: undefined,
      logLevel: 'info',
    })
  })

  test('of a user are those of XDG', async () => {
    expect(await configOf([], { XDG_RUNTIME_DIR: '/run/user/1000', XDG_STATE_HOME: '/state' })).toMatchObject({
      socket: '/run/user/1000/evenkeel/evenkeel.sock',
      state: '/state/evenkeel',
    })
  })
})

describe('how long history is kept', () => {
  test('has defaults', async () => {
    expect((await configOf([])).history).toEqual({
      events: 20_000,
      eventDays: 90,
      deployments: 200,
      deploymentDays: 365,
      logMib: 50,
      logDays: 7,
    })
  })

  test('is the flag’s before the file’s, where numbers need no quotes', async () => {
    const file = fileWith('keepEvents: 500\nkeepDeployments: "7"\n')
    const { history } = await configOf(['--config', file, '--keep-events', '9', '--keep-event-days', '3'])
    expect(history).toMatchObject({ events: 9, eventDays: 3, deployments: 7 })
  })

  test.each(['0', '-1', '1.5', 'x', '1000000000'])('is not "%s"', async (text) => {
    expect((await rejectionOf(configOf([`--keep-deployment-days=${text}`]))).code).toBe('bad-request')
  })
})

test('a restore and a rebuild are told apart from a run, and exclude each other', async () => {
  expect(await readConfig(['--restore', 'b.tar'], {}, 0)).toMatchObject({ kind: 'restore', file: 'b.tar' })
  expect(await readConfig(['--rebuild'], {}, 0)).toMatchObject({ kind: 'rebuild' })
  expect((await rejectionOf(readConfig(['--rebuild', '--restore', 'b.tar'], {}, 0))).code).toBe('bad-request')
})

test('help and version are told', async () => {
  expect(await readConfig(['--help'], {}, 0)).toEqual({ kind: 'help' })
  expect(await readConfig(['-v'], {}, 0)).toEqual({ kind: 'version' })
})

describe('what is wrong is told as a problem', () => {
  test.each([
    ['an unknown flag', ['--nonsense']],
    ['a word too many', ['start']],
    ['a flag without its value', ['--state']],
    ['a log level that there is not', ['--log-level', 'loud']],
    ['a config file that is not there', ['--config', '/nowhere/evenkeel.yaml']],
  ])('%s', async (_, argv) => {
    expect((await rejectionOf(configOf(argv))).code).toBe('bad-request')
  })

  test.each([
    ['an unknown key', 'sate: /x\n'],
    ['a value that is no text', 'state: 5\n'],
    ['a relative path', 'state: here\n'],
    ['a list', '- a\n'],
  ])('%s in the config file', async (_, text) => {
    expect((await rejectionOf(configOf(['--config', fileWith(text)]))).code).toBe('bad-request')
  })

  test('a config file that is no YAML', async () => {
    expect((await rejectionOf(configOf(['--config', fileWith('state: "unclosed\n')]))).code).toBe('bad-request')
  })
})

describe('ways in', () => {
  test('are the socket alone, as owner, where nothing is said', async () => {
    expect(await configOf([])).toMatchObject({ socketRole: 'owner', listenSockets: [], https: undefined })
  })

  test('are further sockets, each with its role and group', async () => {
    const argv = ['--listen-socket', '/run/a=b.sock=viewer', '--listen-socket', '/run/dev.sock=developer:staff']
    expect((await configOf(argv)).listenSockets).toEqual([
      { path: '/run/a=b.sock', role: 'viewer', group: undefined },
      { path: '/run/dev.sock', role: 'developer', group: 'staff' },
    ])
    const file = fileWith('socketRole: operations\nlistenSockets: [/run/v.sock=viewer]\n')
    expect(await configOf(['--config', file])).toMatchObject({
      socketRole: 'operations',
      listenSockets: [{ path: '/run/v.sock', role: 'viewer' }],
    })
  })

  test('are HTTPS with an own authority, or with certificates of others and no client certificates', async () => {
    expect((await configOf(['--listen', '[::]:7443', '--state', '/s'])).https).toEqual({
      host: '::',
      port: 7443,
      certificate: '/s/tls/server.crt',
      key: '/s/tls/server.key',
      clientAuthority: '/s/tls/ca.crt',
    })
    const others = ['--listen', '0.0.0.0:443', '--tls-cert', '/c', '--tls-key', '/k']
    expect((await configOf(others)).https).toMatchObject({ certificate: '/c', clientAuthority: undefined })
  })

  test.each([
    ['--socket-role', 'god'],
    ['--listen-socket', 'relative=viewer'],
    ['--listen-socket', '/x'],
    ['--listen-socket', '/x=nobody'],
    ['--listen', 'http://0.0.0.0:80'],
    ['--listen', '7443'],
    ['--listen', 'host:99999'],
  ])('are not %s %s', async (...argv) => {
    expect((await rejectionOf(configOf(argv))).code).toBe('bad-request')
  })

  test('are bound by the policy of the file', async () => {
    const file = fileWith('policy: { bindRoots: [/srv/www], hostPorts: 8000-8999 }\n')
    expect((await configOf(['--config', file])).policy).toEqual({
      bindRoots: ['/srv/www'],
      hostPorts: { from: 8000, to: 8999 },
      images: ['*'],
      buildContexts: [],
      logDrivers: [],
      externals: [],
    })
  })
})

describe('certificates', () => {
  const acmeOf = async (argv: string[], environment = {}) => (await configOf(argv, environment)).acme

  test("are asked of Let's Encrypt's staging, and only once somebody agrees to the terms", async () => {
    expect(await acmeOf([])).toMatchObject({
      authority: 'https://acme-staging-v02.api.letsencrypt.org/directory',
      isAgreed: false,
    })
    const file = fileWith('acme: production\nacmeTerms: agreed\nacmeEmail: ops@example.com\n')
    expect(await acmeOf(['--config', file])).toMatchObject({
      authority: 'https://acme-v02.api.letsencrypt.org/directory',
      isAgreed: true,
      email: 'ops@example.com',
    })
    expect((await acmeOf([], { EVENKEEL_ACME: 'https://ca.example/dir' })).authority).toBe('https://ca.example/dir')
  })

  test.each([
    [['--acme', 'prod'], 'prod is no authority'],
    [['--acme', 'http://ca.example/dir'], 'is no authority'],
    [['--acme-terms', 'yes'], '--acme-terms is "yes"'],
    [['--acme-email', 'ops'], 'ops is no e-mail address'],
    [['--acme-email', 'a@b.c,mailto:d@e.f'], 'is no e-mail address'],
    [['--acme-ca', '/nowhere/ca.crt'], 'cannot read /nowhere/ca.crt'],
    [['--acme-dns-hook', '/nowhere/hook'], 'is no program that can be run'],
  ])('are not set by %j', async (argv, message) => {
    expect((await rejectionOf(configOf(argv))).message).toContain(message)
  })
})

describe('the ingress', () => {
  test('is HAProxy on port 80, unless told otherwise', async () => {
    expect((await configOf([])).ingress).toEqual({
      image: 'haproxy:2.6',
      http: { host: '0.0.0.0', port: 80 },
      https: { host: '0.0.0.0', port: 443 },
    })
    const file = fileWith('ingressImage: ours/haproxy:1\ningressHttp: "[::1]:8080"\n')
    expect((await configOf(['--config', file])).ingress).toEqual({
      image: 'ours/haproxy:1',
      http: { host: '::1', port: 8080 },
      https: { host: '0.0.0.0', port: 443 },
    })
    expect((await configOf(['--ingress-image', 'none'])).ingress.image).toBeUndefined()
  })

  test.each(['80', 'localhost:80', '0.0.0.0:0', '0.0.0.0:70000', '0.0.0.0 ssl:80'])('is not at %s', async (address) => {
    expect((await rejectionOf(configOf(['--ingress-http', address]))).message).toContain('is no ADDRESS:PORT')
  })
})
