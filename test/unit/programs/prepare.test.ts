import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Api } from '../../../client/api.ts'
import { type Programs, releaseProviders, withPrograms } from '../../../client/programs/prepare.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { LoadedStack } from '../../../protocol/stackfile/load.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROGRAMS = join(import.meta.dirname, '../../fixtures/programs')
let log = ''

beforeEach(() => {
  const docker = join(temporaryFolder(), 'docker')
  mkdirSync(docker)
  const config = { cliPluginsExtraDirs: [join(PROGRAMS, 'plugins')] }
  writeFileSync(join(docker, 'config.json'), JSON.stringify(config))
  vi.stubEnv('DOCKER_CONFIG', docker)
  log = join(docker, 'log')
  writeFileSync(log, '')
})

afterEach(() => {
  vi.unstubAllEnvs()
})

const calls = () => readFileSync(log, 'utf8').split('\n').filter(Boolean)
const environment = () => ({ PATH: `${join(PROGRAMS, 'bin')}:${process.env.PATH}`, EKTEST_LOG: log })

const ON = { condition: 'service_started', required: true } as const
const provider = { type: 'ektest-provider' }

/** `web` uses what `db` stands for; `db` needs `net`, which is no container either. */
const SHOP: Model = {
  name: 'shop',
  services: {
    db: { provider, depends_on: { net: ON } },
    net: { provider },
    other: { image: 'o:1' },
    web: { image: 'w:1', depends_on: { db: ON }, environment: { DB_URL: 'of the file', A: 'b' } },
  },
}

const LEARNED: Model = {
  name: 'shop',
  services: {
    web: { image: 'w:1', models: { 'small-llm': null, big: { endpoint_var: 'AT', model_var: 'NAME' } } },
  },
  models: { 'small-llm': { model: 'ai/here' }, big: { model: 'ai/away', context_size: 64, runtime_flags: ['-v'] } },
}

async function prepared(
  model: Model,
  {
    services,
    programs = 'run',
    before,
    way = 'unix',
  }: Partial<{ services: string[]; programs: Programs; before: Model; way: string }> = {},
) {
  const api = {
    address: { way: { kind: way } },
    call: async (name: string) => {
      if (name === 'info') return { engine: { address: 'unix:///engine.sock' } }
      if (before === undefined) throw new Problem('stack-not-found', 'there is no stack shop')
      return before
    },
  } as unknown as Api
  const loaded = { model, environment: environment() } as unknown as LoadedStack
  const scope = new Set(services ?? Object.keys(model.services))
  return withPrograms({ api, say: () => {} }, loaded, scope, programs)
}

describe('providers', () => {
  test('are run in the order of depends_on, and what they say wins over the file', async () => {
    const { services } = await prepared(SHOP)
    expect(services.web!.environment).toEqual({
      A: 'b',
      DB_GIVEN: 'compose --project-name=shop up db',
      DB_URL: 'https://test/?a=b',
    })
    expect(services.db!.environment).toHaveProperty('NET_URL')
    expect(services.other).toEqual(SHOP.services.other)
    expect(
      calls()
        .filter((call) => !call.includes('metadata'))
        .map((call) => call.split(' ').at(-1)),
    ).toEqual(['net', 'db'])
  })

  test('are not run for services that a request is not about', async () => {
    expect(await prepared(SHOP, { services: ['other'] })).toEqual(SHOP)
    expect(calls()).toEqual([])
  })

  test('that are not run count as they were', async () => {
    const web = { ...SHOP.services.web!, environment: { DB_GIVEN: 'before', DB_URL: 'before', OTHER: 'gone' } }
    const before = { ...SHOP, services: { ...SHOP.services, web } }
    const { services } = await prepared(SHOP, { programs: 'preview', before })
    expect(services.web!.environment).toEqual({ A: 'b', DB_GIVEN: 'before', DB_URL: 'of the file' })
    expect(calls()).toEqual([])
  })

  test('are told that the stack is down: those that others need come last', async () => {
    const setting = { project: 'shop', environment: environment(), cwd: '/', say: () => {} }
    await releaseProviders(SHOP, [], setting)
    const downs = calls().filter((call) => call.includes(' down '))
    expect(downs.map((call) => call.split(' ').at(-1))).toEqual(['db', 'net'])
  })
})

describe('models', () => {
  test('are made ready by the plugin of Docker, and services learn where they are', async () => {
    const { services } = await prepared(LEARNED)
    const address = 'http://model-runner.test/engines/v1/'
    expect(services.web!.environment).toEqual({
      AT: address,
      NAME: 'ai/away',
      SMALL_LLM_URL: address,
      SMALL_LLM_MODEL: 'ai/here',
    })
    expect(calls().sort()).toEqual([
      'configure --context-size 64 ai/away -- -v',
      'configure ai/here',
      'ls --json',
      'pull ai/away',
      'status --json',
    ])
  })

  test('of a preview count as they were', async () => {
    const environment = { AT: 'a', NAME: 'n', SMALL_LLM_URL: 'u', SMALL_LLM_MODEL: 'm' }
    const before = {
      ...LEARNED,
      services: { web: { ...LEARNED.services.web!, environment: { ...environment, B: 'c' } } },
    }
    const { services } = await prepared(LEARNED, { programs: 'preview', before })
    expect(services.web!.environment).toEqual(environment)
    expect(calls()).toEqual([])
  })

  test('need the plugin', async () => {
    vi.stubEnv('DOCKER_CONFIG', temporaryFolder())
    expect(await rejectionOf(prepared(LEARNED))).toMatchObject({
      code: 'dependency-failed',
      message: "'models' support requires Docker Model plugin",
    })
  })

  test('are refused where the Engine is on another machine: the plugin here serves them here', async () => {
    expect(await rejectionOf(prepared(LEARNED, { way: 'ssh' }))).toMatchObject({ code: 'unsupported' })
    expect(calls()).toEqual([])
  })
})
