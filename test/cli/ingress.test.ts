/** The ingress on a real Engine: HAProxy in a container of the daemon's, switches without a gap, and what stays without the daemon. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-ingress-${process.pid}`
const ROUTES = 18_700 + (process.pid % 100)
const PORT = 18_800 + (process.pid % 100)

const folder = temporaryFolder('ingress')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })
const start = () => daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`] })

const web = (version: string, more: object = {}) => ({
  image: 'ek-lab/app:1',
  environment: { VERSION: version },
  healthcheck: { test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'], interval: '500ms' },
  'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: '1s' },
  ...more,
})
const write = (services: object) =>
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
const up = (services: object) => {
  write(services)
  return daemon.must(['up', '-d'], at)
}

/** The version that answers; a status that is no 200 is an error. */
async function asked(port = ROUTES): Promise<string> {
  const { status, text } = await engineCall(`tcp://127.0.0.1:${port}`, 'GET', '/', { timeoutMs: 5000 })
  return status === 200 ? JSON.parse(text).version : `status ${status}`
}
const ingressName = async (): Promise<string[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: ['dev.evenkeel.ingress'], name: ['evenkeel-ingress'] }))
  const containers = await engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${filters}`)
  return containers.flatMap(({ Names, Mounts }: { Names: string[]; Mounts: { Source: string }[] }) =>
    Mounts.some(({ Source }) => Source.startsWith(folder.path)) ? Names : [],
  )
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  await ensureIngressImage(ENGINE)
  await start()
})
afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('a service with a port and start-first', () => {
  const deploy = { update_config: { order: 'start-first' } }
  const service = (version: string) => web(version, { 'x-evenkeel': { drain: '1s' }, ports: [`${PORT}:8080`], deploy })

  test('is served by the ingress, switched without a request that fails, and planned as that', async () => {
    await up({ web: service('1') })
    expect(await asked(PORT)).toBe('1')
    write({ web: service('2') })
    const { stdout } = await daemon.must(['plan'], at)
    expect(stdout).toMatch(/create, start, wait, admit, drain, stop, remove, rename/)
    expect(stdout).toContain('web: start-first, for deploy.update_config.order says so')
    const answers: string[] = []
    let isOver = false
    const asking = (async () => {
      while (!isOver) answers.push(await asked(PORT).catch((error: Error) => error.message))
    })()
    await up({ web: service('2') })
    isOver = true
    await asking
    expect([...new Set(answers)]).toEqual(['1', '2'])
    expect(await asked(PORT)).toBe('2')
  })

  test('is served while the daemon is not there, and by the next one as well', async () => {
    await daemon.kill()
    expect(await asked(PORT)).toBe('2')
    await start()
    await up({ web: service('3') })
    expect(await asked(PORT)).toBe('3')
  })

  test('is served again after its container came back with another address', async () => {
    const name = `${STACK}-web-1`
    await engineCall(ENGINE, 'DELETE', `/containers/${name}?force=true`)
    await until('the container that took its place is served', async () => (await asked(PORT)) === '3')
  })

  test('that cannot live is not seen, and the stack is back where it was', async () => {
    write({ web: { ...service('4'), environment: { VERSION: '4', UNHEALTHY_AFTER_MS: '0' } } })
    const { code, stderr } = await daemon.ek(['up', '-d'], at)
    expect(code).toBe(1)
    expect(stderr).toMatch(/is unhealthy(.|\n)*its last lines:(.|\n)*the stack is back on revision 3/)
    expect(await asked(PORT)).toBe('3')
  })

  test('leaves nothing of the ingress when it goes as the last one', async () => {
    expect(await ingressName()).toHaveLength(1)
    await daemon.must(['down', '-t', '0'], at)
    expect(await ingressName()).toEqual([])
  })
})

test('a port that the Engine published moves to the ingress with the next deploy, and the plan says at what cost', async () => {
  const service = (version: string, more: object = {}) =>
    web(version, { 'x-evenkeel': { drain: '1s' }, ports: [`${PORT}:8080`], ...more })
  await up({ web: service('1') })
  const startFirst = { deploy: { update_config: { order: 'start-first' } } }
  write({ web: service('2', startFirst) })
  const { stderr } = await daemon.must(['plan'], at)
  expect(stderr).toContain('moves from the Engine to the ingress: this once there is a gap')
  await up({ web: service('2', startFirst) })
  expect(await asked(PORT)).toBe('2')
  await up({ web: service('3', startFirst) })
  expect(await asked(PORT)).toBe('3')
  await up({ web: service('4') })
  await until('the Engine has the port again', async () => (await asked(PORT).catch(() => '')) === '4')
  await daemon.must(['down', '-t', '0'], at)
})

test('a port that the ingress of another daemon serves is not shared with it, but refused', async () => {
  await up({ web: web('1', { 'x-evenkeel': { routes: [{ path: '/', port: 8080 }] } }) })
  const elsewhere = temporaryFolder('ingress-2')
  const other = new LabDaemon({ engine: ENGINE, folder: elsewhere.path })
  try {
    await other.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`] })
    const services = { web: web('2', { 'x-evenkeel': { routes: [{ path: '/', port: 8080 }] } }) }
    writeFileSync(join(elsewhere.path, 'compose.yaml'), JSON.stringify({ name: `${STACK}-2`, services }))
    const { code, stderr } = await other.ek(['up', '-d'], { cwd: elsewhere.path })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/cannot bind socket(.|\n)*maybe the ingress of another evenkeeld/)
    const answers = await Promise.all(Array.from({ length: 50 }, () => asked()))
    expect([...new Set(answers)]).toEqual(['1'])
  } finally {
    await other.ek(['-p', `${STACK}-2`, 'down', '-t', '0'])
    await other.remove()
    await sweep(ENGINE, `${STACK}-2`)
    elsewhere.remove()
  }
  await daemon.must(['down', '-t', '0'], at)
})

test('a wrong route is an error of the file, at its place', async () => {
  write({ web: web('1', { 'x-evenkeel': { routes: [{ hots: 'shop.test' }] } }) })
  const { code, stderr } = await daemon.ek(['up', '-d'], at)
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/Unknown key "hots"(.|\n)*Did you mean "host"/)
})
