/** What the loop does about containers that people and programs mistreat, end to end on a real Engine. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-healing-${process.pid}`
const SUBNET = '10.213.7.0/24'
const healthcheck = { test: ['CMD-SHELL', 'test ! -e /tmp/sick'], interval: '1s', timeout: '5s', retries: 1 }
const sleep = { image: 'ek-lab/sleep:1', stop_grace_period: '1s' }

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('healing')
const at = { cwd: folder.path }
const writeFile = (path: string, model: object) => writeFileSync(path, JSON.stringify(model))
const name = (service: string) => `${STACK}-${service}-1`
const inspect = (service: string) => engineJson(ENGINE, 'GET', `/containers/${name(service)}/json`)
const call = (method: string, service: string, path = '', body?: object) =>
  engineCall(ENGINE, method, `/containers/${name(service)}${path}`, body === undefined ? {} : { body })

interface Shown {
  readonly Service: string
  readonly Status: string
  readonly CrashLoop?: { readonly exitCode: number; readonly lastLines: readonly string[] }
  readonly Drift?: readonly { readonly field: string; readonly actual: string }[]
}

async function shown(service: string): Promise<Shown> {
  const { stdout } = await daemon.must(['ps', '-a', '--format', 'json'], at)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Shown)
  return rows.find(({ Service }) => Service === service)!
}

async function listed(): Promise<{ Condition: string; Reason?: string }> {
  const { stdout } = await daemon.must(['ls', '-a', '--format', 'json', '--filter', `name=^${STACK}$`])
  return JSON.parse(stdout)[0]
}

async function makeSick(service: string): Promise<void> {
  const { Id } = await engineJson(ENGINE, 'POST', `/containers/${name(service)}/exec`, {
    body: { Cmd: ['touch', '/tmp/sick'] },
  })
  await engineCall(ENGINE, 'POST', `/exec/${Id}/start`, { body: { Detach: true } })
}

beforeAll(async () => {
  daemon = await startDaemon(ENGINE, 'healing')
  writeFile(join(folder.path, 'compose.yaml'), {
    name: STACK,
    services: {
      sick: { ...sleep, healthcheck },
      // Seldom asked: it looks unhealthy for a while once it was paused.
      calm: { ...sleep, healthcheck: { ...healthcheck, interval: '3s' } },
      data: { ...sleep, healthcheck, volumes: ['data:/data'] },
      web: { ...sleep, mem_limit: '64m', restart: 'always' },
      crash: { ...sleep, entrypoint: ['sh', '-c', 'echo the last word; exit 3'], restart: 'always' },
    },
    volumes: { data: {} },
    networks: { default: { ipam: { config: [{ subnet: SUBNET }] } } },
  })
  await daemon.must(['up'], at)
})

afterAll(async () => {
  await daemon.ek(['down', '-v', '-t', '0'], at)
  await sweep(ENGINE, STACK)
  await daemon.remove()
  folder.remove()
})

describe('a container that is unhealthy', () => {
  test('is made anew where it keeps no data, and is well again', async () => {
    const { Id } = await inspect('sick')
    await makeSick('sick')
    await until('it is another one, and healthy', async () => {
      const now = await inspect('sick')
      return now.Id !== Id && now.State.Health.Status === 'healthy'
    })
  })

  test('only because it was paused is left as it is: no check of it failed', async () => {
    const isHealthy = async () => (await inspect('calm')).State.Health.Status === 'healthy'
    const image = `${STACK}-calm:committed`
    onTestFinished(async () => void (await engineCall(ENGINE, 'DELETE', `/images/${image}`)))
    const byHand = async () => {
      for (const path of ['/pause', '/unpause']) await call('POST', 'calm', path)
    }
    const { Id } = await inspect('calm')
    for (const pause of [byHand, () => daemon.must(['commit', 'calm', image], at)]) {
      await until('it was asked', isHealthy)
      await pause()
      await until('it is asked again', isHealthy)
      expect((await inspect('calm')).Id).toBe(Id)
    }
  })

  test('is left as it is where it has data, and reported', async () => {
    const { Id } = await inspect('data')
    await makeSick('data')
    await until('it is reported', async () => {
      const { Reason = '' } = await listed()
      return Reason.includes('it can write to /data')
    })
    expect((await inspect('data')).Id).toBe(Id)
  })
})

describe('a container that somebody laid hands on', () => {
  test('is put back on the network that it was taken off, with its names', async () => {
    await engineCall(ENGINE, 'POST', `/networks/${STACK}_default/disconnect`, { body: { Container: name('web') } })
    const networks = await until('it is on its network', async () => {
      const { NetworkSettings } = await inspect('web')
      return Object.keys(NetworkSettings.Networks).length > 0 && NetworkSettings.Networks
    })
    expect(networks[`${STACK}_default`].Aliases).toContain(`1.web.${STACK}`)
  })

  test('has its name again', async () => {
    const { Id } = await inspect('web')
    await engineCall(ENGINE, 'POST', `/containers/${Id}/rename?name=${STACK}-moved`)
    await until('it is called as it was', async () => (await inspect('web')).Id === Id)
  })

  test('is started once after a stop, and the second time left alone and reported, until somebody starts it', async () => {
    await call('POST', 'sick', '/stop?t=0')
    await until('it runs again', async () => (await inspect('sick')).State.Running)
    await call('POST', 'sick', '/stop?t=0')
    await until('it is reported', async () => (await listed()).Reason?.includes(`${name('sick')} was stopped past`))
    expect((await inspect('sick')).State.Running).toBe(false)
    await daemon.must(['start', 'sick'], at)
    expect((await inspect('sick')).State.Running).toBe(true)
  })

  test('shows what was changed of it, in ps and in plan', async () => {
    await call('POST', 'web', '/update', { Memory: 128 * 1024 ** 2, MemorySwap: 256 * 1024 ** 2 })
    expect((await shown('web')).Drift).toEqual([{ field: 'mem_limit', declared: '67.11MB', actual: '134.2MB' }])
    const { stdout } = await daemon.must(['plan'], at)
    expect(stdout).toContain(`${name('web')}: mem_limit is 134.2MB, declared 67.11MB`)
  })
})

describe('a container that crashes again and again', () => {
  test('shows so, with its exit code and its last lines', async () => {
    const crash = await until('it is known to', async () => (await shown('crash')).CrashLoop, { everyMs: 500 })
    expect(crash).toMatchObject({ exitCode: 3, outOfMemory: false })
    expect(crash.lastLines.at(-1)).toBe('the last word')
    expect(await listed()).toMatchObject({ Condition: 'crash-looping' })
    expect((await daemon.must(['ps'], at)).stdout).toMatch(/crash-looping \(exit 3, \d+ times\)/)
  })
})

describe('names', () => {
  test('resolve inside as `ek dns` lists them', async () => {
    const { stdout } = await daemon.must(['dns', STACK, '--format', 'json'])
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const own = names.find((entry) => entry.name === `1.web.${STACK}`)
    expect(own).toMatchObject({ network: `${STACK}_default`, targets: [{ container: name('web') }] })
    const lookup = await daemon.must(['exec', '-T', 'data', 'nslookup', `web.${STACK}`], at)
    expect(lookup.stdout).toContain(own.targets[0].address)
  })
})

describe('a subnet that another network has', () => {
  test('is refused in words, and nothing is made', async () => {
    const other = temporaryFolder('healing-other')
    writeFile(join(other.path, 'compose.yaml'), {
      name: `${STACK}-other`,
      services: { web: sleep },
      networks: { default: { ipam: { config: [{ subnet: SUBNET }] } } },
    })
    try {
      const { code, stderr } = await daemon.ek(['up'], { cwd: other.path })
      expect(code).toBe(1)
      expect(stderr).toContain(`its subnet ${SUBNET} overlaps ${SUBNET} of network ${STACK}_default`)
      const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}-other`] }))
      expect(await engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${filters}`)).toEqual([])
    } finally {
      await daemon.ek(['down'], { cwd: other.path })
      other.remove()
    }
  })
})
