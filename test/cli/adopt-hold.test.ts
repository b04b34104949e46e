/** Adopt, eject, hold and resume, end to end. The project is made by the Engine's API as Docker Compose makes it. */
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadFromDisk } from '../../client/stack-source.ts'
import { serviceHashInput } from '../../protocol/stackfile/render.ts'
import { testEngines } from '../contract/support/test-engines.ts'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-adopt-${process.pid}`
const SLEEP = { image: 'ek-lab/sleep:1', stop_grace_period: '1s' }

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('adopt')
const file = join(folder.path, 'compose.yaml')
const at = { cwd: folder.path }
const writeFile = (services: object) => writeFileSync(file, JSON.stringify({ name: STACK, services }))

interface Seen {
  readonly id: string
  readonly startedAt: string
  readonly running: boolean
}

/** What is there of the project, by service. */
async function seen(): Promise<Record<string, Seen>> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const list: { Id: string }[] = await engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${filters}`)
  const all = await Promise.all(list.map(({ Id }) => engineJson(ENGINE, 'GET', `/containers/${Id}/json`)))
  return Object.fromEntries(
    all.map(({ Id, State, Config }) => [
      Config.Labels['com.docker.compose.service'],
      { id: Id, startedAt: State.StartedAt, running: State.Running },
    ]),
  )
}

/** The labels and names of `docker compose up -d`; what the containers are made of matters to nobody here. */
async function composeUp(): Promise<void> {
  const { model, workingDir } = loadFromDisk({
    files: [file],
    projectName: undefined,
    projectDirectory: undefined,
    profiles: [],
    envFiles: [],
  })
  const project = { 'com.docker.compose.project': STACK, 'com.docker.compose.version': '2.40.3' }
  const network = `${STACK}_default`
  await engineJson(ENGINE, 'POST', '/networks/create', {
    body: { Name: network, Labels: { ...project, 'com.docker.compose.network': 'default' } },
  })
  for (const [service, spec] of Object.entries(model.services)) {
    const { Id } = await engineJson(ENGINE, 'POST', `/containers/create?name=${STACK}-${service}-1`, {
      body: {
        Image: spec.image,
        HostConfig: { NetworkMode: network },
        Labels: {
          ...project,
          'com.docker.compose.service': service,
          'com.docker.compose.container-number': '1',
          'com.docker.compose.oneoff': 'False',
          'com.docker.compose.config-hash': createHash('sha256').update(serviceHashInput(spec)).digest('hex'),
          'com.docker.compose.project.config_files': file,
          'com.docker.compose.project.working_dir': workingDir,
        },
      },
    })
    await engineCall(ENGINE, 'POST', `/containers/${Id}/start`)
  }
}

beforeAll(async () => {
  daemon = await startDaemon(ENGINE, 'adopt')
  writeFile({ web: SLEEP, db: SLEEP, worker: SLEEP })
  await composeUp()
})

afterAll(async () => {
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('a project that Docker Compose started', () => {
  test('is shown as it would be adopted, and left as it is', async () => {
    const { stdout } = await daemon.must(['adopt', '--dry-run', STACK], { cwd: '/' })
    expect(stdout).toMatch(/^No changes\. 4 object\(s\)/)
    expect((await daemon.must(['ls', '-a', '-q'])).stdout).toBe('')
  })

  test('is adopted from the file that its labels name: ids and start times stay, and nothing is left to do', async () => {
    const before = await seen()
    await daemon.must(['adopt', STACK], { cwd: '/' })
    expect(await seen()).toEqual(before)
    expect((await daemon.must(['plan'], at)).stdout).toMatch(/^No changes/)
    expect((await daemon.must(['up'], at)).stderr).toBe('')
    expect(await seen()).toEqual(before)
    expect(JSON.parse((await daemon.must(['ls', '--format', 'json'])).stdout)).toMatchObject([
      { Name: STACK, Status: 'running(3)', Condition: 'steady', ConfigFiles: file },
    ])
  })

  test('is not adopted twice', async () => {
    const { code, stderr } = await daemon.ek(['adopt', STACK], { cwd: '/' })
    expect([code, stderr]).toEqual([1, expect.stringContaining('is kept by this daemon already')])
  })

  test('has one changed service replaced, and no other', async () => {
    const before = await seen()
    writeFile({ web: { ...SLEEP, environment: { A: '1' } }, db: SLEEP, worker: SLEEP })
    await daemon.must(['up'], at)
    const after = await seen()
    expect(after.web!.id).not.toBe(before.web!.id)
    expect([after.db, after.worker]).toEqual([before.db, before.worker])
  })

  test('gets back a container that somebody removed, as soon as that happened', async () => {
    const { db } = await seen()
    await engineCall(ENGINE, 'DELETE', `/containers/${db!.id}?force=true`)
    // The loop looks by itself once a minute: this is sooner.
    await until('it is back', async () => (await seen()).db?.running === true, { deadlineMs: 20_000 })
  })
})

describe('a held stack', () => {
  test('is not touched, over a restart of the daemon as well, until it is resumed', async () => {
    await daemon.must(['hold'], at)
    const { worker } = await seen()
    await engineCall(ENGINE, 'DELETE', `/containers/${worker!.id}?force=true`)
    await daemon.kill()
    await daemon.start()
    const { code, stderr } = await daemon.ek(['up'], at)
    expect([code, stderr]).toEqual([1, expect.stringContaining(`let it go on first: evenkeel resume ${STACK}`)])
    expect((await daemon.ek(['restart', 'web'], at)).code).toBe(1)
    expect(Object.keys(await seen()).sort()).toEqual(['db', 'web'])
    expect((await daemon.must(['plan'], at)).stdout).toContain(`+ Container ${STACK}-worker-1`)
    expect((await daemon.must(['ls'], at)).stdout).toContain('held')
    expect((await daemon.must(['ps'], at)).stderr).toContain(`until: evenkeel resume ${STACK}`)
    await daemon.must(['resume', STACK])
    await until('the worker is back', async () => (await seen()).worker?.running === true, { deadlineMs: 20_000 })
  })

  test('is each one while the whole daemon is held', async () => {
    await daemon.must(['hold', '--all'])
    expect((await daemon.ek(['stop'], at)).stderr).toContain('the whole daemon is held')
    expect((await daemon.ek(['resume'], at)).code).toBe(1)
    await daemon.must(['resume', '--all'])
    await daemon.must(['up'], at)
  })
})

describe('an ejected stack', () => {
  const handed = join(folder.path, 'handed-on.yaml')

  test('goes on as it is, and is handed on as a Compose file for its owner alone', async () => {
    const before = await seen()
    await daemon.must(['eject', '-o', handed], at)
    expect(await seen()).toEqual(before)
    expect(readFileSync(handed, 'utf8')).toContain(`name: ${STACK}`)
    expect((statSync(handed).mode & 0o777).toString(8)).toBe('600')
    expect((await daemon.must(['ls', '-a', '-q'])).stdout).toBe('')
    expect(JSON.parse((await daemon.must(['history', '--format', 'json'], at)).stdout)).toHaveLength(2)
  })

  test('is healed by nobody any more', async () => {
    const { db } = await seen()
    await engineCall(ENGINE, 'DELETE', `/containers/${db!.id}?force=true`)
    expect((await daemon.ek(['start', 'db'], at)).stderr).toContain('there is no stack')
    expect((await seen()).db).toBeUndefined()
  })

  test('carries the hashes by which Compose knows its containers for those of the file', async () => {
    const { web } = await seen()
    const { Config } = await engineJson(ENGINE, 'GET', `/containers/${web!.id}/json`)
    const { model } = loadFromDisk({
      files: [handed],
      projectName: undefined,
      projectDirectory: undefined,
      profiles: [],
      envFiles: [],
    })
    expect(Config.Labels['com.docker.compose.config-hash']).toBe(
      createHash('sha256').update(serviceHashInput(model.services.web!)).digest('hex'),
    )
  })

  test('is adopted again with what it lacks left out, and said', async () => {
    const before = await seen()
    const { stderr } = await daemon.must(['adopt', STACK], { cwd: '/' })
    expect(stderr).toContain('service db has no container')
    expect(await seen()).toEqual(before)
  })
})
