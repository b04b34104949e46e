/** The typed client, made from the route table. Over node:http, because loading undici costs more than most commands. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Problem, type ProblemDetails } from '../protocol/problems.ts'
import { pathOf, ROUTES, type RouteName, STREAMS, type StreamName } from '../protocol/routes.ts'
import type { AnswerOf, BodyOf } from '../protocol/schemas.ts'
import type { DaemonAddress } from './address.ts'
import { type FrameStream, unreachable } from './connection.ts'

type Params = Readonly<Record<string, string | number>>

export class Api {
  readonly address: DaemonAddress

  constructor(address: DaemonAddress) {
    this.address = address
  }

  async call<R extends RouteName>(
    name: R,
    params: Params = {},
    body?: BodyOf<R>,
    query: Params = {},
  ): Promise<AnswerOf<R>> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
    const answer = await this.#send(name, params, query, headers, (request) => request.end(payload))
    return JSON.parse(await textOf(answer)) as AnswerOf<R>
  }

  /** Sends bytes instead of JSON: a build context. */
  async upload(name: 'putContext', params: Params, tar: Readable, bytes: number): Promise<void> {
    const headers = { 'content-type': 'application/x-tar', 'content-length': bytes }
    const answer = await this.#send(name, params, {}, headers, (request) => {
      tar.once('error', (error) => request.destroy(error))
      tar.pipe(request)
    })
    answer.resume()
  }

  /** Takes bytes instead of JSON, as they come: a container's files. Ends with an error where they end too early. */
  download(name: 'export', params: Params, query: Params): Promise<Readable> {
    return this.#send(name, params, query, {}, (request) => request.end())
  }

  /** The library is loaded while the daemon works already. */
  async stream<F>(
    name: StreamName,
    params: Params,
    query: Readonly<Record<string, string | undefined>> = {},
  ): Promise<FrameStream<F>> {
    const { openFrameStream } = await import('./frame-stream.ts')
    const search = new URLSearchParams()
    for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(key, value)
    const path = `${pathOf(STREAMS[name].path, params)}?${search}`
    return openFrameStream<F>(this.address, path)
  }

  async #send(
    name: RouteName,
    params: Params,
    query: Params,
    headers: Record<string, string | number>,
    write: (request: ClientRequest) => void,
  ): Promise<IncomingMessage> {
    const { request: httpRequest } = await import('node:http')
    const { method, path } = ROUTES[name]
    const search = new URLSearchParams(
      Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
    ).toString()
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.address.socketPath,
          method,
          path: `${pathOf(path, params)}${search === '' ? '' : `?${search}`}`,
          headers,
        },
        resolve,
      )
      request.once('error', (error) => reject(unreachable(this.address, error)))
      write(request)
    })
    if ((response.statusCode ?? 500) < 400) return response
    throw problemOf(await textOf(response), response.statusCode ?? 500)
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

function problemOf(text: string, status: number): Problem {
  try {
    return Problem.fromDetails(JSON.parse(text) as ProblemDetails)
  } catch {
    return new Problem('internal', `the daemon answered ${status}: ${text.slice(0, 200)}`)
  }
}
