/** Steps of a deployment on a real Engine: before and after a switch, once, through failures and a daemon that dies. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-steps-${process.pid}`

const folder = temporaryFolder('steps')
const at = { cwd: folder.path }
const daemon = new LabDaemon({ engine: ENGINE, folder: folder.path })

interface Deploy {
  readonly before?: readonly (string | readonly string[])[]
  readonly after?: readonly (string | readonly string[])[]
  readonly timeout?: string
}

/** What ran is written to a volume, with the version of the container that it ran in. */
const said = (what: string): readonly string[] => ['sh', '-c', `echo ${what} $$VERSION >> /data/log`]

const write = (version: string, deploy: Deploy) =>
  writeFileSync(
    join(folder.path, 'compose.yaml'),
    JSON.stringify({
      name: STACK,
      services: {
        web: {
          image: 'ek-lab/sleep:1',
          entrypoint: [],
          command: ['/lab/sleep.sh'],
          environment: { VERSION: version },
          stop_grace_period: '1s',
          volumes: ['data:/data'],
          'x-evenkeel': { deploy },
        },
      },
      volumes: { data: {} },
    }),
  )
const up = (version: string, deploy: Deploy) => {
  write(version, deploy)
  return daemon.ek(['up', '-d'], at)
}
const log = async () => (await daemon.must(['exec', '-T', 'web', 'cat', '/data/log'], at)).stdout.trim().split('\n')
const version = async () => (await daemon.must(['exec', '-T', 'web', 'sh', '-c', 'echo $VERSION'], at)).stdout.trim()
const containers = async (): Promise<string[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  const all = await engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${filters}`)
  return all.map(({ Names }: { Names: string[] }) => Names[0])
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  await daemon.start()
})
afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

const BOTH: Deploy = { before: [said('before'), said('again')], after: [said('after')] }

test('run in containers of the new revision, in order, once, and leave none', async () => {
  expect((await up('1', BOTH)).code).toBe(0)
  expect(await log()).toEqual(['before 1', 'again 1', 'after 1'])
  write('2', BOTH)
  const { stdout } = await daemon.must(['plan'], at)
  expect(stdout).toContain(`Steps ${STACK}/web before`)
  expect((await up('2', BOTH)).code).toBe(0)
  expect(await log()).toEqual(['before 1', 'again 1', 'after 1', 'before 2', 'again 2', 'after 2'])
  expect(await containers()).toEqual([`/${STACK}-web-1`])
})

test('do not run where the service stays as it is, is scaled, or is healed', async () => {
  const before = await log()
  expect((await up('2', BOTH)).stderr).not.toContain('Steps')
  await daemon.must(['scale', 'web=2'], at)
  await daemon.must(['scale', 'web=1'], at)
  await engineJson(ENGINE, 'DELETE', `/containers/${STACK}-web-1?force=true`)
  await until('it is healed', async () => (await containers()).length === 1)
  await until('it runs', async () => (await daemon.ek(['exec', '-T', 'web', 'true'], at)).code === 0)
  expect(await log()).toEqual(before)
})

describe('one that fails', () => {
  test('stops the deployment before anything is switched, and says why', async () => {
    const { code, stderr } = await up('3', { before: [['sh', '-c', 'echo no such table; exit 3']] })
    expect(code).toBe(1)
    expect(stderr).toMatch(/step before\[0\] of web \(.*\) exited with 3\nits last lines:\n {2}\| no such table/)
    expect(stderr).toContain('the stack is back on revision 2')
    expect(await version()).toBe('2')
    expect(await containers()).toEqual([`/${STACK}-web-1`])
  })

  test('has its log kept', async () => {
    expect((await daemon.must(['logs', '--previous', 'web'], at)).stdout).toContain('no such table')
  })

  test('by taking too long is ended', async () => {
    const { code, stderr } = await up('3', { before: [['sleep', '600']], timeout: '1s' })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /step before\[0\] of web \(sleep 600\) has not ended within 1 s \(services\.web\.x-evenkeel\.deploy\.timeout/,
    )
    expect(await version()).toBe('2')
    expect(await containers()).toEqual([`/${STACK}-web-1`])
  })
})

test('one under way when the daemon dies is waited for by the next one, and not run twice', async () => {
  const slow = ['sh', '-c', 'echo begun >> /data/log; sleep 4; echo ended >> /data/log']
  write('4', { before: [slow] })
  const going = daemon.ek(['up', '-d'], at)
  const step = `/${STACK}-web-before-1-`
  await until('the step is under way', async () => (await containers()).some((name) => name.startsWith(step)))
  await until('it has begun', async () => (await log()).includes('begun'))
  await daemon.kill()
  await going
  await daemon.start()
  await until('it is switched', async () => (await version().catch(() => '')) === '4', { deadlineMs: 60_000 })
  expect((await log()).filter((line) => line === 'begun' || line === 'ended')).toEqual(['begun', 'ended'])
  await until('nothing is left', async () => {
    const left = await containers()
    if (left.length > 1) throw new Error(left.join(', '))
    return true
  })
})

test('a wrong one is an error of the file, at its place', async () => {
  const { code, stderr } = await up('5', { before: ['bin/migrate && bin/seed'] })
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/No shell runs a command, so .* would be dropped(.|\n)*\["sh", "-c", "\.\.\."\]/)
})
