/** `cancel` on a real Engine: what waits is not begun, what is under way goes back, also where the daemon dies on it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-cancel-${process.pid}`

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('cancel')
const at = { cwd: folder.path }

/** `never`: it comes to be healthy only long after the test. */
const declare = (version: number, health: 'soon' | 'never') => {
  const web = {
    image: 'ek-lab/sleep:1',
    environment: { VERSION: String(version) },
    stop_grace_period: '0s',
    healthcheck: { test: health === 'soon' ? 'true' : 'false', interval: '200ms', start_period: '10m', retries: 1000 },
    deploy: { update_config: { order: 'start-first' } },
  }
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
}
const containers = async (): Promise<{ Id: string; Names: string[] }[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  return engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${filters}`)
}
const namesOf = async (): Promise<string[]> => (await containers()).flatMap(({ Names }) => Names)
const deployments = async (): Promise<{ id: string; kind: string; state: string }[]> =>
  JSON.parse((await daemon.must(['history', '--deployments', '--format', 'json'], at)).stdout)
const underWay = (version: number) => {
  declare(version, 'never')
  const ended = daemon.ek(['up'], at)
  return until('the new version waits to be healthy', async () => (await containers()).length === 2).then(() => ended)
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  daemon = await startDaemon(ENGINE, 'cancel')
})
afterAll(async () => {
  await daemon.ek(['down', '-t', '0'], at)
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('cancel', () => {
  test('has nothing to end where nothing is under way', async () => {
    expect((await daemon.ek(['-p', STACK, 'cancel'], at)).stderr).toContain(`there is no stack ${STACK}`)
    declare(1, 'soon')
    await daemon.must(['up'], at)
    const { code, stderr } = await daemon.ek(['cancel'], at)
    expect(stderr).toContain(`nothing is under way for stack ${STACK}`)
    expect(code).not.toBe(0)
  })

  test('takes what is under way back to where the stack was', async () => {
    const [before] = await containers()
    declare(2, 'never')
    const up = daemon.ek(['up'], at)
    await until('the new version is there', async () => (await containers()).length === 2)
    const { stderr } = await daemon.must(['cancel'], at)
    expect(stderr).toContain('the stack is back on revision 1')
    const ended = await up
    expect([ended.code === 0, ended.stderr.includes('cancelled it')]).toEqual([false, true])
    expect((await containers()).map(({ Id }) => Id)).toEqual([before!.Id])
    expect((await deployments())[0]).toMatchObject({ kind: 'up', state: 'cancelled' })
    declare(1, 'soon')
    expect((await daemon.must(['plan'], at)).stdout).not.toContain('Container')
  })

  test('never begins what waits', async () => {
    const up = underWay(3)
    await until('the new version is there', async () => (await containers()).length === 2)
    const restart = daemon.ek(['restart', '-t', '0', 'web'], at)
    const waiting = async () =>
      (await deployments()).find(({ kind, state }) => kind === 'restart' && state === 'queued')
    await until('the restart waits', async () => (await waiting()) !== undefined)
    await daemon.must(['cancel', (await waiting())!.id], at)
    expect((await restart).stderr).toContain('cancelled it')
    await daemon.must(['cancel'], at)
    expect((await up).code).not.toBe(0)
    expect(await namesOf()).toEqual([`/${STACK}-web-1`])
  })

  test('holds where the daemon dies on it', async () => {
    const [before] = await containers()
    const up = underWay(4)
    await until('the new version is there', async () => (await containers()).length === 2)
    const cancelled = daemon.ek(['cancel'], at)
    await until('it was asked for, and is being done', async () =>
      daemon.ek(['cancel'], at).then(({ stderr }) => /on its way back already|nothing is under way/.test(stderr)),
    )
    await daemon.kill()
    await daemon.start()
    await Promise.all([up, cancelled])
    await until('what was there is alone again', async () => (await containers()).length === 1)
    expect((await containers())[0]!.Id).toBe(before!.Id)
  })
})
