/** Sessions with containers and copies, end to end: client, daemon and a real Engine. */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'
import { runOnPipes, runOnTerminal } from '../lab/terminal.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-session-${process.pid}`
const EK = join(projectFolder, 'dist/bin/ek')
const MIB = 1024 * 1024

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('session')
const at = { cwd: folder.path }
const here = (path: string) => join(folder.path, path)
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const environment = () => ({ ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}` })

const WAIT = {
  image: 'ek-lab/job:1',
  entrypoint: ['/bin/sh', '-c'],
  command: ['sleep 100000'],
  stop_grace_period: '1s',
}
const SERVICES = {
  web: {
    ...WAIT,
    depends_on: { db: { condition: 'service_healthy' } },
    environment: { COLOR: 'green' },
    deploy: { replicas: 2 },
  },
  db: { image: 'ek-lab/sleep:1', stop_grace_period: '1s', healthcheck: { test: ['CMD', 'true'], interval: '1s' } },
  shell: { ...WAIT, entrypoint: ['/bin/sh'], command: [], tty: true, stdin_open: true },
  patient: {
    ...WAIT,
    command: ["trap 'echo got INT; exit 9' INT; echo ready; while true; do echo beat; sleep 0.2; done"],
  },
}

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
const apiMinor = async (): Promise<number> =>
  Number((await engineJson(ENGINE, 'GET', '/version')).ApiVersion.split('.')[1])
const oneOffs = async () =>
  (await containers()).filter((container) => container.Labels['com.docker.compose.oneoff'] === 'True')
const replicas = async () =>
  (await containers())
    .filter((container) => container.Labels['com.docker.compose.oneoff'] === 'False')
    .map(({ Id, State }) => `${Id} ${State}`)
    .sort()

const ek = (...args: string[]) => daemon.ek(args, at)
const must = (...args: string[]) => daemon.must(args, at)
const onPipes = (...args: string[]) => runOnPipes(EK, args, { cwd: folder.path, env: environment() })
const onTerminal = (...args: string[]) =>
  runOnTerminal(EK, args, { cwd: folder.path, env: environment(), rows: 33, columns: 77 })

/** The client with a file as its input, and its output as bytes. */
function piped(args: string[], inputFile: string): Promise<{ code: number | null; bytes: Buffer }> {
  return new Promise((resolve) => {
    const input = openSync(inputFile, 'r')
    const child = spawn(EK, args, { cwd: folder.path, env: environment(), stdio: [input, 'pipe', 'inherit'] })
    closeSync(input)
    const chunks: Buffer[] = []
    child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('close', (code) => resolve({ code, bytes: Buffer.concat(chunks) }))
  })
}

beforeAll(async () => {
  daemon = await startDaemon(ENGINE, 'session')
  writeFileSync(here('compose.yaml'), JSON.stringify({ name: STACK, services: SERVICES }))
  await must('up')
})

afterAll(async () => {
  await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
  await daemon.remove()
  await sweep(ENGINE, STACK)
  folder.remove()
})

describe('exec', () => {
  test('prints what the command prints, each to its own output, and exits with its code', async () => {
    expect(await ek('exec', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 3')).toMatchObject({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })

  test('reads a pipe to its end', async () => {
    expect(await daemon.ek(['exec', 'web', 'cat'], { ...at, input: 'hi\n' })).toMatchObject({ code: 0, stdout: 'hi\n' })
    expect((await daemon.ek(['exec', '-T', 'web', 'wc', '-c'], { ...at, input: 'four' })).stdout.trim()).toBe('4')
  })

  test('without input, as cron gives none, ends with the command', async () => {
    expect(await ek('exec', 'web', 'cat')).toMatchObject({ code: 0, stdout: '' })
  })

  test('has the environment, user, folder and privileges that it is given', async () => {
    const script = 'echo $COLOR $FOO; id -u; pwd; grep CapEff /proc/self/status'
    const { stdout } = await must('exec', '-e', 'FOO=bar', '-u', '1000', '-w', '/tmp', 'web', 'sh', '-c', script)
    expect(stdout).toMatch(/^green bar\n1000\n\/tmp\n/)
    // An Engine that may not give more itself refuses, which shows that it was asked as well.
    const capabilities = async (...args: string[]) =>
      /CapEff:\s*\w+|unable to apply caps/.exec(
        (await ek('exec', ...args, 'web', 'cat', '/proc/self/status')).stdout,
      )![0]
    expect(await capabilities('--privileged')).not.toBe(await capabilities())
  })

  test('reaches the replica that is named', async () => {
    const hostname = async (index: string) => (await must('exec', '--index', index, 'web', 'hostname')).stdout.trim()
    const number = async (id: string) =>
      (await containers()).find(({ Id }) => Id.startsWith(id))!.Labels['com.docker.compose.container-number']
    expect(await number(await hostname('1'))).toBe('1')
    expect(await number(await hostname('2'))).toBe('2')
  })

  test('tells in Compose’s words what cannot be reached', async () => {
    expect(await ek('exec', 'nosvc', 'true')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^service "nosvc" is not running\n/),
    })
    expect(await ek('exec', '--index', '7', 'web', 'true')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^service "web" is not running container #7\n/),
    })
    expect((await ek('exec', 'web')).code).toBe(1)
  })

  test('of a command that is not there exits as the Engine says', async () => {
    const { code, stdout, stderr } = await ek('exec', 'web', 'nosuchcommand')
    expect([126, 127]).toContain(code)
    expect(stdout + stderr).toContain('executable file not found')
  })

  test('leaves a command running that it is told to leave', async () => {
    expect(await ek('exec', '-d', 'web', 'sh', '-c', 'echo done > /tmp/detached')).toMatchObject({
      code: 0,
      stdout: '',
    })
    await until(
      'it has done its work',
      async () => (await ek('exec', 'web', 'cat', '/tmp/detached')).stdout === 'done\n',
    )
  })

  test('carries 50 MiB of any bytes in and out unchanged', async () => {
    const bytes = randomBytes(50 * MIB)
    writeFileSync(here('random'), bytes)
    const inward = await piped(['exec', '-T', 'web', 'sha256sum'], here('random'))
    expect(inward.bytes.toString()).toBe(`${sha(bytes)}  -\n`)
    const both = await piped(['exec', '-T', 'web', 'cat'], here('random'))
    expect(both.code).toBe(0)
    expect(sha(both.bytes)).toBe(sha(bytes))
  })

  test('does not pile up what a slow reader has not taken, nor lose it', async () => {
    await must('exec', 'web', 'sh', '-c', 'head -c 104857600 /dev/zero > /tmp/large')
    const before = daemon.status().residentKiB
    const child = spawn(EK, ['exec', '-T', 'web', 'cat', '/tmp/large'], {
      ...at,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await until('nothing moves any more', async () => {
      const busy = daemon.cpuSeconds()
      await new Promise((resolve) => setTimeout(resolve, 500))
      return daemon.cpuSeconds() - busy < 0.03 && child.stdout!.readableLength > 0
    })
    const client = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1])
    expect(daemon.status().residentKiB - before).toBeLessThan(40 * 1024)
    expect(client).toBeLessThan(150 * 1024)
    let length = 0
    for await (const chunk of child.stdout!) length += (chunk as Buffer).length
    expect(length).toBe(100 * MIB)
  })

  test('does not pile up what a command has not read, and does not wait for it either', async () => {
    writeFileSync(here('zeros'), Buffer.alloc(100 * MIB))
    const before = daemon.status().residentKiB
    const { code } = await piped(['exec', '-T', 'web', 'sleep', '2'], here('zeros'))
    expect(code).toBe(0)
    expect(daemon.status().residentKiB - before).toBeLessThan(40 * 1024)
  })

  test('ends when the reader of its output does', async () => {
    const child = onPipes('exec', '-T', 'web', 'sh', '-c', 'while echo x; do :; done')
    await child.shows(/x/)
    child.closeOutput()
    expect(await child.ended).toBe(141)
  })

  test.each([[['exec', '-T', 'web', 'echo', 'x']], [['ps']]])(
    'tells of a full disk under the output of %j',
    async (args) => {
      const full = openSync('/dev/full', 'w')
      const child = spawn(EK, args, { ...at, env: environment(), stdio: ['ignore', full, 'pipe'] })
      closeSync(full)
      let said = ''
      child.stderr!.on('data', (chunk) => {
        said += chunk
      })
      const code = await new Promise((resolve) => child.once('close', resolve))
      expect(said).toMatch(/^standard output cannot be written: ENOSPC.*\n {2}make room there, or write elsewhere\n$/)
      expect(code).toBe(1)
    },
  )

  test('ends with Ctrl-C, as any command does', async () => {
    const child = onPipes('exec', '-T', 'web', 'sh', '-c', 'echo started; sleep 1000')
    await child.shows(/started/)
    child.signal('SIGINT')
    expect(await child.ended).toBe(130)
  })
})

describe('exec on a terminal', () => {
  test('has one there, of the same size, and a new size reaches it', async () => {
    const terminal = onTerminal('exec', 'web', 'sh')
    await terminal.shows(/# /)
    terminal.type('tty\r')
    await terminal.shows(/\/dev\/pts\/\d+\r\n/)
    // Below API 1.42 a program may look sooner than it is told.
    const told = async (size: RegExp) => {
      terminal.type('stty size\r')
      return size.test(terminal.output)
    }
    await until('it has the size', () => told(/33 77/), { everyMs: 300 })
    terminal.resize(44, 99)
    await until('the new size is there', () => told(/44 99/), { everyMs: 300 })
    terminal.type('exit 5\r')
    expect(await terminal.ended).toBe(5)
  })

  test('has its size from the start, where the Engine can', async () => {
    for (const args of [
      ['exec', 'web', 'stty', 'size'],
      ['run', '--rm', '--no-deps', '--entrypoint', 'stty', 'web', 'size'],
    ]) {
      const terminal = onTerminal(...args)
      await terminal.ended
      // Below API 1.42 a program may look sooner than it is told.
      expect(terminal.output).toMatch((await apiMinor()) >= 42 ? /^33 77\s*$/m : /^(33 77|stty: standard input.*)\s*$/m)
    }
  })

  test('hands on every key: Ctrl-C is the command’s', async () => {
    const terminal = onTerminal('exec', 'web', 'sh', '-c', 'echo started; cat')
    await terminal.shows(/started/)
    terminal.type('\u0003')
    expect(await terminal.ended).toBe(130)
  })

  test('leaves with the detach keys, and the command goes on', async () => {
    const terminal = onTerminal('exec', 'web', 'sh', '-c', 'echo started; sleep 1017')
    await terminal.shows(/started/)
    terminal.type('\u0010\u0011')
    // Compose's exit code for this.
    expect(await terminal.ended).toBe(1)
    expect(terminal.output).toContain('read escape sequence')
    expect((await must('exec', 'web', 'ps', '-o', 'args')).stdout).toContain('sleep 1017')
  })

  test('has none with -T', async () => {
    const terminal = onTerminal('exec', '-T', 'web', 'sh', '-c', 'tty; exit 4')
    expect(await terminal.ended).toBe(4)
    expect(terminal.output).toContain('not a tty')
  })

  test('leaves the terminal as it was', async () => {
    const script = `stty -g; "$1" exec web true; stty -g`
    const terminal = runOnTerminal('sh', ['-c', script, 'sh', EK], { cwd: folder.path, env: environment() })
    expect(await terminal.ended).toBe(0)
    const [before, after] = terminal.output.trim().split('\r\n')
    expect(after).toBe(before)
  })
})

describe('attach', () => {
  test('shows what the program writes, hands signals on, and exits with its code', async () => {
    const attached = onPipes('attach', 'patient')
    await attached.shows(/beat/)
    attached.signal('SIGINT')
    expect(await attached.ended).toBe(9)
    expect(attached.output).toContain('got INT')
    await must('start', 'patient')
  })

  test('ends alone where signals are not handed on', async () => {
    const attached = onPipes('attach', '--sig-proxy=false', '--no-stdin', 'patient')
    await attached.shows(/beat/)
    attached.signal('SIGTERM')
    expect(await attached.ended).toBe(143)
    const state = (await containers()).find(({ Labels }) => Labels['com.docker.compose.service'] === 'patient')
    expect(state?.State).toBe('running')
  })

  test('types into a terminal, and leaves it with keys of one’s own', async () => {
    const terminal = onTerminal('attach', '--detach-keys', 'ctrl-x', 'shell')
    terminal.type('echo $((6 * 7))\r')
    await terminal.shows(/\n42\r/)
    terminal.type('\u0018')
    expect(await terminal.ended).toBe(1)
    const { State } = (await containers()).find(({ Labels }) => Labels['com.docker.compose.service'] === 'shell')!
    expect(State).toBe('running')
  })

  test('is refused where nothing runs', async () => {
    await must('stop', '-t', '0', 'patient')
    for (const service of ['patient', 'nosvc']) {
      expect(await ek('attach', service)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`service "${service}" is not running`),
      })
    }
    await must('start', 'patient')
  })
})

describe('run', () => {
  test('prints what the command prints, and exits with its code', async () => {
    expect(await ek('run', '--rm', 'web', 'echo out; echo err >&2; exit 7')).toMatchObject({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })

  test('with --rm leaves nothing behind', async () => {
    expect(await oneOffs()).toEqual([])
  })

  test('has the service’s environment and what is given besides', async () => {
    const { stdout } = await must(
      'run',
      '--rm',
      '-e',
      'FOO=bar',
      '-u',
      '1000',
      '-w',
      '/tmp',
      '--entrypoint',
      '/bin/sh',
      'web',
      '-c',
      'echo $COLOR $FOO; id -u; pwd',
    )
    expect(stdout).toBe('green bar\n1000\n/tmp\n')
  })

  test('reads a pipe to its end', async () => {
    expect(await daemon.ek(['run', '--rm', 'web', 'cat; exit 2'], { ...at, input: 'hi\n' })).toMatchObject({
      code: 2,
      stdout: 'hi\n',
    })
  })

  test('hands signals on to the program', async () => {
    const running = onPipes(
      'run',
      '--rm',
      '--no-deps',
      'web',
      "trap 'echo got TERM; exit 8' TERM; echo ready; while true; do sleep 0.1; done",
    )
    await running.shows(/ready/)
    running.signal('SIGTERM')
    expect(await running.ended).toBe(8)
  })

  test('is a terminal where there is one', async () => {
    const terminal = onTerminal('run', '--rm', '--no-deps', '--entrypoint', 'sh', 'web')
    await terminal.shows(/# /)
    await until(
      'the size is there',
      async () => {
        terminal.type('stty size\r')
        return /33 77/.test(terminal.output)
      },
      { everyMs: 300 },
    )
    terminal.type('exit 6\r')
    expect(await terminal.ended).toBe(6)
  })

  test('of a program that is not there fails, and leaves nothing with --rm', async () => {
    expect(await ek('run', '--rm', '--entrypoint', 'nosuch', 'web')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('executable file not found'),
    })
    await until('it is gone', async () => (await oneOffs()).length === 0)
  })

  test('mounts and publishes what it is told to, and nothing of the service’s ports', async () => {
    mkdirSync(here('mounted'))
    writeFileSync(here('mounted/file'), 'from here')
    const { stdout } = await must('run', '--rm', '-v', './mounted:/mounted:ro', 'web', 'cat /mounted/file')
    expect(stdout).toBe('from here')
    const id = (await must('run', '-d', '--rm', '-p', '127.0.0.1::80', 'web', 'sleep 1000')).stdout.trim()
    const { HostConfig } = await engineJson(ENGINE, 'GET', `/containers/${id}/json`)
    expect(Object.keys(HostConfig.PortBindings)).toEqual(['80/tcp'])
    expect(HostConfig.AutoRemove).toBe(true)
    await engineCall(ENGINE, 'DELETE', `/containers/${id}?force=true`)
  })

  test('brings up what it depends on, healthy, and not the service itself', async () => {
    await must('down', '-t', '0')
    expect((await must('run', '--rm', 'web', 'echo there')).stdout).toBe('there\n')
    expect((await containers()).map(({ Names }) => Names[0])).toEqual([`/${STACK}-db-1`])
    await must('down', '-t', '0')
    expect((await must('run', '--rm', '--no-deps', 'web', 'echo alone')).stdout).toBe('alone\n')
    expect(await containers()).toEqual([])
  })

  test('makes a container that is nobody’s replica, and that what follows leaves alone', async () => {
    await must('up')
    const before = await replicas()
    const running = (await must('run', '-d', 'web', 'sleep 1000')).stdout.trim()
    await must('run', 'web', 'exit 0')
    const made = await oneOffs()
    expect(made.map(({ Labels }) => Labels['com.docker.compose.service'])).toEqual(['web', 'web'])
    for (const { Names } of made) expect(Names[0]).toMatch(new RegExp(`^/${STACK}-web-run-[0-9a-f]{12}$`))
    expect(await replicas()).toEqual(before)

    await must('up')
    await must('up', '--scale', 'web=1')
    expect((await oneOffs()).map(({ Id }) => Id).sort()).toEqual(made.map(({ Id }) => Id).sort())
    const { stdout } = await must('plan')
    expect(stdout).toMatch(/1 to create, 0 to change, 0 to replace, 0 to remove|No changes/)

    // The loop looks again after each event of it, and finds nothing to do.
    await engineCall(ENGINE, 'POST', `/containers/${running}/kill`)
    await until('it has ended', async () => (await oneOffs()).every(({ State }) => State === 'exited'))
    await until('the stack rests', async () => (await must('ls', '--format', 'json')).stdout.includes('"steady"'))
    expect(await oneOffs()).toHaveLength(2)
    expect((await must('ps', '-a', '-q')).stdout.trim().split('\n')).toHaveLength((await containers()).length)

    await must('up', '--remove-orphans')
    expect(await oneOffs()).toEqual([])
  })
})

describe('cp', () => {
  const contents = randomBytes(20 * MIB)

  beforeAll(async () => {
    await must('up')
    mkdirSync(here('site/sub'), { recursive: true })
    writeFileSync(here('site/large'), contents)
    chmodSync(here('site/large'), 0o640)
    writeFileSync(here('site/sub/small'), 'small')
    symlinkSync('sub/small', here('site/link'))
    mkdirSync(here('out'))
  })

  test('brings a folder into every replica, and back, with modes and links', async () => {
    await must('cp', './site', 'web:/srv-site')
    for (const index of ['1', '2']) {
      const { stdout } = await must('exec', '--index', index, 'web', 'sha256sum', '/srv-site/large')
      expect(stdout).toBe(`${sha(contents)}  /srv-site/large\n`)
    }
    await must('cp', '--index', '2', 'web:/srv-site', './out/back')
    expect(sha(readFileSync(here('out/back/large')))).toBe(sha(contents))
    expect(lstatSync(here('out/back/large')).mode & 0o7777).toBe(0o640)
    expect(readlinkSync(here('out/back/link'))).toBe('sub/small')
    expect(readFileSync(here('out/back/sub/small'), 'utf8')).toBe('small')
  })

  test('means what is in a folder with /. at its end', async () => {
    await must('cp', 'site/sub/.', 'web:/tmp')
    expect((await must('exec', 'web', 'cat', '/tmp/small')).stdout).toBe('small')
    await must('cp', 'web:/srv-site/sub/.', 'out')
    expect(readFileSync(here('out/small'), 'utf8')).toBe('small')
  })

  test('carries tar streams', async () => {
    const archive = execFileSync('tar', ['c', '-C', here('site'), 'sub'])
    writeFileSync(here('sub.tar'), archive)
    expect((await piped(['cp', '--index', '1', '-', 'web:/opt'], here('sub.tar'))).code).not.toBe(0)
    await must('exec', 'web', 'mkdir', '-p', '/opt')
    expect((await piped(['cp', '--index', '1', '-', 'web:/opt'], here('sub.tar'))).code).toBe(0)
    const { bytes } = await piped(['cp', 'web:/opt/sub', '-'], '/dev/null')
    expect(execFileSync('tar', ['t'], { input: bytes }).toString()).toBe('sub/\nsub/small\n')
  })

  test.each([
    [['web:/none', 'out'], 'Could not find the file /none'],
    [['none', 'web:/tmp'], 'no such file or directory'],
    [['web:/srv-site/large', 'out/none/'], 'no such directory'],
    [['web:/srv-site/large', 'none/x'], 'does not exist'],
    [['site', 'web:/srv-site/large'], 'cannot copy directory'],
    [['web:/a', 'db:/b'], 'copying between services is not supported'],
    [['a', 'b'], 'unknown copy direction'],
    [['nosvc:/a', '.'], 'no container found for service "nosvc"'],
  ])('of %j is refused in Compose’s words', async (args, words) => {
    expect(await ek('cp', ...args)).toMatchObject({ code: 1, stderr: expect.stringContaining(words) })
  })

  test('writes through no link, neither one that it brings nor one that was there', async () => {
    mkdirSync(here('outside'))
    writeFileSync(here('outside/small'), 'untouched')
    // Links that lead out are copied as links, and that is all.
    await must(
      'exec',
      '--index',
      '1',
      'web',
      'sh',
      '-c',
      `mkdir -p /evil && ln -sfn ${here('outside')} /evil/out && ln -sfn ../../outside /evil/up`,
    )
    await must('cp', 'web:/evil', 'out/evil')
    expect(readlinkSync(here('out/evil/out'))).toBe(here('outside'))
    // And what comes next is not written to where they lead.
    await must(
      'exec',
      '--index',
      '1',
      'web',
      'sh',
      '-c',
      'rm /evil/out && mkdir /evil/out && echo gone > /evil/out/small',
    )
    const { code, stderr } = await ek('cp', 'web:/evil/.', 'out/evil')
    expect(code).toBe(1)
    expect(stderr).toContain('cannot overwrite non-directory')
    expect(readFileSync(here('outside/small'), 'utf8')).toBe('untouched')
    expect(readdirSync(here('outside'))).toEqual(['small'])
  })

  test('reaches no container of another stack', async () => {
    const [{ Id }] = (await containers()) as [Listed]
    const status = (stack: string, method: string) =>
      new Promise<number>((resolve, reject) => {
        request(
          {
            socketPath: daemon.socket,
            method,
            path: `/v1/stacks/${stack}/containers/${Id}/files?path=/tmp`,
            headers: { 'content-type': 'application/x-tar' },
          },
          (answer) => {
            answer.resume()
            resolve(answer.statusCode!)
          },
        )
          .once('error', reject)
          .end()
      })
    expect(await status('another', 'GET')).toBe(404)
    expect(await status('another', 'PUT')).toBe(404)
    expect(await status(STACK, 'GET')).toBe(200)
  })
})
