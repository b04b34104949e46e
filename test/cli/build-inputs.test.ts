/** What of this machine goes into builds and containers besides files: SSH agents, proxy settings; and checks of Dockerfiles. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { runProgram, startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINES = testEngines()
const KEY = join(import.meta.dirname, '../fixtures/ssh/key-ed25519-256')
/** The first message of any agent: how many keys there are, told by its last bytes. */
const COUNT_KEYS = `
const socket = require('node:net').createConnection(process.env.SSH_AUTH_SOCK)
socket.write(Buffer.of(0, 0, 0, 1, 11))
socket.once('data', (data) => { console.log('keys: ' + data.readUInt32BE(5)); socket.end() })
`

describe.each(ENGINES)('builds on %s', (engine) => {
  const stack = `ektest-inputs-${process.pid}`
  const folder = temporaryFolder('inputs')
  let daemon: Awaited<ReturnType<typeof startDaemon>>
  let checks: boolean

  const write = (path: string, text: string) => {
    mkdirSync(join(folder.path, path, '..'), { recursive: true })
    writeFileSync(join(folder.path, path), text)
  }
  /** Nothing of this machine's own settings. */
  const at = (env: Record<string, string> = {}) => ({
    cwd: folder.path,
    env: { DOCKER_CONFIG: join(folder.path, 'none'), SSH_AUTH_SOCK: '', ...env },
  })
  const inspect = async (container: string): Promise<{ Config: { Env: string[]; Labels: Record<string, string> } }> =>
    engineJson(engine, 'GET', `/containers/${container}/json`)

  beforeAll(async () => {
    await ensureImages(engine)
    daemon = await startDaemon(engine, 'inputs')
    const { ApiVersion } = await engineJson(engine, 'GET', '/version')
    checks = Number(ApiVersion.split('.')[1]) >= 46
    write('keys/count.cjs', COUNT_KEYS)
    write(
      'keys/Dockerfile',
      'FROM ek-lab/app:1\nARG AT=0\nCOPY count.cjs /\nRUN --mount=type=ssh node /count.cjs && echo $AT\n',
    )
    write('bad/Dockerfile', 'FROM ek-lab/sleep:1 as Base\nARG pw\nENV A b\nCMD echo hi\n')
    write('good/Dockerfile', 'FROM ek-lab/sleep:1\nCMD ["true"]\n')
    write('proxy/Dockerfile', 'FROM ek-lab/sleep:1\nRUN echo "$HTTPS_PROXY $NO_PROXY" > /proxy\n')
    const services = {
      keys: { build: { context: './keys', ssh: [`default=${KEY}`] } },
      agent: { build: { context: './keys', ssh: ['default'] }, stop_grace_period: '1s' },
      bad: { build: './bad' },
      good: { build: './good' },
      inline: { build: { context: './good', dockerfile_inline: 'FROM ek-lab/sleep:1\nWAT\n' } },
      proxy: {
        build: { context: './proxy', args: { NO_PROXY: 'file' } },
        environment: { http_proxy: 'own', no_proxy: '' },
        stop_grace_period: '1s',
        network_mode: 'none',
      },
    }
    write('compose.yaml', JSON.stringify({ name: stack, services }))
  })
  afterAll(async () => {
    await daemon.ek(['-p', stack, 'down', '--rmi', 'all'], at())
    await daemon.remove()
    await sweep(engine, stack)
    folder.remove()
  })

  test('use a key of the file, or of --ssh, as long as the command runs', async () => {
    const one = await daemon.must(['build', '--build-arg', `AT=${Date.now()}`, 'keys'], at())
    expect(one.stdout).toMatch(/^#\d+ [\d.]+ keys: 1$/m)
    const other = `default=${KEY},${KEY.replace('ed25519-256', 'rsa-2048')}`
    const two = await daemon.must(['build', '--ssh', other, '--build-arg', `AT=${Date.now()}`, 'keys'], at())
    expect(two.stdout).toMatch(/^#\d+ [\d.]+ keys: 2$/m)
  })

  test('that want an agent where there is none say so before anything is done', async () => {
    const { code, stdout, stderr } = await daemon.ek(['build', 'agent'], at())
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set')
    expect((await daemon.ek(['build', '--ssh', 'git', 'agent'], at())).stderr).toContain('invalid ssh key "git"')
  })

  test('are lent an agent by up as well', async () => {
    await daemon.must(['up', '--build', 'keys'], at())
    expect((await daemon.ek(['up', '--build', 'agent'], at())).code).toBe(1)
  })

  test('are checked as Docker Compose checks them', async () => {
    if (!checks) {
      const { code, stderr } = await daemon.ek(['build', '--check', 'bad'], at())
      expect(code).toBe(1)
      expect(stderr).toContain('Engine 27')
      return
    }
    for (const services of [['bad'], ['good'], ['inline'], ['good', 'bad', 'inline']]) {
      const ours = await daemon.ek(['build', '--check', '--quiet', ...services], at())
      const theirs = await runProgram('docker', ['compose', 'build', '--check', '--quiet', ...services], {
        cwd: folder.path,
        env: { ...process.env, DOCKER_HOST: engine },
      })
      expect({ code: ours.code, stdout: ours.stdout }).toEqual({ code: theirs.code, stdout: theirs.stdout })
    }
    const { status } = await engineCall(engine, 'GET', `/images/${stack}-good/json`, { accept: [404] })
    expect(status).toBe(404)
  })

  test('and containers know the proxies of config.json, below what the file says', async () => {
    const proxies = { default: { httpProxy: 'http://p:1', httpsProxy: 'http://p:2', noProxy: 'local' } }
    write('docker/config.json', JSON.stringify({ proxies }))
    symlinkSync(join(homedir(), '.docker/cli-plugins'), join(folder.path, 'docker/cli-plugins'))
    const given = at({ DOCKER_CONFIG: join(folder.path, 'docker') })
    await daemon.must(['up', 'proxy'], given)
    const ours = await inspect(`${stack}-proxy-1`)
    expect((await daemon.must(['exec', 'proxy', 'cat', '/proxy'], given)).stdout).toBe('http://p:2 file\n')
    const oneOff = await daemon.must(['run', '--rm', '--entrypoint', 'env', 'proxy'], given)
    expect(oneOff.stdout).toContain('HTTP_PROXY=http://p:1\n')
    expect(oneOff.stdout).toContain('http_proxy=own\n')

    const theirName = `${stack}-c`
    const compose = (...args: string[]) =>
      runProgram('docker', ['compose', '-p', theirName, ...args], {
        cwd: folder.path,
        env: { ...process.env, DOCKER_HOST: engine, DOCKER_CONFIG: join(folder.path, 'docker') },
      })
    try {
      expect((await compose('create', '--build', 'proxy')).code).toBe(0)
      const theirs = await inspect(`${theirName}-proxy-1`)
      expect([...ours.Config.Env].sort()).toEqual([...theirs.Config.Env].sort())
      const hash = 'com.docker.compose.config-hash'
      expect(ours.Config.Labels[hash]).toBe(theirs.Config.Labels[hash])
    } finally {
      await compose('down', '--rmi', 'all')
    }
  })

  test('that other proxies are set for make no container anew', async () => {
    const before = await daemon.must(['ps', '-q', 'proxy'], at())
    write('docker/config.json', JSON.stringify({ proxies: { default: { httpProxy: 'http://q:1' } } }))
    await daemon.must(['up', 'proxy'], at({ DOCKER_CONFIG: join(folder.path, 'docker') }))
    expect((await daemon.must(['ps', '-q', 'proxy'], at())).stdout).toBe(before.stdout)
  })
})
