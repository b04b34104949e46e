/** `exec`, end to end: client, daemon and a real Engine. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { runOnTerminal } from '../lab/terminal.mjs'
import { EK, ENGINE, MIB, sessionStack, sha } from './support/session-stack.ts'

const session = sessionStack('exec')
const { at, here, environment, ek, must, onPipes, onTerminal, piped, containers } = session

const apiMinor = async (): Promise<number> =>
  Number((await engineJson(ENGINE, 'GET', '/version')).ApiVersion.split('.')[1])

describe('exec', () => {
  test('prints what the command prints, each to its own output, and exits with its code', async () => {
    expect(await ek('exec', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 3')).toMatchObject({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })

  test('reads a pipe to its end', async () => {
    expect(await session.daemon.ek(['exec', 'web', 'cat'], { ...at, input: 'hi\n' })).toMatchObject({
      code: 0,
      stdout: 'hi\n',
    })
    expect((await session.daemon.ek(['exec', '-T', 'web', 'wc', '-c'], { ...at, input: 'four' })).stdout.trim()).toBe(
      '4',
    )
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
    const before = session.daemon.status().residentKiB
    const child = spawn(EK, ['exec', '-T', 'web', 'cat', '/tmp/large'], {
      ...at,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await until('nothing moves any more', async () => {
      const busy = session.daemon.cpuSeconds()
      await new Promise((resolve) => setTimeout(resolve, 500))
      return session.daemon.cpuSeconds() - busy < 0.03 && child.stdout!.readableLength > 0
    })
    const client = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1])
    expect(session.daemon.status().residentKiB - before).toBeLessThan(40 * 1024)
    expect(client).toBeLessThan(150 * 1024)
    let length = 0
    for await (const chunk of child.stdout!) length += (chunk as Buffer).length
    expect(length).toBe(100 * MIB)
  })

  test('does not pile up what a command has not read, and does not wait for it either', async () => {
    writeFileSync(here('zeros'), Buffer.alloc(100 * MIB))
    const before = session.daemon.status().residentKiB
    const { code } = await piped(['exec', '-T', 'web', 'sleep', '2'], here('zeros'))
    expect(code).toBe(0)
    expect(session.daemon.status().residentKiB - before).toBeLessThan(40 * 1024)
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
    const terminal = runOnTerminal('sh', ['-c', script, 'sh', EK], { ...at, env: environment() })
    expect(await terminal.ended).toBe(0)
    const [before, after] = terminal.output.trim().split('\r\n')
    expect(after).toBe(before)
  })
})
