/** `watch` and `up --watch`, end to end: files of this machine, client, daemon and containers of a real Engine. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'
import { runOnPipes } from '../lab/terminal.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-watch-${process.pid}`
const EK = join(projectFolder, 'dist/bin/ek')

let daemon: Awaited<ReturnType<typeof startDaemon>>
let watching: ReturnType<typeof runOnPipes>
const folder = temporaryFolder('watch')
const here = (path: string) => join(folder.path, path)
const inside = async (script: string, ...index: string[]) =>
  (await daemon.ek(['exec', ...index, 'web', 'sh', '-c', script], { cwd: folder.path })).stdout.trim()
const replica = (number: number) => ['--index', String(number)]
const started = (...args: string[]) =>
  runOnPipes(EK, args, {
    cwd: folder.path,
    env: { ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}`, NO_COLOR: '1' },
  })
const image = async () => (await engineJson(ENGINE, 'GET', `/images/${STACK}-web/json`)).Id as string

beforeAll(async () => {
  daemon = await startDaemon(ENGINE, 'watch')
  for (const path of ['src', 'conf', 'lib']) mkdirSync(here(path))
  writeFileSync(here('src/a'), 'one')
  writeFileSync(here('src/skipped.tmp'), '')
  writeFileSync(here('lib/version'), '1')
  writeFileSync(here('Dockerfile'), 'FROM ek-lab/job:1\nCOPY lib/version /version\n')
  const watch = [
    { path: './src', action: 'sync', target: '/app/src', initial_sync: true, ignore: ['*.tmp'] },
    { path: './conf', action: 'sync+restart', target: '/etc/conf' },
    { path: './lib', action: 'rebuild' },
    { path: './hook', action: 'sync+exec', target: '/hook', exec: { command: ['sh', '-c', 'cat /hook/said'] } },
  ]
  const web = {
    build: '.',
    entrypoint: ['sh', '-c', 'mkdir -p /app; echo start >> /starts; exec sleep 100000'],
    stop_grace_period: '1s',
    deploy: { replicas: 2 },
    develop: { watch },
  }
  const plain = { image: 'ek-lab/sleep:1', stop_grace_period: '1s' }
  writeFileSync(here('compose.yaml'), JSON.stringify({ name: STACK, services: { web, plain } }))
  watching = started('watch')
  await watching.shows(/^Watch enabled$/m)
})

afterAll(async () => {
  watching.signal('SIGINT')
  await daemon.ek(['-p', STACK, 'down', '-v', '--rmi', 'local', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

test('brings the stack up, and files that are there already into every replica', async () => {
  for (const number of [1, 2]) {
    expect(await inside('cat /app/src/a; ls /app/src', ...replica(number))).toBe('onea')
  }
})

test('brings what changes to every replica, new folders too, and takes away what is gone', async () => {
  writeFileSync(here('src/a'), 'two')
  mkdirSync(here('src/new/deep'), { recursive: true })
  writeFileSync(here('src/new/deep/b'), 'three')
  for (const number of [1, 2]) {
    await until(
      'both are there',
      async () => (await inside('cat /app/src/a /app/src/new/deep/b', ...replica(number))) === 'twothree',
    )
  }
  await watching.shows(/^Syncing service "web" after \d+ changes were detected$/m)
  rmSync(here('src/new'), { recursive: true })
  await until('it is gone', async () => (await inside('ls /app/src')) === 'a')
})

test('sync+restart brings the file and restarts the service', async () => {
  writeFileSync(here('conf/c'), 'new')
  await watching.shows(/^service\(s\) \["web"\] restarted$/m)
  expect(await inside('cat /etc/conf/c; wc -l < /starts')).toBe('new2')
})

test('sync+exec runs its command once the file is there', async () => {
  mkdirSync(here('hook'))
  writeFileSync(here('hook/said'), 'said by the hook\n')
  await watching.shows(/^said by the hook$/m)
})

test('rebuild builds, recreates, and leaves no image behind that nothing uses', async () => {
  const before = await image()
  writeFileSync(here('lib/version'), '2')
  await watching.shows(/^service\(s\) \["web"\] successfully built$/m)
  await until('the new one runs', async () => (await inside('cat /version')) === '2')
  expect(await image()).not.toBe(before)
  const isGone = async () =>
    (await engineCall(ENGINE, 'GET', `/images/${before}/json`, { accept: [404] })).status === 404
  await until('the old image is gone', isGone)
})

test('goes on after a change that fails', async () => {
  writeFileSync(here('Dockerfile'), 'FROM ek-lab/job:1\nRUN false\n')
  writeFileSync(here('lib/version'), '3')
  await watching.shows(/^Build failed\. Error: /m)
  writeFileSync(here('src/a'), 'after')
  await until('the next change is brought', async () => (await inside('cat /app/src/a')) === 'after')
})

test('ends upon Ctrl-C as Compose does, and leaves the stack running', async () => {
  watching.signal('SIGINT')
  expect(await watching.ended).toBe(130)
  expect(watching.output).toMatch(/\nWatch disabled\n$/)
  expect((await daemon.ek(['ps', '-q'], { cwd: folder.path })).stdout.trim().split('\n')).toHaveLength(3)
})

test('up --watch does both: it follows the logs and watches', async () => {
  writeFileSync(here('Dockerfile'), 'FROM ek-lab/job:1\n')
  const up = started('up', '-w', 'web')
  await up.shows(/⦿ Watch enabled/)
  writeFileSync(here('src/a'), 'by up')
  await up.shows(/⦿ Syncing service "web" after 1 changes were detected/)
  up.signal('SIGINT')
  expect(await up.ended).toBe(130)
})

test('says where there is nothing to watch, and what does not go together', async () => {
  const { code, stderr } = await daemon.ek(['watch', 'plain'], { cwd: folder.path })
  expect(code).toBe(1)
  expect(stderr).toContain(
    "none of the selected services is configured for watch, consider setting a 'develop' section",
  )
  expect((await daemon.ek(['up', '-w', '--no-build'], { cwd: folder.path })).stderr).toContain(
    '--no-build and --watch are incompatible',
  )
})
