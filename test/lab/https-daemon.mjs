// A daemon that serves HTTPS besides its socket, with an authority of its own, and callers of any address and role.
import { existsSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { LabDaemon, runProgram, temporaryFolder } from './daemon.mjs'

const clientProgram = new URL('../../dist/bin/evenkeel', import.meta.url).pathname

/** `host`: the address to listen on; `names`: others in its certificate; `before`: what runs the daemon, such as `ip netns exec NAME`; `more`: further arguments. */
export async function startHttpsDaemon(
  engine,
  name,
  { host = '127.0.0.1', names = [], before = [], more = /** @type {string[]} */ ([]) } = {},
) {
  const daemon = new LabDaemon({ engine, folder: temporaryFolder(name).path })
  const called = [host, ...names].flatMap((name) => ['--host', name])
  const made = await runProgram(clientProgram, ['system', 'tls', 'init', '--state', daemon.state, ...called])
  if (made.code !== 0) throw new Error(made.stderr)
  await daemon.start({ before, more: ['--listen', `${host}:0`, ...more] })
  const [, port] = /"port":(\d+),"msg":"HTTPS is served"/.exec(daemon.log()) ?? []
  return Object.assign(daemon, { host, port: Number(port), authority: join(daemon.state, 'tls/ca.crt') })
}

/** Makes a token through the socket. */
export async function tokenFor(daemon, name, ...options) {
  return (await daemon.must(['token', 'create', name, ...options])).stdout.trim()
}

/** Calls a daemon over HTTPS, from an address of this machine, over connections that are kept. */
export class HttpsCaller {
  #token
  #agent
  #options
  /** @param {any} daemon @param {{ token?: string, from?: string }} caller */
  constructor(daemon, { token, from }) {
    this.#token = token
    this.#agent = new Agent({ keepAlive: true, maxSockets: 4 })
    const authority = existsSync(daemon.authority) ? readFileSync(daemon.authority) : undefined
    this.#options = { host: daemon.host, port: daemon.port, ca: authority, localAddress: from }
  }

  get #authorization() {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
  }

  /**
   * `{ status, code, body }`; what is sent on the way back beyond a MiB is not looked at.
   *
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, headers?: Record<string, string> }} sent
   * @returns {Promise<{ status: number, code: string | undefined, body: any }>}
   */
  call(method, path, { body, headers = {} } = {}) {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const json =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...this.#options,
          agent: this.#agent,
          method,
          path,
          headers: { ...this.#authorization, ...json, ...headers },
        },
        (answer) => {
          let said = ''
          answer.setEncoding('latin1')
          answer.on('data', (chunk) => {
            if (said.length < 1_048_576) said += chunk
          })
          answer.once('end', () => resolve(answerOf(answer.statusCode, said)))
          answer.once('error', reject)
        },
      )
      sent.once('error', reject)
      sent.end(text)
    })
  }

  /**
   * Resolves with 101, or with how it was refused. `hold`: answers the open socket as well.
   *
   * @param {string} path
   * @param {{ hold?: boolean, headers?: Record<string, string> }} options
   * @returns {Promise<{ status: number, code: string | undefined, body: any, socket?: any }>}
   */
  connect(path, { hold = false, headers = {} } = {}) {
    const { host, port, ca, localAddress } = this.#options
    const socket = new WebSocket(`wss://${host}:${port}${path}`, {
      ca,
      localAddress,
      headers: { ...this.#authorization, ...headers },
      perMessageDeflate: false,
    })
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        if (!hold) socket.terminate()
        resolve({ status: 101, code: undefined, body: {}, socket })
      })
      socket.once('unexpected-response', (_, answer) => {
        let said = ''
        answer.on('data', (chunk) => {
          said += chunk
        })
        answer.once('end', () => resolve(answerOf(answer.statusCode, said)))
      })
      socket.once('error', reject)
    })
  }

  close() {
    this.#agent.destroy()
  }
}

function answerOf(status, text) {
  let body = {}
  try {
    body = JSON.parse(text)
  } catch {
    // A tar, or nothing.
  }
  return { status, code: status >= 400 ? body.code : undefined, body }
}
