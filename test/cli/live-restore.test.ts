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
  const healthcheck = { test: ['CMD', 'test', '!', '-e', '/tmp/ill'], interval: '300ms', retries: 1 }
  const web = { image: 'ek-lab/sleep:1', stop_grace_period: '0s', healthcheck, 'x-evenkeel': { unhealthy: 'report' } }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
  const at = { cwd: folder.path }
  await daemon.must(['up', '-d', '--wait'], at)
  const container = async () => {
    const { State } = await engineJson(engine.socket, 'GET', `/containers/${STACK}-web-1/json`)
    return State
  }
  const before = await container()

  await engine.stop()
  await engine.start()
  await daemon.must(['exec', '-T', 'web', 'touch', '/tmp/ill'], at)
  await until('it is known to be unhealthy', async () => (await container()).Health.Status === 'unhealthy')
  const after = await container()
  expect([after.Pid, after.StartedAt, after.Paused]).toEqual([before.Pid, before.StartedAt, false])
  await daemon.must(['down', '-t', '0'], at)
})
