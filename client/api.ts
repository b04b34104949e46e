/** The typed client, made from the route table. Over node:http, because loading undici costs more than most commands. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import {
  pathOf,
  ROUTES,
  type RouteName,
  SESSIONS,
  type SessionName,
  STREAMS,
  type StreamName,
} from '../protocol/routes.ts'
import type { AnswerOf, BodyOf } from '../protocol/schemas.ts'
import type { DaemonAddress } from './address.ts'
import { type FrameStream, refusal, unreachable } from './connection.ts'
import type { Session, SessionHandlers, SessionOpen } from './session.ts'
import type { Loan } from './ssh/lend.ts'
import type { SshAgent } from './ssh/ssh-agent.ts'
import { transportTo } from './transport.ts'

type Params = Readonly<Record<string, string | number>>

/** Told how far an upload is. The last call of each has sent all of its bytes. */
export type UploadReport = (name: string, sentBytes: number, bytes: number) => void

export class Api {
  readonly address: DaemonAddress
  /** How far uploads are. */
  readonly report: UploadReport
  readonly #loans: Loan[] = []

  constructor(address: DaemonAddress, report: UploadReport = () => {}) {
    this.address = address
    this.report = report
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
    return JSON.parse(answer) as AnswerOf<R>
  }

  /** Brings a tar into a volume: of any size, and of unknown size where it comes through a pipe. */
  async importVolume(
    params: Params,
    query: Params,
    tar: Readable,
    bytes: number | undefined,
  ): Promise<AnswerOf<'importVolume'>> {
    const headers = { 'content-type': 'application/x-tar', ...(bytes === undefined ? {} : { 'content-length': bytes }) }
    return JSON.parse(await this.#sendTar('importVolume', params, query, headers, tar)) as AnswerOf<'importVolume'>
  }

  /** Sends bytes instead of JSON: a build context, files for a container. */
  async upload(
    name: 'putContext' | 'putFiles',
    params: Params,
    tar: Readable,
    { bytes, query = {} }: { readonly bytes?: number; readonly query?: Params } = {},
  ): Promise<void> {
    const length = bytes === undefined ? {} : { 'content-length': bytes }
    await this.#sendTar(name, params, query, { 'content-type': 'application/x-tar', ...length }, tar)
  }

  /** Bytes instead of JSON, as fast as they are read. */
  async download(
    name: 'getFiles' | 'export' | 'exportVolume' | 'backup',
    params: Params,
    query: Params = {},
  ): Promise<Readable> {
    const response = await this.#request(name, params, query, {}, (request) => request.end())
    if ((response.statusCode ?? 500) < 400) return response
    throw refusal(await textOf(response), response.statusCode ?? 500)
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

  /** A session with a program in a container. */
  async session(name: SessionName, params: Params, open: SessionOpen, handlers: SessionHandlers): Promise<Session> {
    const { openSession } = await import('./session.ts')
    return openSession(this.address, pathOf(SESSIONS[name].path, params), open, handlers)
  }

  /** Lends SSH agents to builds until they are taken back. Answers the id of the loan. */
  async lendAgents(
    agentOf: (service: string, id: string) => SshAgent | undefined,
    warn: (message: string) => void,
  ): Promise<string> {
    const { lendAgents } = await import('./ssh/lend.ts')
    const loan = await lendAgents(this.address, agentOf, warn)
    this.#loans.push(loan)
    return loan.id
  }

  takeBackLoans(): void {
    for (const loan of this.#loans.splice(0)) loan.close()
  }

  async #sendTar(
    name: RouteName,
    params: Params,
    query: Params,
    headers: Record<string, string | number>,
    tar: Readable,
  ): Promise<string> {
    let sending: ClientRequest | undefined
    let broken: Error | undefined
    // From the beginning: it may break before there is a connection.
    tar.once('error', (error) => {
      broken = error
      sending?.destroy(error)
    })
    try {
      return await this.#send(name, params, query, headers, (request) => {
        sending = request
        if (broken !== undefined) request.destroy(broken)
        else tar.pipe(request)
      })
    } catch (error) {
      // What cannot be read here is not the daemon's fault.
      throw broken ?? error
    } finally {
      // An answer may come before all is sent: the rest is for nobody.
      tar.destroy()
      sending?.destroy()
    }
  }

  async #send(
    name: RouteName,
    params: Params,
    query: Params,
    headers: Record<string, string | number>,
    write: (request: ClientRequest) => void,
  ): Promise<string> {
    const response = await this.#request(name, params, query, headers, write)
    const text = await textOf(response)
    if ((response.statusCode ?? 500) < 400) return text
    throw refusal(text, response.statusCode ?? 500)
  }

  async #request(
    name: RouteName,
    params: Params,
    query: Params,
    headers: Record<string, string | number>,
    write: (request: ClientRequest) => void,
  ): Promise<IncomingMessage> {
    const { request: send, options } = await transportTo(this.address)
    const { method, path } = ROUTES[name]
    const search = new URLSearchParams(
      Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
    ).toString()
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = send(
        {
          ...options,
          method,
          path: `${pathOf(path, params)}${search === '' ? '' : `?${search}`}`,
          headers: { ...options.headers, ...headers },
        },
        resolve,
      )
      request.on('error', (error) => reject(unreachable(this.address, error)))
      write(request)
    })
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}
