/** Commands on a stack's containers, with the real supervisor looking on: what they do lasts, and nothing heals it away. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, runProgram, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-cmds-${process.pid}`

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('container-commands')
const at = { cwd: folder.path }
const SLEEP = { image: 'ek-lab/sleep:1', stop_grace_period: '1s' }

interface Listed {
  Id: string
  Names: string[]
  State: string
  Mounts: { Name: string }[]
}

async function containers(): Promise<Listed[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
  return engineJson(ENGINE, 'GET', `/containers/json?all=true&filters=${filters}`)
}
/** `{ 'web-1': 'running' }` */
const states = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await containers()).map((one) => [one.Names[0]!.slice(STACK.length + 2), one.State]))
const inspect = (name: string) => engineJson(ENGINE, 'GET', `/containers/${STACK}-${name}/json`)

/** The loop looks 300 ms after an event, and at once when the Engine is back: three times that is enough to see a fight. */
async function untouched(): Promise<void> {
  await delay(1000)
  const { stdout } = await daemon.must(['-p', STACK, 'history', '--deployments', '--format', 'json'])
  const deployments = JSON.parse(stdout) as { kind: string; steps?: unknown[] }[]
  const afterRequest = deployments.findIndex(({ kind }) => kind !== 'heal')
  expect(deployments.slice(0, afterRequest)).toEqual([])
}

async function up(services: object, top: object = {}): Promise<void> {
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services, ...top }))
  await daemon.must(['up'], at)
}
const ek = (...args: string[]) => daemon.must(args, at)
const refused = async (...args: string[]) => {
  const { code, stderr } = await daemon.ek(args, at)
  return { code, message: stderr.split('\n')[0] }
}

beforeAll(async () => {
  await ensureImages(ENGINE)
  daemon = await startDaemon(ENGINE, 'container-commands')
})
afterEach(async () => {
  await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
})
afterAll(async () => {
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('kill', () => {
  beforeEach(() => up({ web: { ...SLEEP, restart: 'always' }, db: SLEEP }))

  test('stops for good, whatever the restart policy says, until start', async () => {
    const { stderr } = await ek('kill', 'web')
    expect(stderr).toMatch(/Container .*-web-1 {2}Killed/)
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'exited', 'db-1': 'running' })
    expect((await inspect('web-1')).State.ExitCode).toBe(137)
    await daemon.kill()
    await daemon.start()
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'exited', 'db-1': 'running' })
    await ek('start', 'web')
    expect(await states()).toEqual({ 'web-1': 'running', 'db-1': 'running' })
    expect((await inspect('web-1')).HostConfig.RestartPolicy.Name).toBe('always')
  })

  test('with a signal that asks to end is a stop as well', async () => {
    await ek('kill', '-s', 'TERM', 'web')
    await until('it has ended', async () => (await states())['web-1'] === 'exited')
    await untouched()
    expect((await inspect('web-1')).State.ExitCode).toBe(0)
  })

  test('with another signal leaves what is meant as it is: what dies of it comes back', async () => {
    await up({
      web: {
        ...SLEEP,
        restart: 'always',
        entrypoint: ['/bin/sh', '-c', 'trap "exit 3" HUP; while :; do sleep 0.1; done'],
      },
    })
    const before = (await inspect('web-1')).State.StartedAt
    await ek('kill', '-s', 'HUP', 'web')
    await until('it runs anew', async () => {
      const { State } = await inspect('web-1')
      return State.Running && State.StartedAt !== before
    })
  })

  test('with the stop signal of the service is a stop', async () => {
    const script = 'trap "exit 3" USR1; while :; do sleep 0.1; done'
    await up({ web: { ...SLEEP, restart: 'always', stop_signal: 'SIGUSR1', entrypoint: ['/bin/sh', '-c', script] } })
    await ek('kill', '-s', 'USR1', 'web')
    await until('it has ended', async () => (await states())['web-1'] === 'exited')
    await untouched()
  })

  test('lets a program run that takes no notice', async () => {
    await up({ web: { ...SLEEP, entrypoint: ['/bin/sleep', '1000'] } })
    await ek('kill', '-s', 'TERM', 'web')
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'running' })
    await ek('kill', 'web')
    expect(await states()).toEqual({ 'web-1': 'exited' })
  })

  test('ends a container that crashes again and again', async () => {
    await up({ web: { image: 'ek-lab/job:1', restart: 'always', environment: { EXIT_CODE: '1' } } })
    await until('it crashes', async () => (await inspect('web-1')).RestartCount > 2)
    await ek('kill', 'web')
    await until('it is down', async () => (await states())['web-1'] === 'exited')
    await delay(1500)
    expect(await states()).toEqual({ 'web-1': 'exited' })
  })

  test('is not undone by another hand that starts the container', async () => {
    await ek('kill', '-s', 'TERM', 'web')
    await until('it has ended', async () => (await states())['web-1'] === 'exited')
    await untouched()
    await engineCall(ENGINE, 'POST', `/containers/${STACK}-web-1/start`)
    await ek('kill', 'db')
    await until('it is stopped again', async () => (await states())['web-1'] === 'exited')
  })

  test('reaches a paused container', async () => {
    await ek('pause', 'web')
    await ek('kill', 'web')
    expect(await states()).toEqual({ 'web-1': 'exited', 'db-1': 'running' })
  })

  test('says what is wrong as Compose does', async () => {
    expect(await refused('kill', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
    const { code, stderr } = await daemon.ek(['kill', '-s', 'NOPE', 'web'], at)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/invalid signal: NOPE/i)])
    await ek('kill')
    expect((await ek('kill')).stderr).toBe('no container to kill\n')
    expect((await daemon.must(['-p', 'ektest-nosuch', 'kill'])).stderr).toBe('no container to kill\n')
  })
})

describe('pause', () => {
  beforeEach(() => up({ web: { ...SLEEP, restart: 'always' }, db: SLEEP }))

  test('lasts until unpause, also when the daemon ends in between', async () => {
    await ek('pause', 'web')
    await untouched()
    await daemon.kill()
    await daemon.start()
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'paused', 'db-1': 'running' })
    await ek('unpause')
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'running', 'db-1': 'running' })
  })

  test('is put back where another hand has unpaused', async () => {
    await ek('pause', 'web')
    await engineCall(ENGINE, 'POST', `/containers/${STACK}-web-1/unpause`)
    await until('it is paused again', async () => (await states())['web-1'] === 'paused')
  })

  test('that is there already is no error, and up ends it', async () => {
    await ek('pause')
    await ek('pause')
    await ek('up')
    expect(await states()).toEqual({ 'web-1': 'running', 'db-1': 'running' })
  })

  test('does not start what has ended, and neither does unpause', async () => {
    await up({ job: { image: 'ek-lab/job:1' }, db: SLEEP })
    await until('the job has ended', async () => (await states())['job-1'] === 'exited')
    await ek('pause')
    await ek('unpause')
    await untouched()
    expect(await states()).toEqual({ 'job-1': 'exited', 'db-1': 'running' })
  })

  test('of an unknown service is refused', async () => {
    expect(await refused('pause', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
    expect(await refused('unpause', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
  })
})

describe('rm', () => {
  beforeEach(() => up({ web: { ...SLEEP, restart: 'always', scale: 2, volumes: ['/anonymous'] }, db: SLEEP }))

  test('takes only what is stopped, and that stays away until start', async () => {
    expect((await ek('rm', '-f')).stderr).toBe('No stopped containers\n')
    await ek('stop', '-t', '0', 'db')
    const { stdout } = await ek('rm', '-f')
    expect(stdout).toBe(`Going to remove ${STACK}-db-1\n`)
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'running', 'web-2': 'running' })
    await ek('restart', '-t', '0', 'web')
    await daemon.kill()
    await daemon.start()
    await untouched()
    expect(await states()).toEqual({ 'web-1': 'running', 'web-2': 'running' })
    await ek('start', 'db')
    expect(await states()).toEqual({ 'web-1': 'running', 'web-2': 'running', 'db-1': 'running' })
  })

  test('of one replica leaves the other alone, and what goes by accident still comes back', async () => {
    // Without the anonymous volumes, which would be left over.
    await ek('down', '-v', '-t', '0')
    // What was stopped past the daemon would be started again before a slow `rm` comes to it.
    await up({ web: { ...SLEEP, scale: 2, 'x-evenkeel': { halted: 'never' } }, db: SLEEP })
    await engineCall(ENGINE, 'POST', `/containers/${STACK}-web-2/kill`)
    expect((await ek('rm', '-f', 'web')).stdout).toBe(`Going to remove ${STACK}-web-2\n`)
    await engineCall(ENGINE, 'DELETE', `/containers/${STACK}-db-1?force=true`)
    await until('db is back', async () => (await states())['db-1'] === 'running')
    expect(await states()).toEqual({ 'web-1': 'running', 'db-1': 'running' })
  })

  test('stops first where that is asked for, and takes anonymous volumes along', async () => {
    const names = (await containers()).flatMap(({ Mounts }) => Mounts.map(({ Name }) => Name))
    expect(names).toHaveLength(2)
    await ek('rm', '-fsv', 'web')
    await untouched()
    expect(await states()).toEqual({ 'db-1': 'running' })
    for (const name of names) {
      expect((await engineCall(ENGINE, 'GET', `/volumes/${name}`, { accept: [404] })).status).toBe(404)
    }
    await ek('up')
    expect(Object.keys(await states()).sort()).toEqual(['db-1', 'web-1', 'web-2'])
  })

  test('asks first: no answer is no, yes is yes', async () => {
    await ek('kill', 'db')
    expect((await daemon.must(['rm'], { ...at, input: '' })).stderr).toContain(`Going to remove ${STACK}-db-1`)
    expect((await states())['db-1']).toBe('exited')
    await daemon.must(['rm'], { ...at, input: 'y\n' })
    expect((await states())['db-1']).toBeUndefined()
  })

  test('of an unknown service is refused', async () => {
    expect(await refused('rm', '-f', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
    expect((await daemon.must(['-p', 'ektest-nosuch', 'rm', '-f'])).stderr).toBe('No stopped containers\n')
  })
})

describe('looking at containers', () => {
  const PORTS = ['127.0.0.1::8080', '127.0.0.1::53/udp']
  beforeEach(() =>
    up({ web: { ...SLEEP, ports: PORTS, volumes: ['data:/data'] }, db: SLEEP }, { volumes: { data: {} } }),
  )

  test('top shows their processes', async () => {
    const { stdout } = await ek('top', 'web')
    expect(stdout.split('\n')[0]).toMatch(/^SERVICE {2}# +UID +PID +PPID/)
    expect(stdout).toMatch(/^web +1 +root .*sleep/m)
    expect(stdout).not.toMatch(/^db /m)
    expect(await refused('top', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
  })

  test('port tells where a port is to be found', async () => {
    const { HostPort } = (await inspect('web-1')).NetworkSettings.Ports['8080/tcp'][0]
    expect((await ek('port', 'web', '8080')).stdout).toBe(`127.0.0.1:${HostPort}\n`)
    expect((await ek('port', '--protocol', 'udp', 'web', '53')).stdout).toMatch(/^127\.0\.0\.1:\d+\n$/)
    expect(await refused('port', 'web', '99')).toMatchObject({
      code: 1,
      message: expect.stringContaining(`no port 99/tcp for container ${STACK}-web-1`),
    })
    expect(await refused('port', 'web', '8080', '--index', '2')).toEqual({
      code: 1,
      message: 'service "web" is not running container #2',
    })
    expect(await refused('port', 'wbe', '80')).toEqual({ code: 1, message: 'no such service: wbe' })
  })

  test('images shows what they were made of', async () => {
    const { Id } = await engineJson(ENGINE, 'GET', '/images/ek-lab/sleep:1/json')
    expect((await ek('images')).stdout).toMatch(/^CONTAINER +REPOSITORY +TAG +PLATFORM +IMAGE ID +SIZE +CREATED\n/)
    expect((await ek('images', '-q')).stdout).toBe(`${Id.slice('sha256:'.length)}\n`)
    expect(JSON.parse((await ek('images', '--format', 'json', 'web')).stdout)).toMatchObject([
      { ID: Id, ContainerName: `${STACK}-web-1`, Repository: 'ek-lab/sleep', Tag: '1' },
    ])
  })

  test('volumes shows those of the stack, or of a service', async () => {
    expect((await ek('volumes')).stdout).toBe(`DRIVER    VOLUME NAME\nlocal     ${STACK}_data\n`)
    expect((await ek('volumes', '-q', 'web')).stdout).toBe(`${STACK}_data\n`)
    expect((await ek('volumes', '-q', 'db')).stdout).toBe('')
    expect(JSON.parse((await ek('volumes', '--format', 'json')).stdout)).toMatchObject({
      Name: `${STACK}_data`,
      Driver: 'local',
    })
    expect(await refused('volumes', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
  })

  test('stats shows once what they use', async () => {
    await ek('kill', 'db')
    const rows = async (...args: string[]) =>
      (await ek('stats', '--no-stream', '--format', 'json', ...args)).stdout
        .trim()
        .split('\n')
        .map((line: string) => JSON.parse(line))
    expect(await rows()).toMatchObject([{ Name: `${STACK}-web-1`, PIDs: expect.stringMatching(/^[1-9]/) }])
    expect(await rows('-a')).toMatchObject([
      { Name: `${STACK}-db-1`, PIDs: '0', MemUsage: '0B / 0B' },
      { Name: `${STACK}-web-1` },
    ])
    expect((await ek('stats', '--no-stream')).stdout).toMatch(/^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT/)
    expect(await refused('stats', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
  })

  test('stats goes on, and sees containers come and go', async () => {
    const following = runProgram(
      join(projectFolder, 'dist/bin/evenkeel'),
      ['-H', `unix://${daemon.socket}`, '-p', STACK, 'stats', '--format', 'json'],
      { timeoutMs: 15_000 },
    )
    await delay(2500)
    await ek('scale', 'web=2')
    await ek('kill', 'db')
    const { stdout } = await following
    const names = stdout
      .trim()
      .split('\n')
      .map((line: string) => JSON.parse(line).Name as string)
    expect(new Set(names)).toEqual(new Set([`${STACK}-web-1`, `${STACK}-db-1`, `${STACK}-web-2`]))
    expect(names.slice(-2)).toEqual([`${STACK}-web-1`, `${STACK}-web-2`])
  })

  test('of a stack that is not there is empty, as for Compose', async () => {
    for (const name of ['top', 'images', 'volumes', 'stats --no-stream']) {
      const { stdout } = await daemon.must(['-p', 'ektest-nosuch', ...name.split(' ')])
      expect(stdout.trim().split('\n').length).toBe(1)
    }
  })
})

describe('wait', () => {
  test('answers the exit code of a container', async () => {
    await up({ job: { image: 'ek-lab/job:1', environment: { EXIT_CODE: '7', SECONDS: '2' } }, db: SLEEP })
    const { code, stdout } = await daemon.ek(['wait', 'job'], at)
    expect([code, stdout]).toEqual([7, expect.stringMatching(/^container "[0-9a-f]{64}" exited with status code 7\n$/)])
    expect(await refused('wait', 'job')).toEqual({ code: 1, message: `no containers for project "${STACK}"` })
    expect(await refused('wait', 'wbe')).toEqual({ code: 1, message: 'no such service: wbe' })
  })

  test('takes the stack down afterwards where that is asked for', async () => {
    await up({ job: { image: 'ek-lab/job:1', environment: { EXIT_CODE: '3', SECONDS: '2' } }, db: SLEEP })
    expect((await daemon.ek(['wait', '--down-project', 'job'], at)).code).toBe(3)
    expect(await containers()).toEqual([])
  })
})

describe('what a container holds', () => {
  beforeEach(() => up({ web: { ...SLEEP, scale: 2 }, db: SLEEP }))

  test('is exported as a tar, to a file or to standard output', async () => {
    const file = join(folder.path, 'web.tar')
    await ek('export', '-o', file, '--index', '2', 'web')
    const listed = await runProgram('tar', ['-tf', file])
    expect(listed.stdout.split('\n')).toEqual(expect.arrayContaining(['.dockerenv', 'lab/sleep.sh']))
    const { stdout } = await ek('export', 'db')
    expect(stdout.length).toBeGreaterThan(100_000)
    expect(await refused('export', '-o', '/nosuch/folder', 'db')).toMatchObject({ code: 1 })
    await ek('stop', '-t', '0', 'db')
    expect(await refused('export', 'db')).toEqual({ code: 1, message: 'service "db" is not running' })
    expect(readFileSync(file).length).toBeGreaterThan(100_000)
  })

  test('becomes an image, and healing does not disturb that', async () => {
    const reference = `${STACK}-committed:7`
    try {
      const { stderr } = await ek(
        ...['commit', '-m', 'a note', '-a', 'Me', '-c', 'ENV COLOR=green', '-c', 'WORKDIR /tmp', 'db', reference],
      )
      expect(stderr).toMatch(/db-1 {2}Committed as sha256:[0-9a-f]{64}/)
      const image = await engineJson(ENGINE, 'GET', `/images/${reference}/json`)
      expect(image).toMatchObject({ Author: 'Me', Comment: 'a note', Config: { WorkingDir: '/tmp' } })
      expect(image.Config.Env).toContain('COLOR=green')
      await untouched()
      expect((await states())['db-1']).toBe('running')
      expect(await refused('commit', 'db', 'BAD NAME')).toMatchObject({
        code: 1,
        message: expect.stringContaining('must be lowercase'),
      })
    } finally {
      await engineCall(ENGINE, 'DELETE', `/images/${reference}?force=true`, { accept: [404] })
    }
  })
})

describe('two revisions', () => {
  test('are shown side by side without a value that may be secret', async () => {
    await up({ db: { ...SLEEP, environment: { PASSWORD: 'hunter2' } } })
    await up({ db: { ...SLEEP, environment: { PASSWORD: 'hunter3' }, init: true } })
    const numbers = (await ek('history', '-q')).stdout.trim().split('\n')
    const { code, stdout } = await daemon.ek(['diff', numbers[1]!, numbers[0]!], at)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^-\s+PASSWORD: \(value 1\)$/m)
    expect(stdout).toMatch(/^\+\s+init: true$/m)
    expect(stdout).not.toContain('hunter')
    expect((await ek('diff', numbers[0]!, numbers[0]!)).stdout).toBe('')
    expect(await refused('diff', '1', '999')).toMatchObject({
      code: 1,
      message: expect.stringContaining('no revision 999'),
    })
  })
})

describe('a shell', () => {
  test('completes names of stacks and services as they are now', async () => {
    await up({ web: SLEEP, db: SLEEP })
    const complete = async (...words: string[]) =>
      (await daemon.must(['__complete', '--', ...words])).stdout
        .trim()
        .split('\n')
        .map((line: string) => line.split('\t')[0])
    expect(await complete('-p', 'ektest-cm')).toEqual([STACK])
    expect(await complete('-p', STACK, 'kill', '')).toEqual(['db', 'web'])
    expect(await complete('-p', 'ektest-nosuch', 'kill', '')).toEqual([''])
  })

  test('takes the script that it is given', async () => {
    const { stdout } = await ek('completion', 'bash')
    expect(await runProgram('bash', ['-n'], { input: stdout })).toMatchObject({ code: 0, stderr: '' })
    expect(await refused('completion', 'tcsh')).toMatchObject({ code: 1 })
  })

  test('that gives no command is shown the stacks, and where to go on', async () => {
    await up({ db: SLEEP })
    const { stdout, stderr } = await daemon.must([])
    expect(stdout).toMatch(new RegExp(`^NAME +STATUS.*\n${STACK} +running\\(1\\)`))
    expect(stderr).toContain('--help')
  })
})
