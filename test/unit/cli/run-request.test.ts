import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../client/cli/commands/index.ts'
import { parseCommandLine } from '../../../client/cli/parse.ts'
import { runRequest } from '../../../client/cli/run-one-off.ts'
import { sessionEnvironment } from '../../../client/cli/session-options.ts'
import { RunRequest } from '../../../protocol/resources/run.ts'
import { problemOf } from '../support/problems.ts'

const folder = mkdtempSync(join(tmpdir(), 'ek-run-request-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** What `evenkeel run ARGS` asks the daemon for. */
const asked = (...args: string[]) => {
  const parsed = parseCommandLine(['run', ...args], COMMANDS)
  expect(parsed.error).toBeUndefined()
  const [service, ...command] = parsed.words
  const environment = { HERE: 'from here' }
  const request = runRequest(parsed.values as never, service!, command, { tty: false, environment, cwd: '/work/dir' })
  expect(RunRequest.safeParse(request).success).toBe(true)
  return request
}

describe('run', () => {
  test('leaves everything after the service to the command, options and `--` too', () => {
    const { service, overrides, remove } = asked('--rm', 'web', 'ls', '-la', '--rm', '--', '-e', 'X=1')
    expect({ service, remove }).toEqual({ service: 'web', remove: true })
    expect(overrides.command).toEqual(['ls', '-la', '--rm', '--', '-e', 'X=1'])
    expect(overrides.environment).toEqual({})
  })

  test('says how large its terminal is, where it has one', () => {
    const { values } = parseCommandLine(['run', 'web'], COMMANDS)
    const here = { tty: true, size: { rows: 33, columns: 77 }, environment: {}, cwd: '/' }
    expect(RunRequest.parse(runRequest(values as never, 'web', [], here)).size).toEqual({ rows: 33, columns: 77 })
    expect(asked('web')).not.toHaveProperty('size')
  })

  test('without a command takes that of the service', () => {
    expect(asked('web').overrides).not.toHaveProperty('command')
  })

  test('splits an entrypoint as a stack file would', () => {
    expect(asked('--entrypoint', `sh -c 'a b'`, 'web').overrides.entrypoint).toEqual(['sh', '-c', 'a b'])
    expect(problemOf(() => asked('--entrypoint', `sh 'a`, 'web')).code).toBe('bad-request')
  })

  test('takes variables from options, from here, and from files, in this order', () => {
    const one = file('one.env', 'A=1\nB=${A}\nC=one\n')
    const two = file('two.env', 'C=two\nD=two\n')
    const args = ['-e', 'A=option', '-e', 'HERE', '-e', 'NOWHERE', '--env-from-file', one, '--env-from-file', two]
    expect(asked(...args, 'web').overrides.environment).toEqual({
      A: 'option',
      B: 'option',
      C: 'one',
      D: 'two',
      HERE: 'from here',
    })
  })

  test('refuses a file of variables that is not there', () => {
    expect(problemOf(() => asked('--env-from-file', join(folder, 'none'), 'web')).code).toBe('bad-request')
  })

  test('makes relative volumes absolute from where it is called', () => {
    const { volumes } = asked(
      '-v',
      './a:/a',
      '-v',
      '../b:/b:ro',
      '-v',
      'named:/c',
      '-v',
      '/d:/d',
      '-v',
      '/e',
      'web',
    ).overrides
    expect(volumes).toEqual(['/work/dir/a:/a', '/work/b:/b:ro', 'named:/c', '/d:/d', '/e'])
  })

  test('hands the rest on', () => {
    const request = asked(
      '--name',
      'n',
      '-P',
      '--use-aliases',
      '-d',
      '-l',
      'a=b',
      '-u',
      '1:2',
      '-w',
      '/w',
      '--cap-add',
      'A',
      '--cap-drop',
      'B',
      'web',
    )
    expect(request).toMatchObject({
      name: 'n',
      servicePorts: 'publish',
      aliases: 'service',
      start: 'now',
      overrides: { labels: { a: 'b' }, user: '1:2', workingDir: '/w', capAdd: ['A'], capDrop: ['B'] },
    })
  })
})

describe('exec', () => {
  test('leaves everything after the service to the command', () => {
    const parsed = parseCommandLine(
      ['-p', 'shop', 'exec', '-T', '-u', 'root', 'web', 'sh', '-c', 'x', '--help'],
      COMMANDS,
    )
    expect(parsed).toMatchObject({ help: false, words: ['web', 'sh', '-c', 'x', '--help'] })
    expect(parsed.values).toMatchObject({ 'no-tty': true, user: 'root', interactive: true })
    expect(parsed.error).toBeUndefined()
  })

  test('takes letters together, as in `exec -it`', () => {
    expect(parseCommandLine(['exec', '-it', 'web', 'sh'], COMMANDS).values).toMatchObject({
      interactive: true,
      tty: true,
    })
  })

  test('may be told to give no input', () => {
    const { values } = parseCommandLine(['exec', '--interactive=false', 'web', 'sh'], COMMANDS)
    expect(values.interactive).toBe(false)
  })

  test('takes variables without a value from here, and leaves out what is not set', () => {
    expect(sessionEnvironment(['A=1', 'B', 'C', 'D='], { B: 'two' })).toEqual(['A=1', 'B=two', 'D='])
  })
})
