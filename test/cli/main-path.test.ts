/** The main job, end to end: client, daemon and a real Engine. */
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, runProgram, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-main-${process.pid}`

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('main-path')
const at = { cwd: folder.path }
const writeFile = (services: object, top: object = {}) =>
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services, ...top }))

interface Listed {
  Id: string
  Names: string[]
  State: string
  Labels: Record<string, string>
}

const containers = (): Promise<Listed[]> =>
  engineJson(
    ENGINE,
    'GET',
    `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))}`,
  )
const names = async () => (await containers()).map((container) => container.Names[0]!.slice(1)).sort()
const SLEEP = { image: 'ek-lab/sleep:1', stop_grace_period: '1s' }
const CHATTY = { image: 'ek-lab/chatty:1', environment: { LINES: '20', RATE: '0' }, stop_grace_period: '1s' }

beforeAll(async () => {
  daemon = await startDaemon(ENGINE, 'main-path')
})

afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('a stack from a Compose file', () => {
  test('is planned without anything being done', async () => {
    writeFile(
      { web: { ...CHATTY, depends_on: ['db'] }, db: { ...SLEEP, volumes: ['data:/data'] } },
      { volumes: { data: {} } },
    )
    const { stdout } = await daemon.must(['plan'], at)
    expect(stdout).toContain(`+ Container ${STACK}-web-1`)
    expect(stdout).toMatch(/Plan: 4 to create, 0 to change, 0 to replace, 0 to remove/)
    expect(await containers()).toEqual([])
  })

  test('comes up in order, and the client says each step as Compose does', async () => {
    const { stderr, stdout } = await daemon.must(['up'], at)
    const lines = stderr
      .trim()
      .split('\n')
      .map((line: string) => line.trim())
    expect(lines).toContain(`Container ${STACK}-db-1  Started`)
    expect(lines.indexOf(`Container ${STACK}-db-1  Started`)).toBeLessThan(
      lines.indexOf(`Container ${STACK}-web-1  Starting`),
    )
    expect(stdout).toBe('')
    expect(await names()).toEqual([`${STACK}-db-1`, `${STACK}-web-1`])
  })

  test('carries the labels of both, so that every tool of that ecosystem sees it', async () => {
    const [one] = await containers()
    expect(one!.Labels).toMatchObject({
      'com.docker.compose.project': STACK,
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.container-number': '1',
      'dev.evenkeel.stack': STACK,
      'dev.evenkeel.revision': '1',
    })
  })

  test('is listed', async () => {
    const { stdout } = await daemon.must(['ps', '--format', 'json'], at)
    const rows = stdout
      .trim()
      .split('\n')
      .map((line: string) => JSON.parse(line))
    expect(rows.map((row: { Service: string }) => row.Service).sort()).toEqual(['db', 'web'])
    const listed = JSON.parse((await daemon.must(['ls', '--format', 'json'])).stdout)
    expect(listed).toMatchObject([{ Name: STACK, Status: 'running(2)' }])
    expect((await daemon.must(['ps', '-q'], at)).stdout.trim().split('\n')).toHaveLength(2)
    expect((await daemon.must(['ps', '--services'], at)).stdout.trim().split('\n').sort()).toEqual(['db', 'web'])
  })

  test('logs, with and without the names of containers', async () => {
    await until(
      'all lines are there',
      async () => (await daemon.must(['logs', 'web'], at)).stdout.trim().split('\n').length >= 20,
    )
    expect((await daemon.must(['logs', '--tail', '3', 'web'], at)).stdout).toMatch(/^(web-1 {2}\| .*\n){3}$/)
    const plain = (await daemon.must(['logs', '--tail', '1', '--no-log-prefix', 'web'], at)).stdout
    expect(plain).not.toContain('web-1')
    expect((await daemon.must(['logs', '--tail', '1', '-t', 'web'], at)).stdout).toMatch(/\d{4}-\d\d-\d\dT.*Z/)
  })

  test('that is brought up again has nothing to do', async () => {
    expect((await daemon.must(['up'], at)).stderr).toBe('')
    expect((await daemon.must(['plan'], at)).stdout).toMatch(/^No changes/)
  })

  test('scales up and down', async () => {
    await daemon.must(['scale', 'web=3'], at)
    expect(await names()).toEqual([`${STACK}-db-1`, `${STACK}-web-1`, `${STACK}-web-2`, `${STACK}-web-3`])
    await daemon.must(['scale', 'web=1'], at)
    expect(await names()).toEqual([`${STACK}-db-1`, `${STACK}-web-1`])
  })

  test('stops, stays stopped, and starts', async () => {
    await daemon.must(['stop', '-t', '0', 'db'], at)
    const state = async () =>
      (await containers()).find((container) => container.Labels['com.docker.compose.service'] === 'db')?.State
    expect(await state()).toBe('exited')
    await daemon.must(['start', 'db'], at)
    expect(await state()).toBe('running')
  })

  test('restarts', async () => {
    const startedAt = async () => (await engineJson(ENGINE, 'GET', `/containers/${STACK}-db-1/json`)).State.StartedAt
    const before = await startedAt()
    await daemon.must(['restart', '-t', '0', 'db'], at)
    expect(await startedAt()).not.toBe(before)
  })

  test('changes in one service replace that one, under its own name, with a reason that shows no value', async () => {
    const before = await containers()
    writeFile(
      {
        web: { ...CHATTY, depends_on: ['db'] },
        db: { ...SLEEP, volumes: ['data:/data'], environment: { SECRET: 'hunter2' } },
      },
      { volumes: { data: {} } },
    )
    const { stdout } = await daemon.must(['plan'], at)
    expect(stdout).toContain('(environment.SECRET changed)')
    expect(stdout).not.toContain('hunter2')
    await daemon.must(['up'], at)
    expect(await names()).toEqual([`${STACK}-db-1`, `${STACK}-web-1`])
    const idOf = (list: Listed[], service: string) =>
      list.find((one) => one.Labels['com.docker.compose.service'] === service)!.Id
    const after = await containers()
    expect(idOf(after, 'web')).toBe(idOf(before, 'web'))
    expect(idOf(after, 'db')).not.toBe(idOf(before, 'db'))
    expect(daemon.log()).not.toContain('hunter2')
  })

  test('has a history', async () => {
    const revisions = JSON.parse((await daemon.must(['history', '--format', 'json'], at)).stdout)
    expect(revisions.map((revision: { number: number }) => revision.number)).toEqual([2, 1])
    const deployments = JSON.parse((await daemon.must(['history', '--deployments', '--format', 'json'], at)).stdout)
    expect(deployments[0]).toMatchObject({ kind: 'up', state: 'succeeded' })
  })

  test('is put back when somebody removes a container by hand', async () => {
    await engineCall(ENGINE, 'DELETE', `/containers/${STACK}-web-1?force=true`)
    await until(
      'it is back',
      async () =>
        (await containers()).filter((container) => container.State === 'running').length >= 1 &&
        (await names()).includes(`${STACK}-web-1`),
    )
  })

  test('that left the file goes with that revision', async () => {
    writeFile(
      { db: { ...SLEEP, volumes: ['data:/data'], environment: { SECRET: 'hunter2' } } },
      { volumes: { data: {} } },
    )
    await daemon.must(['up'], at)
    expect(await names()).toEqual([`${STACK}-db-1`])
  })

  test('goes down, and its volume stays until that is asked for', async () => {
    await daemon.must(['down', '-t', '0'], at)
    expect(await containers()).toEqual([])
    const volume = () =>
      engineCall(ENGINE, 'GET', `/volumes/${STACK}_data`, { accept: [404] }).then(({ status }) => status)
    expect(await volume()).toBe(200)
    await daemon.must(['down', '-v'], at)
    expect(await volume()).toBe(404)
  })

  test('that is not there: `down` says so and is content, as Compose', async () => {
    const { code, stderr } = await daemon.ek(['-p', 'ektest-nosuch', 'down'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('No resource found to remove')])
  })
})

describe('up', () => {
  test('--no-start creates and does not start; start then does', async () => {
    writeFile({ db: SLEEP })
    await daemon.must(['up', '--no-start'], at)
    expect((await containers()).map((container) => container.State)).toEqual(['created'])
    await daemon.must(['start'], at)
    expect((await containers()).map((container) => container.State)).toEqual(['running'])
  })

  test('--force-recreate makes them anew once', async () => {
    const [before] = await containers()
    await daemon.must(['up', '--force-recreate', '-t', '0'], at)
    const [after] = await containers()
    expect(after!.Id).not.toBe(before!.Id)
    expect((await daemon.must(['up'], at)).stderr).toBe('')
  })

  test('--no-recreate leaves what has changed', async () => {
    const [before] = await containers()
    writeFile({ db: { ...SLEEP, environment: { A: '1' } } })
    await daemon.must(['up', '--no-recreate'], at)
    expect((await containers())[0]!.Id).toBe(before!.Id)
  })

  test('--wait fails where a service is unhealthy, and says which', async () => {
    writeFile({ db: { ...SLEEP, healthcheck: { test: ['CMD', 'false'], interval: '1s', retries: 1 } } })
    const { code, stderr } = await daemon.ek(['up', '--wait'], at)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/db-1 is unhealthy/)])
  })

  test('--abort-on-container-exit stops the stack and answers the exit code', async () => {
    writeFile({ job: { image: 'ek-lab/job:1', environment: { EXIT_CODE: '7', SECONDS: '1' } }, db: SLEEP })
    const { code } = await daemon.ek(['up', '--abort-on-container-exit', '-t', '0'], at)
    expect(code).toBe(7)
    expect((await containers()).filter((container) => container.State === 'running')).toEqual([])
  })

  test('of a name that another folder uses is refused with its own exit code, and nothing is touched', async () => {
    const other = temporaryFolder('other')
    writeFileSync(join(other.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { other: SLEEP } }))
    const before = await names()
    const refused = await daemon.ek(['up'], { cwd: other.path })
    expect([refused.code, refused.stderr]).toEqual([15, expect.stringContaining('--take-over')])
    expect(await names()).toEqual(before)
    await daemon.must(['up', '--take-over'], { cwd: other.path })
    expect(await names()).toEqual([`${STACK}-other-1`])
    await daemon.must(['down', '-t', '0'], { cwd: other.path })
    other.remove()
  })

  test('builds an image from a folder, with its .dockerignore', async () => {
    const built = temporaryFolder('built')
    writeFileSync(
      join(built.path, 'Dockerfile'),
      'FROM ek-lab/sleep:1\nARG WORD=none\nCOPY . /context\nLABEL word=$WORD\n',
    )
    writeFileSync(join(built.path, '.dockerignore'), 'secret*\n')
    writeFileSync(join(built.path, 'secret.txt'), 'no')
    writeFileSync(join(built.path, 'kept.txt'), 'yes')
    writeFileSync(
      join(built.path, 'compose.yaml'),
      JSON.stringify({
        name: STACK,
        services: { app: { ...SLEEP, image: undefined, build: { context: '.', args: { WORD: 'spoken' } } } },
      }),
    )
    await daemon.must(['up'], { cwd: built.path })
    const image = await engineJson(ENGINE, 'GET', `/images/${STACK}-app/json`)
    expect(image.Config.Labels.word).toBe('spoken')
    const { status } = await engineCall(ENGINE, 'HEAD', `/containers/${STACK}-app-1/archive?path=/context/kept.txt`, {
      accept: [404],
    })
    const hidden = await engineCall(ENGINE, 'HEAD', `/containers/${STACK}-app-1/archive?path=/context/secret.txt`, {
      accept: [404],
    })
    expect([status, hidden.status]).toEqual([200, 404])
    await daemon.must(['down', '-t', '0', '--rmi', 'local'], { cwd: built.path })
    expect((await engineCall(ENGINE, 'GET', `/images/${STACK}-app/json`, { accept: [404] })).status).toBe(404)
    built.remove()
  })

  test('delivers configs and secrets from files, the environment and the file itself', async () => {
    writeFileSync(join(folder.path, 'key.txt'), 'from a file')
    writeFile(
      {
        db: {
          ...SLEEP,
          secrets: ['key', { source: 'token', target: '/run/token', mode: 0o400 }],
          configs: [{ source: 'text', target: '/etc/text' }],
        },
      },
      {
        secrets: { key: { file: './key.txt' }, token: { environment: 'EK_TOKEN' } },
        configs: { text: { content: 'inline' } },
      },
    )
    await daemon.must(['up'], { ...at, env: { EK_TOKEN: 'from the environment' } })
    const read = async (path: string) => {
      const { Id } = await engineJson(ENGINE, 'POST', `/containers/${STACK}-db-1/exec`, {
        body: { Cmd: ['cat', path], AttachStdout: true },
      })
      return (
        await engineCall(ENGINE, 'POST', `/exec/${Id}/start`, { body: { Detach: false, Tty: false } })
      ).text.slice(8)
    }
    expect(await read('/run/secrets/key')).toContain('from a file')
    expect(await read('/run/token')).toContain('from the environment')
    expect(await read('/etc/text')).toContain('inline')
    expect(daemon.log()).not.toContain('from the environment')
    await daemon.must(['down', '-t', '0'], at)
  })
})

describe('the daemon', () => {
  test('knows after kill -9 what it acknowledged', async () => {
    writeFile({ db: SLEEP })
    await daemon.must(['up'], at)
    await daemon.kill()
    await daemon.start()
    expect(JSON.parse((await daemon.must(['ls', '--format', 'json'])).stdout)).toMatchObject([{ Name: STACK }])
    expect((await daemon.must(['up'], at)).stderr).toBe('')
    await daemon.must(['down', '-t', '0'], at)
  })

  test('shows its stacks while the Engine is away, and says that it is', async () => {
    writeFile({ db: SLEEP })
    await daemon.must(['up'], at)
    await daemon.kill()
    await daemon.start({ engine: `unix://${join(folder.path, 'no-engine.sock')}` })
    expect((await daemon.must(['ls'])).stdout).toMatch(new RegExp(`${STACK} .*the Engine does not answer`))
    await daemon.kill()
    await daemon.start()
    expect((await daemon.must(['ls'])).stdout).toMatch(new RegExp(`${STACK} .*running\\(1\\)`))
    await daemon.must(['down', '-t', '0'], at)
  })

  test('refuses a second one on its state folder', async () => {
    const second = await runProgram(join(projectFolder, 'dist/bin/evenkeeld'), [
      '--socket',
      join(folder.path, 'second.sock'),
      '--state',
      daemon.state,
      '--engine',
      ENGINE,
    ])
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringContaining('another evenkeeld runs on the state folder'),
    ])
  })

  test('gives its socket to owner and group only, its state to the owner', () => {
    expect((statSync(daemon.socket).mode & 0o777).toString(8)).toBe('660')
    expect((statSync(daemon.state).mode & 0o777).toString(8)).toBe('700')
  })

  test('describes its API as OpenAPI 3.1 and answers errors as problem details', async () => {
    const get = (path: string) =>
      new Promise<{ status: number; type: string; body: { openapi?: string; code?: string; paths?: object } }>(
        (resolve, reject) => {
          request({ socketPath: daemon.socket, path }, (answer) => {
            let text = ''
            answer.on('data', (chunk) => {
              text += chunk
            })
            answer.on('end', () =>
              resolve({
                status: answer.statusCode!,
                type: answer.headers['content-type'] ?? '',
                body: JSON.parse(text),
              }),
            )
          })
            .on('error', reject)
            .end()
        },
      )
    const document = await get('/v1/openapi.json')
    expect(document.body.openapi).toBe('3.1.0')
    expect(Object.keys(document.body.paths!)).toContain('/v1/stacks/{stack}')
    expect(await get('/v1/stacks/nope')).toMatchObject({
      status: 404,
      type: expect.stringContaining('application/problem+json'),
      body: { code: 'stack-not-found' },
    })
    expect(await get('/v1/stacks/..%2f..')).toMatchObject({ status: 400, body: { code: 'bad-request' } })
  })
})

describe('the client', () => {
  test('says how to start a daemon where none answers', async () => {
    const { code, stderr } = await daemon.ek(['ls'], { env: { EVENKEEL_HOST: `unix://${folder.path}/none.sock` } })
    expect([code, stderr]).toEqual([16, expect.stringMatching(/no daemon answers[\s\S]*evenkeeld/)])
  })

  test('needs no daemon for config', async () => {
    writeFile({ db: SLEEP })
    const { code, stdout } = await daemon.ek(['config', '--services'], {
      ...at,
      env: { EVENKEEL_HOST: 'unix:///nowhere' },
    })
    expect([code, stdout]).toEqual([0, 'db\n'])
  })

  test('finds the file in a folder above', async () => {
    const below = join(folder.path, 'a/b')
    cpSync(join(projectFolder, 'test/lab/images'), below, { recursive: true })
    expect((await daemon.must(['config', '--services'], { cwd: below })).stdout).toBe('db\n')
  })

  test('takes global flags before and after the command, and -f as Compose does', async () => {
    const file = join(folder.path, 'compose.yaml')
    for (const args of [
      ['-f', file, 'config', '--services'],
      ['config', '-f', file, '--services'],
      ['config', '--services', `--file=${file}`],
    ]) {
      expect((await daemon.must(args, { cwd: '/' })).stdout).toBe('db\n')
    }
  })

  test('points at what is wrong: file, line, column, and what was meant; nothing is created', async () => {
    const bad = temporaryFolder('bad')
    writeFileSync(join(bad.path, 'compose.yaml'), `name: ${STACK}\nservices:\n  db:\n    imag: x\n`)
    const { code, stderr } = await daemon.ek(['up'], { cwd: bad.path })
    expect(code).toBe(1)
    expect(stderr).toMatch(/compose\.yaml:4:5: .*imag/)
    expect(stderr).toMatch(/image/)
    expect(await containers()).toEqual([])
    bad.remove()
  })

  test('suggests the command that was meant', async () => {
    expect((await daemon.ek(['lgos'])).stderr).toContain('did you mean "logs"')
  })

  test.each([['--help'], ['up', '--help'], ['logs', '--help']])('teaches: %s %s', async (...args) => {
    const { code, stdout } = await daemon.ek(args.filter(Boolean))
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: evenkeel')])
  })

  test('is there under both names, and says its version', async () => {
    expect(existsSync(join(projectFolder, 'dist/bin/evenkeel'))).toBe(true)
    const { version } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8'))
    expect((await daemon.must(['--version'])).stdout).toBe(`evenkeel ${version}\n`)
  })
})
