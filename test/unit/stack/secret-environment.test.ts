import { describe, expect, test } from 'vitest'
import { containerCreate } from '../../../daemon/stack/mapping/container.ts'
import { loadStack } from '../../../protocol/stackfile/load.ts'
import { containerInput } from '../support/container-input.ts'
import { problemOf } from '../support/problems.ts'

const PLAIN = { source: 'db', target: '/run/secrets/db' }
const asVariable = { ...PLAIN, 'x-evenkeel': { env: 'DB_PASSWORD' } }

describe('a secret of the daemon', () => {
  test('is a variable where its service asks for that, is in no file then, and is warned of', () => {
    const { body, filesAfterCreate, warnings } = containerCreate(containerInput({ secrets: [asVariable] }))
    expect(body.Env).toEqual(['DB_PASSWORD=value of db'])
    expect([filesAfterCreate, body.HostConfig?.Mounts]).toEqual([[], undefined])
    expect(warnings).toEqual([
      'services.web.secrets: db is given as the variable DB_PASSWORD, which the Engine keeps in the clear; as a file it would not',
    ])
  })

  test('is a file where nobody asks for a variable', () => {
    const { body, filesAfterCreate } = containerCreate(containerInput({ secrets: [PLAIN] }))
    expect(body.Env).toBeUndefined()
    expect(filesAfterCreate.map(({ path }) => path)).toEqual(['/run/secrets/db'])
  })

  test.each([
    ['a NUL', Buffer.from('a\0b')],
    ['no UTF-8', Buffer.from([0xff, 0xfe])],
  ])('is no variable with %s', (_, value) => {
    const input = containerInput({ secrets: [asVariable] }, { secretValue: () => value })
    expect(problemOf(() => containerCreate(input)).code).toBe('unsupported')
  })
})

describe('a stack file', () => {
  const findingsOf = (service: object, secrets: object = { db: { external: true } }): string[] => {
    const text = JSON.stringify({ services: { web: { image: 'web', ...service } }, secrets })
    try {
      loadStack({
        files: ['/compose.yaml'],
        workingDir: '/',
        projectName: 'shop',
        profiles: [],
        environment: {},
        source: { read: (path) => (path === '/compose.yaml' ? text : undefined), isDirectory: () => false },
        options: {},
      })
      return []
    } catch (error) {
      return ((error as { findings?: { message: string }[] }).findings ?? []).map(({ message }) => message)
    }
  }

  test('may ask for a variable', () => {
    expect(findingsOf({ secrets: [{ source: 'db', 'x-evenkeel': { env: 'DB_PASSWORD' } }] })).toEqual([])
  })

  test.each(['', '1X', 'A-B', 'A=B', 7, null])('names it as variables are named, not %o', (env) => {
    expect(findingsOf({ secrets: [{ source: 'db', 'x-evenkeel': { env } }] })).toEqual([
      'x-evenkeel of a secret is to be {env: NAME}, with the name of a variable',
    ])
  })

  test('asks so for none that is in a file anyway, and for none that it sets itself', () => {
    const secrets = [{ source: 'db', 'x-evenkeel': { env: 'DB' } }]
    expect(findingsOf({ secrets }, { db: { environment: 'DB' } })).toEqual([
      'Only a secret that the daemon keeps can be a variable, with "external: true"',
    ])
    expect(findingsOf({ secrets, environment: { DB: 'x' } })).toEqual(['The variable DB is in "environment" as well'])
  })
})
