/** The API as an OpenAPI 3.1 document, made from the very schemas that check what comes in. */
import { z } from 'zod'
import { PROBLEMS } from '../../protocol/problems.ts'
import { ProblemSchema } from '../../protocol/resources/common.ts'
import { LOANS, ROUTES, type Route, type RouteName, SESSIONS, STREAMS } from '../../protocol/routes.ts'
import { SCHEMAS } from '../../protocol/schemas.ts'
import { SESSION_PROTOCOL } from '../../protocol/session.ts'

interface Schemas {
  readonly body?: z.ZodType
  readonly query?: z.ZodType
  readonly answer: z.ZodType
  readonly status?: number
  readonly media?: string
}

export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, route] of Object.entries(ROUTES)) {
    const path = braced(route.path)
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = operation(name, route, SCHEMAS[name as RouteName])
  }
  for (const [name, stream] of Object.entries(STREAMS)) {
    paths[braced(stream.path)] = {
      get: {
        operationId: name,
        summary: `${stream.summary} (WebSocket)`,
        'x-permission': stream.permission,
        parameters: pathParameters(stream.path),
        responses: { 101: { description: 'JSON frames, told apart by `type`; see protocol/streams.ts' } },
      },
    }
  }
  for (const [name, session] of Object.entries(SESSIONS)) {
    paths[braced(session.path)] = {
      get: {
        operationId: name,
        summary: `${session.summary} (upgrade: ${SESSION_PROTOCOL})`,
        'x-permission': session.permission,
        parameters: pathParameters(session.path),
        responses: { 101: { description: 'Frames of data and of JSON; see protocol/session.ts' } },
      },
    }
  }
  for (const [name, loan] of Object.entries(LOANS)) {
    paths[loan.path] = {
      get: {
        operationId: name,
        summary: `${loan.summary} (WebSocket)`,
        'x-permission': loan.permission,
        parameters: [],
        responses: { 101: { description: 'JSON frames of questions and answers; see protocol/ssh-loan.ts' } },
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Evenkeel', version, description: 'Keeps container stacks as declared.' },
    paths,
    components: {
      schemas: { Problem: json(ProblemSchema, 'output') },
      responses: {
        Problem: {
          description: `RFC 9457 problem details. Codes: ${Object.keys(PROBLEMS).join(', ')}`,
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  }
}

function operation(name: string, route: Route, schemas: Schemas): object {
  const query = schemas.query === undefined ? [] : queryParameters(schemas.query)
  return {
    operationId: name,
    summary: route.summary,
    'x-permission': route.permission,
    parameters: [...pathParameters(route.path), ...query],
    ...(schemas.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: json(schemas.body, 'input') } } } }),
    responses: {
      [schemas.status ?? 200]: {
        description: 'Done',
        content: { [schemas.media ?? 'application/json']: { schema: json(schemas.answer, 'output') } },
      },
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

const braced = (path: string): string => path.replace(/:([a-z]+)/g, '{$1}')

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters(schema: z.ZodType): object[] {
  const { properties = {} } = json(schema, 'input') as { properties?: Record<string, object> }
  return Object.entries(properties).map(([name, property]) => ({ name, in: 'query', schema: property }))
}

function json(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
