/** `attach` and `run`, end to end: client, daemon and a real Engine. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { ENGINE, sessionStack } from './support/session-stack.ts'

const session = sessionStack('run')
const { stack: STACK, at, here, ek, must, onPipes, onTerminal, containers } = session

const oneOffs = async () =>
  (await containers()).filter((container) => container.Labels['com.docker.compose.oneoff'] === 'True')
const replicas = async () =>
  (await containers())
    .filter((container) => container.Labels['com.docker.compose.oneoff'] === 'False')
    .map(({ Id, State }) => `${Id} ${State}`)
    .sort()

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
    expect(await session.daemon.ek(['run', '--rm', 'web', 'cat; exit 2'], { ...at, input: 'hi\n' })).toMatchObject({
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
