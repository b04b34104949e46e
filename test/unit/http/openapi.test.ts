import { describe, expect, test } from 'vitest'
import { openApiDocument } from '../../../daemon/http/openapi.ts'
import { PROBLEMS } from '../../../protocol/problems.ts'
import { LOANS, ROUTES, SESSIONS, STREAMS } from '../../../protocol/routes.ts'
import { SCHEMAS } from '../../../protocol/schemas.ts'

interface Operation {
  readonly operationId: string
  readonly 'x-permission': string
  readonly parameters: readonly { name: string; in: string; required?: boolean }[]
  readonly requestBody?: { content: { 'application/json': { schema: { additionalProperties?: unknown } } } }
  readonly responses: Record<string, unknown>
}

const document = openApiDocument('1.2.3') as {
  openapi: string
  info: { version: string }
  paths: Record<string, Record<string, Operation>>
  components: { responses: { Problem: { description: string } } }
}
const operationOf = (path: string, method: string) =>
  document.paths[path.replace(/:([a-z]+)/g, '{$1}')]?.[method.toLowerCase()]

describe('the OpenAPI document', () => {
  test('is of OpenAPI 3.1, and of this version', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info.version).toBe('1.2.3')
  })

  test.each(Object.entries(ROUTES))(
    'has route %s, with its permission and the problems it may answer',
    (name, route) => {
      const operation = operationOf(route.path, route.method)
      expect(operation).toMatchObject({ operationId: name, 'x-permission': route.permission })
      expect(operation?.responses).toHaveProperty('default')
    },
  )

  test.each(Object.entries({ ...STREAMS, ...SESSIONS, ...LOANS }))('has stream %s', (name, stream) => {
    expect(operationOf(stream.path, 'GET')).toMatchObject({ operationId: name, 'x-permission': stream.permission })
  })

  test('has no path beyond those', () => {
    const known = new Set(
      [ROUTES, STREAMS, SESSIONS, LOANS]
        .flatMap((table): { path: string }[] => Object.values(table))
        .map((route) => route.path),
    )
    expect(Object.keys(document.paths)).toHaveLength(known.size)
  })

  test.each(Object.entries(ROUTES))('names the parts of the path of %s', (_, route) => {
    const named = operationOf(route.path, route.method)!.parameters.filter((parameter) => parameter.in === 'path')
    expect(named.map((parameter) => parameter.name)).toEqual(
      [...route.path.matchAll(/:([a-z]+)/g)].map(([, name]) => name),
    )
  })

  test.each(Object.entries(SCHEMAS).filter(([, schemas]) => 'body' in schemas))(
    'has the body of %s, closed',
    (name) => {
      const route = ROUTES[name as keyof typeof ROUTES]
      const body = operationOf(route.path, route.method)?.requestBody
      expect(body?.content['application/json'].schema.additionalProperties).toBe(false)
    },
  )

  test('has the query of lists', () => {
    expect(operationOf(ROUTES.revisions.path, 'GET')?.parameters).toContainEqual(
      expect.objectContaining({ name: 'limit', in: 'query' }),
    )
  })

  test('says 202 for what is carried out later', () => {
    expect(operationOf(ROUTES.up.path, 'PUT')?.responses).toHaveProperty('202')
  })

  test('lists every code of a problem', () => {
    for (const code of Object.keys(PROBLEMS)) {
      expect(document.components.responses.Problem.description).toContain(code)
    }
  })

  test('is JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })
})
