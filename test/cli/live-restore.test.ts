/** Containers that outlive their Engine (`live-restore`) are kept as declared afterwards as before. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { privateEngine, whyNoPrivateEngine } from '../lab/private-engine.mjs'

const STACK = 'ektest-live-restore'

test('their health is asked for, although Engines before 23.0 forget that', { timeout: 180_000 }, async (context) => {
  const reason = whyNoPrivateEngine()
  if (reason !== undefined) context.skip(reason)
  const engine = await privateEngine('live-restore', { config: { 'live-restore': true } })
  onTestFinished(() => engine.remove())
  await ensureImages(engine.socket)
  const folder = temporaryFolder('live-restore')
  onTestFinished(() => folder.remove())
  const daemon = new LabDaemon({ engine: engine.socket, folder: folder.path })
  onTestFinished(() => daemon.remove())
  await daemon.start()
  const healthcheck = { test: ['CMD', 'test', '!', '-e', '/tmp/ill'], interval: '300ms', timeout: '1s', retries: 1 }
  const sleep = { image: 'ek-lab/sleep:1', stop_grace_period: '0s', healthcheck }
  // Seldom asked: it is to look unhealthy for a while.
  const kept = { ...sleep, healthcheck: { ...healthcheck, interval: '3s' } }
  const services = { web: { ...sleep, 'x-evenkeel': { unhealthy: 'report' } }, kept }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))
  const at = { cwd: folder.path }
  await daemon.must(['up', '-d', '--wait'], at)
  const container = async (service: string) => {
    const { Id, State } = await engineJson(engine.socket, 'GET', `/containers/${STACK}-${service}-1/json`)
    return { Id, ...State }
  }
  const asItWas = async (service: string) => {
    const { Id, Pid, StartedAt, Paused } = await container(service)
    return [Id, Pid, StartedAt, Paused]
  }
  const lastAsked = async (service: string) => (await container(service)).Health.Log.at(-1)?.Start
  const before = [await asItWas('web'), await asItWas('kept')]

  await engine.stop()
  await engine.start()
  const asked = await lastAsked('kept')
  await daemon.must(['exec', '-T', 'web', 'touch', '/tmp/ill'], at)
  // A pause may say `unhealthy` as well: only a check that failed counts.
  await until('it is known to be unhealthy', async () => (await container('web')).Health.FailingStreak > 0)
  await until('the other one is asked, and well', async () => (await lastAsked('kept')) !== asked)
  expect((await container('kept')).Health.Status).toBe('healthy')
  expect([await asItWas('web'), await asItWas('kept')]).toEqual(before)

  await daemon.must(['hold', STACK])
  await engine.stop()
  await engine.start()
  const askedBefore = await lastAsked('kept')
  await daemon.must(['resume', STACK])
  await until('it is asked again after the hold', async () => (await lastAsked('kept')) !== askedBefore)
  expect([await asItWas('web'), await asItWas('kept')]).toEqual(before)
  await daemon.must(['down', '-t', '0'], at)
})
