import { existsSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { LabDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { numberOf } from './args.mjs'

const REQUESTS = 200_000
const AT_ONCE = 16
const GROWTH_LIMIT_MIB = 200
const STACK = 'ekfuzz'

export const apiFuzz = {
  name: 'api-fuzz',
  shows: `arbitrary and mutated requests made from the OpenAPI document (${REQUESTS}, --requests N): no 5xx of ours, no crash, memory bounded`,
  needsEngine: false,
  async run({ show, note, random, args }) {
    const requests = numberOf(args, '--requests', REQUESTS)
    const folder = temporaryFolder('api-fuzz')
    const engine = await emptyEngine(join(folder.path, 'engine.sock'))
    const daemon = new LabDaemon({ engine: `unix://${join(folder.path, 'engine.sock')}`, folder: folder.path })
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
    try {
      await daemon.start()
      const document = JSON.parse((await send(daemon, agent, { method: 'GET', path: '/v1/openapi.json' })).text)
      const make = new Requests(document, random)
      const statuses = {}
      const bad = []
      const started = Date.now()
      let most = 0
      const before = daemon.status().residentKiB
      let left = requests
      let gone = false
      void daemon.ended.then(() => {
        gone = true
      })
      const worker = async () => {
        while (left > 0 && !gone) {
          left -= 1
          const one = make.next()
          const { status, text } = await (one.isStream ? knock(daemon, one) : send(daemon, agent, one)).catch(
            (error) => ({
              status: error.code ?? error.message,
              text: '',
            }),
          )
          statuses[status] = (statuses[status] ?? 0) + 1
          // That the Engine refused a call, or is not there, is the Engine's word; see protocol/problems.ts.
          if (typeof status !== 'number' || (status >= 500 && !/"code":"engine-/.test(text)))
            bad.push(
              `${one.method} ${one.path.slice(0, 120)}: ${status} ${text.slice(0, 200)} of ${one.body?.slice(0, 300)}`,
            )
          if (left % 500 === 0 && !gone) most = Math.max(most, daemon.status().residentKiB)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      const seconds = (Date.now() - started) / 1000
      const total = Object.values(statuses).reduce((sum, count) => sum + count, 0)
      show('answered', `${total} requests in ${seconds.toFixed(0)} s`, `${requests}`, total === requests)
      show('5xx of ours, and connections cut', String(bad.length), '0', bad.length === 0)
      for (const line of bad.slice(0, 10)) note(line)
      const grown = (Math.max(most, before) - before) / 1024
      show('memory', `+${grown.toFixed(0)} MiB at most`, `<= ${GROWTH_LIMIT_MIB} MiB`, grown <= GROWTH_LIMIT_MIB)
      if (gone) note(daemon.log().slice(-3000))
      const alive = await daemon.ek(['version', '--format', 'json'])
      show('the daemon afterwards', alive.code === 0 ? 'answers' : alive.stderr, 'answers', alive.code === 0)
      const inside = (daemon.log().match(/a request failed inside|a stream failed/g) ?? []).length
      show('errors in its log that nobody meant', String(inside), '0', inside === 0)
      note(
        Object.entries(statuses)
          .map(([status, count]) => `${status}: ${count}`)
          .join(', '),
      )
    } finally {
      agent.destroy()
      await daemon.stop()
      engine.close()
      engine.closeAllConnections()
      folder.remove()
    }
  },
}

/** An Engine that has nothing and makes nothing: what is asked of it cannot harm anybody. */
async function emptyEngine(path) {
  const answers = [
    [/\/_ping$/, 'OK'],
    [
      /\/version$/,
      JSON.stringify({ Version: '28.0.0', ApiVersion: '1.48', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64' }),
    ],
    [/\/info$/, JSON.stringify({ OSType: 'linux', Architecture: 'x86_64' })],
    [/\/(containers|images)\/json/, '[]'],
    [/\/networks(\?|$)/, '[]'],
    [/\/volumes(\?|$)/, JSON.stringify({ Volumes: [] })],
    [/\/system\/df/, JSON.stringify({ Volumes: [] })],
  ]
  const server = createServer((incoming, answer) => {
    incoming.resume()
    if (/\/events(\?|$)/.test(incoming.url)) {
      answer.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      return
    }
    const found =
      incoming.method === 'GET' || incoming.method === 'HEAD'
        ? answers.find(([pattern]) => pattern.test(incoming.url))
        : undefined
    answer.writeHead(found === undefined ? 404 : 200, {
      'content-type': 'application/json',
      'api-version': '1.48',
      ostype: 'linux',
    })
    answer.end(found === undefined ? '{"message":"there is none"}' : found[1])
  })
  await new Promise((resolve) => server.listen(path, resolve))
  return server
}

const ODD = [
  '',
  ' ',
  '-',
  '--help',
  '../../etc/passwd',
  '..',
  '.',
  '%2e%2e',
  '$(id)',
  '`id`',
  'a;b',
  'a|b',
  'a&b',
  'a\nb',
  'a\u0000b',
  'ａ',
  'ä',
  '\u202e',
  "'",
  '"',
  '{{.}}',
  '${X}',
  'x'.repeat(65_536),
  '1e999',
  'null',
  'true',
  '*',
]
const ODD_VALUES = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  [],
  {},
  [[]],
  { a: {} },
  ['x'],
  { __proto__: null, constructor: 1 },
]
const RAW = [
  '',
  '{',
  '[]',
  'null',
  '"x"',
  '1',
  '{"a":1,"a":2}',
  `${'['.repeat(20_000)}`,
  `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  '\u0000',
  '{"__proto__":{"x":1}}',
  '{"model":{"name":"ekfuzz","services":{"a":{"image":"x","<<":{}}}}}',
]
const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'application/x-tar',
  'application/octet-stream',
  'multipart/form-data',
  '',
]

class Requests {
  #operations
  #random
  constructor(document, random) {
    this.#random = random
    this.#operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
    )
  }

  next() {
    const { path, method, operation } = this.#one(this.#operations)
    const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
      encodeURIComponent(this.#parameter(name)).replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length)),
    )
    const query = this.#query(operation.parameters ?? [])
    const isStream = operation.responses['101'] !== undefined
    const schema = operation.requestBody?.content['application/json']?.schema
    const chance = this.#random()
    const body =
      schema === undefined
        ? chance < 0.1
          ? this.#one(RAW)
          : undefined
        : chance < 0.1
          ? this.#one(RAW)
          : JSON.stringify(this.#mutated(this.#value(schema, 0)))
    const type = this.#random() < 0.05 ? this.#one(TYPES) : 'application/json'
    const long = `${filled}${query}`.slice(0, 12_000)
    return {
      method: this.#random() < 0.02 ? this.#one(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) : method,
      path: long,
      body,
      type,
      isStream,
    }
  }

  #parameter(name) {
    if (name === 'stack' && this.#random() < 0.7) return this.#one([STACK, `${STACK}2`])
    if (name === 'number' && this.#random() < 0.7) return this.#one(['1', '0', '-1', '99999999999'])
    if (this.#random() < 0.3) return 'a'.repeat(64)
    return this.#one(ODD).slice(0, 400) || 'x'
  }

  #query(parameters) {
    const pairs = parameters
      .filter((parameter) => parameter.in === 'query' && this.#random() < 0.6)
      .map(({ name, schema }) => [name, this.#random() < 0.4 ? this.#one(ODD) : String(this.#value(schema ?? {}, 0))])
    if (this.#random() < 0.05) pairs.push([this.#one(ODD), this.#one(ODD)])
    return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
  }

  /** A value that the schema takes, or nearly. */
  #value(schema, depth) {
    if (schema.const !== undefined) return schema.const
    if (schema.enum !== undefined) return this.#one(schema.enum)
    const union = schema.anyOf ?? schema.oneOf
    if (union !== undefined) return this.#value(this.#one(union), depth)
    switch (schema.type) {
      case 'object': {
        const value = {}
        for (const [name, property] of Object.entries(schema.properties ?? {}))
          if ((schema.required ?? []).includes(name) || this.#random() < 0.4)
            value[name] = name === 'name' ? STACK : this.#value(property, depth + 1)
        if (typeof schema.additionalProperties === 'object' && depth < 6)
          for (let count = Math.floor(this.#random() * 3); count > 0; count -= 1)
            value[this.#random() < 0.7 ? `k${count}` : this.#one(ODD).slice(0, 50)] = this.#value(
              schema.additionalProperties,
              depth + 1,
            )
        return value
      }
      case 'array':
        return Array.from({ length: depth > 6 ? 0 : Math.floor(this.#random() * 3) }, () =>
          this.#value(schema.items ?? {}, depth + 1),
        )
      case 'integer':
      case 'number':
        return this.#one([0, 1, 2, 100, -1, schema.minimum ?? 0, schema.maximum ?? 10])
      case 'boolean':
        return this.#random() < 0.5
      case 'string':
        return this.#random() < 0.6
          ? this.#one(['web', 'ekfuzz', '/srv', 'db:1', '2026-01-01T00:00:00Z'])
          : this.#one(ODD)
      default:
        return this.#random() < 0.5 ? this.#service() : this.#one(ODD_VALUES)
    }
  }

  #service() {
    return {
      image: this.#one(['x', '', ...ODD.slice(0, 12)]),
      command: this.#one(['a', [], ['x'], null]),
      ports: this.#one([[], ['80:80'], [{ target: 80 }], 'x']),
    }
  }

  /** A few places of it changed for what nobody expects there. */
  #mutated(value) {
    if (this.#random() < 0.4) return value
    const walk = (inner, depth) => {
      if (this.#random() < 0.08) return this.#random() < 0.5 ? this.#one(ODD_VALUES) : this.#one(ODD)
      if (Array.isArray(inner)) return inner.map((item) => walk(item, depth + 1))
      if (typeof inner !== 'object' || inner === null) return inner
      return Object.fromEntries(
        Object.entries(inner).map(([key, item]) => [
          this.#random() < 0.03 ? this.#one(ODD) : key,
          walk(item, depth + 1),
        ]),
      )
    }
    return walk(value, 0)
  }

  #one(list) {
    return list[Math.floor(this.#random() * list.length)]
  }
}

function send(daemon, agent, { method, path, body, type = 'application/json' }) {
  const headers =
    body === undefined
      ? {}
      : { ...(type === '' ? {} : { 'content-type': type }), 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: daemon.socket, agent, method, path, headers }, (answer) => {
      let text = ''
      answer.setEncoding('latin1')
      answer.on('data', (chunk) => {
        if (text.length < 4_000_000) text += chunk
      })
      answer.once('end', () => resolve({ status: answer.statusCode, text }))
      answer.once('error', reject)
    })
    sent.setTimeout(60_000, () => sent.destroy(new Error('no answer in 60 s')))
    sent.once('error', reject)
    sent.end(body)
  })
}

/** A WebSocket, and once it is open something that nobody expects; what the daemon does then is only not to break. */
function knock(daemon, { path, body }) {
  return new Promise((resolve, reject) => {
    if (!existsSync(daemon.socket)) reject(new Error('the daemon is gone'))
    const socket = new WebSocket(`ws+unix://${daemon.socket}:${path}`, { perMessageDeflate: false })
    const timer = setTimeout(() => socket.terminate(), 200)
    socket.once('open', () => socket.send(body ?? ODD[Math.floor(path.length % ODD.length)].slice(0, 500)))
    socket.once('unexpected-response', (_, answer) => {
      let text = ''
      answer.on('data', (chunk) => {
        text += chunk
      })
      answer.once('end', () => {
        clearTimeout(timer)
        resolve({ status: answer.statusCode, text })
      })
    })
    socket.once('close', () => {
      clearTimeout(timer)
      resolve({ status: 101, text: '' })
    })
    socket.once('error', (error) => {
      clearTimeout(timer)
      if (/Invalid URL|unescaped|closed before the connection/.test(error.message)) resolve({ status: 101, text: '' })
      else reject(error)
    })
  })
}
