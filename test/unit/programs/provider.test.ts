import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runProvider } from '../../../client/programs/provider.ts'
import type { Provider } from '../../../protocol/stackfile/model.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const BIN = join(import.meta.dirname, '../../fixtures/programs/bin')

/** `provider` as it is run for a service `db` of a stack `shop`, with what it was asked and what was said of it. */
function aProvider(provider: Partial<Provider> = {}, variables: Record<string, string> = {}) {
  const log = join(temporaryFolder(), 'log')
  const said: string[] = []
  const setting = {
    project: 'shop',
    environment: { PATH: `${BIN}:${process.env.PATH}`, EKTEST_LOG: log, ...variables },
    cwd: BIN,
    say: (service: string, text: string) => said.push(`${service} ${text}`),
  }
  const run = (verb: 'up' | 'down') => runProvider(verb, 'db', { type: 'ektest-provider', ...provider }, setting)
  const calls = () => readFileSync(log, 'utf8').trim().split('\n')
  return { run, said, calls }
}

describe('a provider', () => {
  test('is called as Docker Compose calls it, and answers with variables', async () => {
    const { run, said, calls } = aProvider({ options: { name: ['x', 'y z'], size: ['3'] } })
    const given = 'compose --project-name=shop up --name=x --name=y z --size=3 db'
    expect(await run('up')).toEqual({ GIVEN: given, URL: 'https://test/?a=b' })
    expect(calls()).toEqual(['compose metadata', given])
    expect(said).toEqual(['db Creating', 'db at work', 'db Created'])
  })

  test('is told when the stack goes down', async () => {
    const { run, said, calls } = aProvider()
    await run('down')
    expect(calls()).toEqual(['compose metadata', 'compose --project-name=shop down db'])
    expect(said).toEqual(['db Removing', 'db at work', 'db Removed'])
  })

  test('may lie at a path', async () => {
    expect(await aProvider({ type: './ektest-provider' }).run('up')).toHaveProperty('URL')
  })

  test('that tells which options it takes is given those alone', async () => {
    const EKTEST_METADATA = JSON.stringify({ up: { parameters: [{ name: 'size' }] }, down: { parameters: [] } })
    const options = { name: ['x'], size: ['3'] }
    const { run, calls } = aProvider({ options }, { EKTEST_METADATA })
    await run('up')
    await run('down')
    expect(calls()).toContain('compose --project-name=shop up --size=3 db')
    expect(calls()).toContain('compose --project-name=shop down db')
  })

  test('that needs an option is not run without it', async () => {
    const EKTEST_METADATA = JSON.stringify({ up: { parameters: [{ name: 'size', required: true }] } })
    const { run, calls } = aProvider({}, { EKTEST_METADATA })
    expect(await rejectionOf(run('up'))).toMatchObject({
      code: 'stack-file-invalid',
      message: 'required parameter "size" is missing from provider "ektest-provider" definition',
    })
    expect(calls()).toEqual(['compose metadata'])
  })
})

describe('what goes wrong with a provider is told', () => {
  const says = (message: object | string, more: Record<string, string> = {}) =>
    rejectionOf(
      aProvider({}, { EKTEST_SAYS: typeof message === 'string' ? message : JSON.stringify(message), ...more }).run(
        'up',
      ),
    )

  test.each([
    ['by itself', { type: 'error', message: 'no money' }, 'provider of service db: no money'],
    ['where it speaks otherwise', 'hello', 'provider of service db: invalid response from plugin: hello'],
    ['where it says what nobody knows', { type: 'new' }, 'provider of service db: invalid response from plugin: new'],
    [
      'where a variable has no value',
      { type: 'setenv', message: 'A' },
      'provider of service db: invalid response from plugin: A',
    ],
  ])('%s', async (_, message, expected) => {
    expect(await says(message)).toMatchObject({ code: 'dependency-failed', message: expected })
  })

  test('with its exit status and the end of its standard error', async () => {
    expect(await says({ type: 'info', message: '' }, { EKTEST_EXIT: '3' })).toMatchObject({
      code: 'dependency-failed',
      message: 'ektest-provider: exit status 3\nit does not work',
    })
  })

  test('where there is none', async () => {
    expect(await rejectionOf(aProvider({ type: 'ektest-absent' }).run('up'))).toMatchObject({
      code: 'dependency-failed',
      message: 'services.db.provider: there is no program "ektest-absent" on this machine',
    })
  })
})
