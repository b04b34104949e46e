/** Logs end to end: client, daemon and a real Engine. Short runs of what `npm run prove -- logs-follow` shows at length. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const ENGINE = testEngines()[0]!
const STACK = `ektest-logs-${process.pid}`
const EK = join(projectFolder, 'dist/bin/ek')

let daemon: Awaited<ReturnType<typeof startDaemon>>
const folder = temporaryFolder('logs')
const at = { cwd: folder.path }

const shell = (script: string) => ({
  image: 'ek-lab/job:1',
  network_mode: 'none',
  stop_grace_period: '1s',
  entrypoint: ['/bin/sh', '-c', `${script}; exec sleep 100000`],
})
const COUNTER = {
  image: 'ek-lab/chatty:1',
  network_mode: 'none',
  stop_grace_period: '2s',
  logging: { driver: 'json-file', options: { 'max-size': '500k', 'max-file': '20' } },
}
const STREAMED = { LINES: '0', RATE: '1000', STDERR_EVERY: '0' }
const SERVICES = {
  raw: shell(`printf 'crlf\\r\\n\\033[31mred\\033[0m\\n10%%\\r20%%\\n'; head -c 40000 /dev/zero | tr '\\0' x; echo`),
  mute: { ...shell('echo nothing'), logging: { driver: 'none' } },
  counter: { ...COUNTER, environment: { ...STREAMED, ROUND: '0' } },
  twin: { ...shell('echo "I am $HOSTNAME"'), deploy: { replicas: 2 } },
}

const declare = (services: object) =>
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services }))

/** A client that follows until the test is over. */
function follow(...args: string[]): { lines: string[]; notes: string[]; numbers: () => number[]; child: ChildProcess } {
  const environment = { ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}`, NO_COLOR: '1' }
  const child = spawn(EK, ['-p', STACK, 'logs', '-f', '--no-log-prefix', ...args], { env: environment })
  onTestFinished(() => void child.kill('SIGKILL'))
  const follower = { lines: [] as string[], notes: [] as string[], numbers: () => numbersOf(follower.lines), child }
  const gather = (name: 'stdout' | 'stderr', into: string[]) => {
    let open = ''
    child[name].setEncoding('utf8').on('data', (text: string) => {
      const lines = `${open}${text}`.split('\n')
      open = lines.pop() ?? ''
      into.push(...lines)
    })
  }
  gather('stdout', follower.lines)
  gather('stderr', follower.notes)
  return follower
}

const numbersOf = (lines: readonly string[]) => lines.map((line) => Number(/^stdout (\d{10}) /.exec(line)?.[1]))

/**
 * Each line in order, and once where the Engine gives it once: 20.10 repeats the last lines of a file to its followers
 * when the log is rotated. The count begins anew with each container.
 */
async function expectWhole(numbers: readonly number[], containers: number): Promise<void> {
  const { Version } = await engineJson(ENGINE, 'GET', '/version')
  const repeats = Number.parseInt(Version, 10) < 23
  const follows = (number: number, last: number) => (repeats ? number <= last + 1 : number === last + 1)
  const faults = numbers.filter((number, index) => index > 0 && !follows(number, numbers[index - 1]!) && number !== 1)
  expect(faults).toEqual([])
  expect(numbers.filter((number) => number === 1)).toHaveLength(containers)
}

beforeAll(async () => {
  await sweep(ENGINE, STACK)
  daemon = await startDaemon(ENGINE, 'logs')
  declare(SERVICES)
  await daemon.must(['up'], at)
})

afterAll(async () => {
  await daemon.ek(['down', '-t', '0'], at)
  await daemon.remove()
  folder.remove()
})

describe('logs', () => {
  test('are the bytes that were written: carriage returns, colours, a line of 40,000 characters', async () => {
    const wanted = `crlf\r\n\x1b[31mred\x1b[0m\n10%\r20%\n${'x'.repeat(40_000)}\n`
    await until('all is written', async () => (await daemon.must(['logs', 'raw'], at)).stdout.length > 40_000)
    expect((await daemon.must(['logs', '--no-log-prefix', 'raw'], at)).stdout).toBe(wanted)
    const times = (await daemon.must(['logs', '-t', '--no-log-prefix', 'raw'], at)).stdout.split('\n')
    expect(
      times
        .slice(0, -1)
        .map((line) => line.slice(31))
        .join('\n'),
    ).toBe(wanted.trimEnd())
  })

  test('of a driver that cannot be read say so, and the others are shown', async () => {
    const { stdout, stderr, code } = await daemon.ek(['logs', 'mute', 'raw'], at)
    expect(stderr).toMatch(/mute-1: .*does not support reading.*`logging`/)
    expect(stdout).toContain('crlf')
    expect(code).toBe(0)
  })

  test('are of one replica with --index', async () => {
    const { stdout } = await daemon.must(['logs', '--index', '2', 'twin'], at)
    expect(stdout).toMatch(/^twin-2 {2}\| I am .*\n$/)
  })

  test('are searched with --grep, and refuse an expression that could take for ever', async () => {
    expect((await daemon.must(['logs', '--no-log-prefix', '--grep', '^1\\d%', 'raw'], at)).stdout).toBe('10%\r20%\n')
    const refused = await daemon.ek(['logs', '--grep', '(x+)\\1', 'raw'], at)
    expect(refused.stderr).toContain('--grep cannot take this expression')
    expect(refused.code).toBe(1)
  })

  test('are JSON with --json', async () => {
    const { stdout } = await daemon.must(['logs', '--json', '-n', '1', 'twin', '--index', '1'], at)
    expect(JSON.parse(stdout)).toMatchObject({ service: 'twin', replica: 1, stream: 'stdout' })
  })
})

test('who follows has each line once through rotations, replacements and restarts of the daemon', async () => {
  const follower = follow('--tail', '1', 'counter')
  await until('some rotations', () => follower.lines.length > 8000)
  for (const round of ['1', '2']) {
    const before = follower.lines.length
    declare({ ...SERVICES, counter: { ...COUNTER, environment: { ...STREAMED, ROUND: round } } })
    await daemon.must(['up'], at)
    await until(
      `lines of round ${round}`,
      () =>
        follower
          .numbers()
          .slice(before)
          .filter((n) => n === 1).length > 0,
    )
  }
  for (const end of [() => daemon.stop(), () => daemon.kill()]) {
    await end()
    await daemon.start()
    const before = follower.lines.length
    await until('lines come again', () => follower.lines.length > before + 1000)
  }
  expect(follower.notes.filter((note) => !note.includes('the daemon is gone'))).toEqual([])
  await expectWhole(follower.numbers(), 2)
})

test('the logs of a replaced container stay, until they are shown with --previous', async () => {
  declare({ ...SERVICES, twin: { ...shell('echo "the new one"'), deploy: { replicas: 1 } } })
  await daemon.must(['up'], at)
  await until('the new one has spoken', async () =>
    (await daemon.must(['logs', 'twin'], at)).stdout.includes('the new one'),
  )
  expect((await daemon.must(['logs', 'twin'], at)).stdout).toBe('twin-1  | the new one\n')
  const { stdout } = await daemon.must(['logs', '--previous', 'twin'], at)
  expect(stdout.split('\n').sort().slice(1)).toEqual([
    expect.stringMatching(/^twin-1 {2}\| I am /),
    expect.stringMatching(/^twin-2 {2}\| I am /),
  ])
})
