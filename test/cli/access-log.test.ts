/** The requests of the ingress as they happen, on a real Engine: of one stack alone, without what may be secret, and none for nobody. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, projectFolder, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-access-${process.pid}`
const OTHER = `${STACK}-other`
const ROUTES = 18_300 + (process.pid % 100)

const folder = temporaryFolder('access')
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })

const up = async (name: string, path: string) => {
  const file = join(folder.path, `${name}.json`)
  const routes = [{ path, port: 8080 }]
  writeFileSync(
    file,
    JSON.stringify({ name, services: { web: { image: 'ek-lab/app:1', 'x-evenkeel': { routes, drain: '1s' } } } }),
  )
  await daemon.must(['-f', file, 'up', '-d'])
}
const ask = async (path: string): Promise<number> =>
  (await engineCall(`tcp://127.0.0.1:${ROUTES}`, 'GET', path, { timeoutMs: 5000, accept: [404, 503] })).status

/** What HAProxy is to tell of: backends that somebody follows. */
const followed = async (): Promise<string> => {
  const socket = connect(join(daemon.state, 'ingress', 'master.sock'))
  socket.end('@1 show map /run/evenkeel/followed.map\n')
  return text(socket)
}

function follow(...args: string[]) {
  const env = { ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}`, NO_COLOR: '1' }
  const child = spawn(join(projectFolder, 'dist/bin/evenkeel'), ['-p', STACK, 'access-log', ...args], { env })
  const seen = { lines: [] as string[], errors: '' }
  child.stdout.setEncoding('utf8').on('data', (more: string) => seen.lines.push(...more.trim().split('\n')))
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    seen.errors += more
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return { seen, ended, stop: () => child.kill('SIGINT') }
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  await ensureIngressImage(ENGINE)
  await daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`] })
  await up(STACK, '/')
  await up(OTHER, '/other')
})
afterAll(async () => {
  for (const stack of [STACK, OTHER]) await daemon.ek(['-p', stack, 'down', '-t', '0'])
  await daemon.remove()
  for (const stack of [STACK, OTHER]) await sweep(ENGINE, stack)
  folder.remove()
})

test('shows each request of its stack, without its query, and none of another one', async () => {
  const { seen, stop, ended } = follow('--format', 'json')
  await until('HAProxy is told', async () => (await followed()).includes(`${STACK}:web`))
  expect(await followed()).not.toContain(OTHER)
  await ask('/other/page')
  await ask('/a/page%22?token=secret')
  await ask('/health')
  await until('both are there', () => seen.lines.length >= 2)
  const entries = seen.lines.map((line) => JSON.parse(line))
  expect(entries).toMatchObject([
    { method: 'GET', path: '/a/page%22', status: 200, service: 'web', container: `${STACK}-web-1`, retries: 0 },
    { method: 'GET', path: '/health', status: 200 },
  ])
  expect(entries[0].client).toMatch(/^127\.0\.0\.1$/)
  expect(Math.abs(Date.parse(entries[0].at) - Date.now())).toBeLessThan(60_000)
  expect(seen.lines.join('\n')).not.toMatch(/secret|other/)
  stop()
  await ended
})

test('has HAProxy tell of nothing while nobody follows', async () => {
  await until('HAProxy is told', async () => (await followed()).trim() === '')
})

test('goes on over a reload, and shows it to people in one line a request', async () => {
  const { seen, stop, ended } = follow('web')
  await until('HAProxy is told', async () => (await followed()).includes(`${STACK}:web`))
  await up(OTHER, '/another')
  await until('a request after the reload is shown', async () => {
    await ask('/after')
    return seen.lines.some((line) => line.includes('/after 200'))
  })
  expect(seen.lines.find((line) => line.includes('/after'))).toMatch(
    new RegExp(`^\\S+Z 127\\.0\\.0\\.1 GET \\S+/after 200 \\d+B \\d+ms ${STACK}-web-1$`),
  )
  stop()
  await ended
})

test('is refused for what the ingress does not have', async () => {
  const { code, stderr } = await daemon.ek(['-p', STACK, 'access-log', 'nosuch'])
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/the ingress has nothing of service nosuch\n.*x-evenkeel.routes/)
})
