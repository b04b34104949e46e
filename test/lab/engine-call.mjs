// One call to an Engine, for the lab. It shares no code with the daemon: what prepares and checks the daemon's
// ground must not fail together with it.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { Readable } from 'node:stream'

/** How Node's http reaches an Engine named as in DOCKER_HOST: `unix:///path` or `tcp://host:port` (with TLS by DOCKER_TLS_VERIFY). */
export function connectionOf(engineUrl, env = process.env) {
  const unix = /^unix:\/\/(\/.+)$/.exec(engineUrl)
  if (unix) return { client: http, options: { socketPath: unix[1] } }
  const { protocol, hostname, port } = new URL(engineUrl)
  const secure = protocol === 'https:' || (protocol === 'tcp:' && Boolean(env.DOCKER_TLS_VERIFY))
  if (!secure && protocol !== 'tcp:' && protocol !== 'http:')
    throw new Error(`An Engine at ${engineUrl} cannot be reached from here: only unix:// and tcp:// addresses can.`)
  if (!secure) return { client: http, options: { host: hostname, port: port || 2375 } }
  const folder = env.DOCKER_CERT_PATH ?? join(env.HOME ?? '/root', '.docker')
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFileSync(join(folder, file)))
  return { client: https, options: { host: hostname, port: port || 2376, ca, cert, key } }
}

/**
 * Sends one request and reads the whole answer, as `{ status, headers, text }`. A status of 400 or more throws an Error with
 * `status` and the Engine's message, unless `accept` lists it. `body`: an object (sent as JSON), a Buffer, or a stream (as tar).
 *
 * @param {string} engineUrl
 * @param {string} method
 * @param {string} path
 * @param {{ body?: any, accept?: number[], timeoutMs?: number }} options
 * @returns {Promise<{ status: number, headers: any, text: string }>}
 */
export function engineCall(engineUrl, method, path, { body, accept = [], timeoutMs = 60_000 } = {}) {
  const { client, options } = connectionOf(engineUrl)
  const isStream = body instanceof Readable || typeof body?.pipe === 'function'
  const payload = body === undefined || isStream || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const headers = { host: 'engine' }
  if (body !== undefined)
    headers['content-type'] = isStream || Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json'
  if (Buffer.isBuffer(payload)) headers['content-length'] = payload.length
  return new Promise((resolve, reject) => {
    const request = client.request({ ...options, method, path, headers, agent: false, timeout: timeoutMs })
    request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs} ms`)))
    request.on('error', reject)
    request.on('response', async (response) => {
      try {
        const chunks = []
        for await (const chunk of response) chunks.push(chunk)
        const text = Buffer.concat(chunks).toString('utf8')
        const status = response.statusCode
        if (status >= 400 && !accept.includes(status))
          throw Object.assign(new Error(`${method} ${path}: ${status} ${messageOf(text)}`), { status })
        resolve({ status, headers: response.headers, text })
      } catch (error) {
        reject(error)
      }
    })
    if (isStream) {
      body.on('error', (error) => request.destroy(error))
      body.pipe(request)
    } else request.end(payload)
  })
}

/** As engineCall, with the answer's JSON as the result. */
export async function engineJson(engineUrl, method, path, options) {
  const { text } = await engineCall(engineUrl, method, path, options)
  return text ? JSON.parse(text) : undefined
}

/** Whether an Engine answers GET /_ping there: undefined when it does, the Error that says why when it does not. */
export async function whyNoAnswer(engineUrl, { timeoutMs = 3000 } = {}) {
  try {
    await engineCall(engineUrl, 'GET', '/_ping', { timeoutMs })
    return undefined
  } catch (error) {
    return error
  }
}

function messageOf(text) {
  try {
    return JSON.parse(text).message ?? text
  } catch {
    return text.trim() // not JSON: an error of a proxy in between, shown as it is
  }
}
