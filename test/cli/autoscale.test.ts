/** A service that scales by itself on a real Engine: more under load, fewer after it, and what a person may ask meanwhile. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall } from '../lab/engine-call.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-autoscale-${process.pid}`
const ROUTES = 18_100 + (process.pid % 100)

const folder = temporaryFolder('autoscale')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })

/**
 * Works until it is told to rest; a tenth of a core is all that it may have. Of that a `sleep` a second takes 2 %; ten a
 * second took 17 % on a busy machine, and from 20 % on two replicas are rightly kept.
 */
const WORK = 'trap "exit 0" TERM; while :; do [ -e /data/rest ] && sleep 1; done'

const write = (scale: object, version = '1') =>
  writeFileSync(
    join(folder.path, 'compose.yaml'),
    JSON.stringify({
      name: STACK,
      services: {
        web: {
          image: 'ek-lab/sleep:1',
          entrypoint: ['sh', '-c'],
          command: [WORK.replaceAll('$', '$$')],
          environment: { VERSION: version },
          cpus: 0.1,
          stop_grace_period: '1s',
          volumes: ['data:/data'],
          'x-evenkeel': { scale },
        },
      },
      volumes: { data: {} },
    }),
  )
const SCALE = { max: 3, target: { cpu: '40%' }, cooldown: '3s' }

const replicas = async (): Promise<number> => {
  const { stdout } = await daemon.must(['ps', '--format', 'json'], at)
  return stdout.split('\n').filter((line: string) => line.includes('"Service"')).length
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  await ensureIngressImage(ENGINE)
  const ingress = ['--ingress-image', ingressImage, '--ingress-http', `127.0.0.1:${ROUTES}`]
  await daemon.start({ more: ['--autoscale-every', '1', ...ingress] })
})
afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

test('more replicas come with the load, up to the most that there may be; an `up` leaves them', async () => {
  write(SCALE)
  await daemon.must(['up', '-d'], at)
  await until('three replicas', async () => (await replicas()) === 3, { deadlineMs: 60_000 })
  const { stdout } = await daemon.must(['events', '--since', '1h', '--until', '0s'], at)
  expect(stdout).toMatch(/web goes from \d to 3 replica\(s\): cpu \d+ % of a target of 40 %/)
  write(SCALE, '2')
  await daemon.must(['up', '-d'], at)
  expect(await replicas()).toBe(3)
})

test('a person cannot scale it past its bounds, and is told where they stand', async () => {
  const { code, stderr } = await daemon.ek(['scale', 'web=5'], at)
  expect(code).not.toBe(0)
  expect(stderr).toContain('web scales by itself, from 1 to 3 replicas: 5 is not within')
  expect(stderr).toContain('services.web.x-evenkeel.scale')
})

test('what is stopped stays stopped', async () => {
  await daemon.must(['stop', 'web'], at)
  expect(await replicas()).toBe(0)
  await daemon.must(['start', 'web'], at)
})

test('fewer replicas are left once fewer were enough for the cooldown', async () => {
  await daemon.must(['exec', '-T', 'web', 'touch', '/data/rest'], at)
  await until('one replica', async () => (await replicas()) === 1, { deadlineMs: 60_000 })
  const { stdout } = await daemon.must(['events', '--since', '1h', '--until', '0s'], at)
  expect(stdout).toMatch(/web goes from \d to 1 replica\(s\): cpu \d+ % of a target of 40 %/)
})

test('requests that the ingress brings have more replicas come as well', async () => {
  const web = {
    image: 'ek-lab/app:1',
    stop_grace_period: '1s',
    'x-evenkeel': {
      routes: [{ path: '/', port: 8080 }],
      drain: '1s',
      scale: { max: 3, target: { requests: 2 }, cooldown: '1h' },
    },
  }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
  await daemon.must(['up', '-d', '--scale', 'web=1', '-t', '0'], at)
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      await engineCall(`tcp://127.0.0.1:${ROUTES}`, 'GET', '/', { timeoutMs: 5000 })
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  })()
  await until('three replicas', async () => (await replicas()) === 3, { deadlineMs: 60_000 }).finally(() => {
    isOver = true
  })
  await asking
  const { stdout } = await daemon.must(['events', '--since', '1h', '--until', '0s'], at)
  expect(stdout).toMatch(/web goes from \d to 3 replica\(s\): requests [\d.]+\/s of a target of 2\/s/)
})
