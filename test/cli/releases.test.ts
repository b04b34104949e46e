/** A stack that is released as a whole, on a real Engine: names that know their version, all or nothing, and no network left behind. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-releases-${process.pid}`
const ROUTES = 18_200 + (process.pid % 100)

const folder = temporaryFolder('releases')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })
const start = () => daemon.start({ more: ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`] })

interface More {
  readonly web?: object
  readonly api?: object
  readonly db?: object
  readonly top?: object
}

function write(version: string, { web = {}, api = {}, db = {}, top = {} }: More = {}): void {
  const of = (own: string) => ({
    image: 'ek-lab/app:1',
    environment: { VERSION: own },
    healthcheck: { test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'], interval: '500ms' },
  })
  const services = {
    web: { ...of(version), 'x-evenkeel': { routes: [{ path: '/', port: 8080 }], drain: '1s' }, ...web },
    api: { ...of(version), ...api },
    db: { ...of('db'), ...db },
  }
  const file = { name: STACK, 'x-evenkeel': { release: 'atomic' }, services, ...top }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify(file))
}
const up = (version: string, more?: More) => {
  write(version, more)
  return daemon.must(['up', '-d'], at)
}

/** What `web` says it is, and what it is answered by those that it calls by name. */
async function seen(): Promise<string> {
  const ask = async (path: string) => JSON.parse((await engineCall(`tcp://127.0.0.1:${ROUTES}`, 'GET', path)).text)
  const called = async (name: string) =>
    JSON.parse((await ask(`/fetch?url=${encodeURIComponent(`http://${name}:8080/`)}`)).text).version
  return [(await ask('/')).version, await called('api'), await called('db')].join(' ')
}

async function networks(): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const found: { Name: string }[] = await engineJson(ENGINE, 'GET', `/networks?filters=${filters}`)
  return found.map(({ Name }) => Name.replace(STACK, '')).sort()
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

test('a release has networks of its own, which what it does not change joins', async () => {
  await up('1')
  expect(await seen()).toBe('1 1 db')
  expect(await networks()).toEqual(['_default'])
  write('2')
  const { stdout } = await daemon.must(['plan'], at)
  expect(stdout).toMatch(/\+ Network \S+_default\.r00001 {2}create/)
  expect(stdout).toMatch(/~ Container \S+-db-1 {2}connect/)
  expect(stdout).toMatch(/~ Release of \S+ {2}switch/)
  await up('2')
  expect(await seen()).toBe('2 2 db')
  expect(await networks()).toEqual(['_default', '_default.r00001'])
  const dns = (await daemon.must(['dns'], at)).stdout
  expect(dns).toContain('ASKED BY')
  expect(dns).toMatch(/\ndb +\S+_default\.r00001 .* \S+-api-1, \S+-web-1/)
})

test('a service may change alone, and finds the others', async () => {
  await up('2', { web: { environment: { VERSION: '3' } } })
  expect(await seen()).toBe('3 2 db')
  expect(await networks()).toEqual(['_default', '_default.r00001', '_default.r00002'])
})

test('where one of them cannot live none is switched, and nothing of the release stays', async () => {
  write('4', { api: { environment: { VERSION: '4', UNHEALTHY_AFTER_MS: '0' } } })
  const { code, stderr } = await daemon.ek(['up', '-d'], at)
  expect(code).toBe(1)
  expect(stderr).toContain('the stack is back on revision 3')
  expect(await seen()).toBe('3 2 db')
  expect(await networks()).toEqual(['_default', '_default.r00001', '_default.r00002'])
})

test('what cannot be there twice is refused by name before anything is touched, and left out where the file says so', async () => {
  const writes = { environment: { VERSION: 'db2' }, volumes: ['/data'] }
  write('5', { db: writes })
  const planned = await daemon.ek(['plan'], at)
  expect(planned.stderr).toMatch(/db: it can write to \/data(.|\n)*dns: shared/)
  const refused = await daemon.ek(['up', '-d'], at)
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('db: it can write to /data')
  expect(await seen()).toBe('3 2 db')
  const subnet = { top: { networks: { default: { ipam: { config: [{ subnet: '10.213.7.0/24' }] } } } } }
  write('5', subnet)
  expect((await daemon.ek(['plan'], at)).stderr).toContain('it has the fixed subnet 10.213.7.0/24')
  await up('5', { db: { ...writes, 'x-evenkeel': { dns: 'shared' } } })
  expect(await seen()).toBe('5 5 db2')
  expect(await networks()).toHaveLength(2)
})

test('a daemon that is killed in the middle of a release ends it when it is back, and leaves no network', async () => {
  write('6', { db: { environment: { VERSION: 'db2' }, volumes: ['/data'], 'x-evenkeel': { dns: 'shared' } } })
  const asked = daemon.ek(['up', '-d'], at)
  await until('the release is under way', async () => (await networks()).length > 2)
  await daemon.kill()
  await asked
  await start()
  await until('it is switched', async () => (await seen()) === '6 6 db2')
  await until('the release before is gone', async () => (await networks()).length === 2)
})

test('once the stack is not released as a whole any more, what changes is on the networks of the file', async () => {
  const db = { environment: { VERSION: 'db2' }, volumes: ['/data'] }
  await up('7', { db, top: { 'x-evenkeel': { release: 'rolling' } } })
  expect(await seen()).toBe('7 7 db2')
  await until('no network of a release is left', async () => (await networks()).length === 1)
})

test('networks of releases go with the stack', async () => {
  await up('8', { db: { environment: { VERSION: 'db2' }, volumes: ['/data'], 'x-evenkeel': { dns: 'shared' } } })
  expect(await networks()).toHaveLength(2)
  await daemon.must(['down', '-t', '0'], at)
  expect(await networks()).toEqual([])
})
