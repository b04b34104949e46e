/** Services and models that are no containers: programs of this machine make them ready, and the daemon knows of them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINES = testEngines()
const PROGRAMS = join(import.meta.dirname, '../fixtures/programs')

describe.each(ENGINES)('programs on %s', (engine) => {
  const stack = `ektest-programs-${process.pid}`
  const folder = temporaryFolder('programs')
  const log = join(folder.path, 'log')
  let daemon: Awaited<ReturnType<typeof startDaemon>>

  const at = () => ({
    cwd: folder.path,
    env: { DOCKER_CONFIG: folder.path, EKTEST_LOG: log, PATH: `${join(PROGRAMS, 'bin')}:${process.env.PATH}` },
  })
  /** What the provider was told since the last time. */
  const calls = () => {
    const text = readFileSync(log, 'utf8')
    writeFileSync(log, '')
    return text.split('\n').filter((line) => line.startsWith('compose --project'))
  }
  const containers = async (): Promise<{ Id: string }[]> => {
    const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${stack}`] }))
    return engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)
  }

  beforeAll(async () => {
    await ensureImages(engine)
    daemon = await startDaemon(engine, 'programs')
    const auths = { 'registry.test': { auth: Buffer.from('user:word').toString('base64') } }
    const config = { auths, cliPluginsExtraDirs: [join(PROGRAMS, 'plugins')] }
    writeFileSync(join(folder.path, 'config.json'), JSON.stringify(config))
    const services = {
      web: { image: 'ek-lab/sleep:1', depends_on: ['db'], models: ['llm'], use_api_socket: true },
      db: { provider: { type: 'ektest-provider' } },
    }
    const file = { name: stack, services, models: { llm: { model: 'ai/here' } } }
    writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify(file))
    writeFileSync(log, '')
  })

  afterAll(async () => {
    await sweep(engine, stack)
    await daemon.remove()
    folder.remove()
  })

  test('a plan runs none', async () => {
    expect((await daemon.must(['plan'], at())).stdout).toContain('2 to create')
    expect(calls()).toEqual([])
  })

  test('up runs them, and the container knows what they answered', async () => {
    await daemon.must(['up'], at())
    expect(calls()).toEqual([`compose --project-name=${stack} up db`])
    const [web, ...others] = await containers()
    expect(others).toEqual([])
    const { Config, HostConfig } = await engineJson(engine, 'GET', `/containers/${web!.Id}/json`)
    expect(Config.Env).toContain('DB_URL=https://test/?a=b')
    expect(Config.Env).toContain('LLM_MODEL=ai/here')
    expect(HostConfig.Binds).toEqual(['/var/run/docker.sock:/var/run/docker.sock:rw'])
    const file = await daemon.must(['exec', '-T', 'web', 'cat', '/run/secrets/docker/config.json'], at())
    expect(Object.keys(JSON.parse(file.stdout).auths)).toEqual(['registry.test'])
  })

  test('what they answered is no change the next time', async () => {
    const before = await containers()
    expect((await daemon.must(['plan'], at())).stdout).toContain('No changes')
    await daemon.must(['up'], at())
    expect((await containers()).map(({ Id }) => Id)).toEqual(before.map(({ Id }) => Id))
    calls()
  })

  test('the credentials stand in no model', async () => {
    const { stdout } = await daemon.must(['show', '--values'], at())
    expect(stdout).not.toContain(Buffer.from('user:word').toString('base64'))
  })

  test('down has the provider release what it made, and again where that is asked for again', async () => {
    const down = `compose --project-name=${stack} down db`
    await daemon.must(['down', '-t', '0'], at())
    expect(calls()).toEqual([down])
    expect(await containers()).toEqual([])
    await daemon.must(['down', '-t', '0'], at())
    expect(calls()).toEqual([down])
  })
})
