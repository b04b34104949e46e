import { describe, expect, test } from 'vitest'
import { LOANS, pathOf, ROUTES, SESSIONS, STREAMS } from '../../../protocol/routes.ts'
import { SCHEMAS } from '../../../protocol/schemas.ts'

const ALL = Object.entries({ ...ROUTES, ...STREAMS, ...SESSIONS, ...LOANS })

describe('the route table', () => {
  test('has each method and path once', () => {
    const keys = Object.values(ROUTES).map(({ method, path }) => `${method} ${path}`)
    expect(new Set(keys).size).toBe(keys.length)
  })

  test.each(ALL)('%s is of version 1, and says what it does', (_, { path, summary }) => {
    expect(path).toMatch(/^\/v1\//)
    expect(summary).not.toBe('')
  })

  test.each(Object.entries(ROUTES).filter(([, route]) => route.permission === 'read'))(
    '%s, for which reading is enough, is a GET or a question',
    (_, { method, path }) => {
      expect(method === 'GET' || /\/(plan|query)$/.test(path)).toBe(true)
    },
  )

  test('has schemas for each route, and for nothing else', () => {
    expect(Object.keys(SCHEMAS).sort()).toEqual(Object.keys(ROUTES).sort())
  })
})

describe('a path', () => {
  test('is filled with values', () => {
    expect(pathOf(ROUTES.revision.path, { stack: 'shop', number: 3 })).toBe('/v1/stacks/shop/revisions/3')
  })

  test('cannot be led elsewhere by a value', () => {
    expect(pathOf('/v1/stacks/:stack', { stack: '../admin?x=1#y' })).toBe('/v1/stacks/..%2Fadmin%3Fx%3D1%23y')
  })
})
