/** A new version beside the old one on a real Engine: canary, blue-green, promote and abort, and what becomes of one that fails. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-canary-${process.pid}`
const ROUTES = 18_400 + (process.pid % 100)

const folder = temporaryFolder('canary')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })
const start = () => daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`] })

const web = (version: string, more: object = {}) => ({
  image: 'ek-lab/app:1',
  scale: 2,
  restart: 'always',
  environment: { VERSION: version },
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '500ms',
    retries: 2,
    start_period: '20s',
  },
  'x-evenkeel': { routes: [{ path: '/', port: 8080 }], drain: '1s' },
  ...more,
})
const worker = (version: string) => ({ image: 'ek-lab/sleep:1', environment: { VERSION: version } })
const write = (services: object) =>
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
const ek = (...args: string[]) => daemon.must(args, at)
const refused = async (...args: string[]) => {
  const { code, stderr } = await daemon.ek(args, at)
  expect(code).not.toBe(0)
  return stderr
}

async function ask(path = '/', method = 'GET'): Promise<string> {
  const { status, text } = await engineCall(`tcp://127.0.0.1:${ROUTES}`, method, path, { timeoutMs: 5000 })
  return status === 200 ? (JSON.parse(text).version ?? text) : `status ${status}`
}
/** How many of a hundred requests each version answered. */
async function answers(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let asked = 0; asked < 100; asked += 1) {
    const version = await ask().catch((error: Error) => error.message)
    counts[version] = (counts[version] ?? 0) + 1
  }
  return counts
}
/** HAProxy's round under way when weights change ends as it began, and no hundred need end with a round: up to three are let pass. */
async function mustShare(expected: Record<string, number>): Promise<void> {
  const isRight = (of: Record<string, number>): boolean =>
    Object.keys({ ...of, ...expected }).every((one) => Math.abs((of[one] ?? 0) - (expected[one] ?? 0)) <= 2)
  const seen: Record<string, number>[] = []
  for (let hundreds = 0; hundreds < 4; hundreds += 1) {
    seen.push(await answers())
    if (isRight(seen.at(-1)!)) return
  }
  expect.fail(`not ${JSON.stringify(expected)}, but ${JSON.stringify(seen)}`)
}
async function containers(): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const found = await engineJson(ENGINE, 'GET', `/containers/json?filters=${filters}`)
  return found.map(({ Names }: { Names: string[] }) => Names[0]!.replace(`/${STACK}-`, '')).sort()
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  await ensureIngressImage(ENGINE)
  await start()
  write({ web: web('1'), worker: worker('1') })
  await ek('up', '-d')
})
afterEach(async () => {
  await daemon.ek(['abort'], at)
  write({ web: web('1'), worker: worker('1') })
  await ek('up', '-d')
})
afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('a canary', () => {
  test('has its share, is shown, and is everywhere once it is promoted', async () => {
    write({ web: web('2'), worker: worker('2') })
    const { stdout: planned } = await ek('deploy', '--canary', '10%', '--dry-run')
    expect(planned).toMatch(/canary: 10 % of web goes to revision \d+/)
    expect(planned).toContain('Not until it is promoted: worker')
    await ek('deploy', '--canary', '10%')
    expect(await containers()).toEqual(['web-1', 'web-1.canary', 'web-2', 'worker-1'])
    await mustShare({ 1: 90, 2: 10 })
    expect((await ek('ps')).stderr).toContain('canary: 10 % of web goes to revision')
    expect((await ek('history')).stdout).toContain('canary 10 %')
    expect((await ek('ls')).stdout).toContain('canary 10 %')
    await ek('deploy', '--canary', '60%')
    expect(await containers()).toContain('web-2.canary')
    await mustShare({ 1: 40, 2: 60 })
    await ek('promote')
    expect(await containers()).toEqual(['web-1', 'web-2', 'worker-1'])
    expect(await answers()).toEqual({ 2: 100 })
    const { Config } = await engineJson(ENGINE, 'GET', `/containers/${STACK}-worker-1/json`)
    expect(Config.Env).toContain('VERSION=2')
  })

  test('refuses what would go past it, and goes with its abort', async () => {
    write({ web: web('2'), worker: worker('1') })
    await ek('deploy', '--canary', '50%')
    write({ web: web('3'), worker: worker('1') })
    for (const words of [['up', '-d'], ['plan'], ['rollback'], ['eject'], ['deploy', '--canary', '50%']])
      expect(await refused(...words)).toMatch(/canary of stack .* is under way.*\n.*evenkeel promote/)
    await ek('scale', 'web=3')
    await mustShare({ 1: 50, 2: 50 })
    await ek('hold')
    expect(await refused('promote')).toContain('held')
    await ek('resume')
    await ek('abort')
    expect(await containers()).toEqual(['web-1', 'web-2', 'web-3', 'worker-1'])
    expect(await answers()).toEqual({ 1: 100 })
    expect(await refused('promote')).toContain('nothing of stack')
    await ek('scale', 'web=2')
  })

  test('is refused where it cannot be had, with what to do', async () => {
    write({ web: web('2', { deploy: { update_config: { order: 'stop-first' } } }), worker: worker('1') })
    expect(await refused('deploy', '--canary', '10%')).toMatch(/two of it cannot be there at a time/)
    write({ web: web('1'), worker: worker('2') })
    expect(await refused('deploy', '--canary', '10%')).toMatch(/nothing that the ingress serves.*\n.*evenkeel up/)
    expect(await refused('deploy', '--canary', '100%')).toContain('from 1% to 99%')
    expect(await containers()).toEqual(['web-1', 'web-2', 'worker-1'])
  })

  test('goes by itself when it fails, and the stack says why', async () => {
    const environment = { VERSION: '2', UNHEALTHY_AFTER_MS: '8000' }
    write({ web: web('2', { environment }), worker: worker('1') })
    await ek('deploy', '--canary', '50%')
    const aborted = await until('it is aborted', endedAbort)
    expect((await containers()).filter((name) => name.endsWith('.canary'))).toEqual([])
    expect(aborted.state).toBe('failed')
    expect(aborted.error.detail).toMatch(/the canary of revision \d+ has failed: container .*web-1.canary/)
    await until('what served serves', async () => (await ask()) === '1')
  })

  const endedAbort = async () => {
    const { stdout } = await ek('history', '--deployments', '-n', '5', '--format', 'json')
    return JSON.parse(stdout).find(
      (one: { kind: string; requestedBy: string; endedAt?: string }) =>
        one.kind === 'abort' && one.requestedBy === 'evenkeel' && one.endedAt !== undefined,
    )
  }

  test('that never turns healthy is taken back before anything comes to it', async () => {
    const sick = { healthcheck: { test: ['CMD', 'false'], interval: '200ms', retries: 1 } }
    write({ web: web('2', sick), worker: worker('1') })
    expect(await refused('deploy', '--canary', '50%')).toMatch(/web-1.canary is unhealthy/)
    expect(await answers()).toEqual({ 1: 100 })
    expect(await containers()).toEqual(['web-1', 'web-2', 'worker-1'])
  })

  test('goes on where it was after a crash of the daemon', async () => {
    write({ web: web('2'), worker: worker('1') })
    await ek('deploy', '--canary', '20%')
    await daemon.kill()
    await mustShare({ 1: 80, 2: 20 })
    await start()
    expect((await ek('ps')).stderr).toContain('canary: 20 % of web')
    await ek('promote')
    expect(await answers()).toEqual({ 2: 100 })
  })
})

describe('a blue-green deployment', () => {
  test('stands by where it is asked to, switches with promote, and back with abort', async () => {
    write({ web: web('2'), worker: worker('1') })
    await ek('deploy', '--blue-green', '--by-hand')
    expect(await containers()).toEqual(['web-1', 'web-1.green', 'web-2', 'web-2.green', 'worker-1'])
    expect(await answers()).toEqual({ 1: 100 })
    await ek('promote')
    expect(await answers()).toEqual({ 2: 100 })
    await ek('abort')
    expect(await answers()).toEqual({ 1: 100 })
    expect(await containers()).toEqual(['web-1', 'web-2', 'worker-1'])
  })

  test('is promoted by itself once its time for an abort is over', async () => {
    write({ web: web('2'), worker: worker('1') })
    const { stderr } = await ek('deploy', '--blue-green', '--keep', '2s')
    expect(stderr).toMatch(/it is promoted at/)
    expect(await answers()).toEqual({ 2: 100 })
    await until('it is promoted', async () => !(await containers()).some((name) => name.endsWith('.green')))
    expect(await answers()).toEqual({ 2: 100 })
    expect(await containers()).toEqual(['web-1', 'web-2', 'worker-1'])
  })
})
