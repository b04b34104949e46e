import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'

/** The paths of all texts in a schema, each as keys from the body down; `*` stands for an item, or for a name of the caller's choice. */
function* textsOf(schema, path = [], depth = 0) {
  if (schema === undefined || depth > 8) return
  for (const one of schema.anyOf ?? schema.oneOf ?? []) yield* textsOf(one, path, depth + 1)
  if (schema.type === 'string' && schema.enum === undefined && schema.const === undefined) yield path
  if (schema.type === 'array') yield* textsOf(schema.items, [...path, '*'], depth + 1)
  for (const [key, inner] of Object.entries(schema.properties ?? {})) yield* textsOf(inner, [...path, key], depth + 1)
  if (typeof schema.additionalProperties === 'object')
    yield* textsOf(schema.additionalProperties, [...path, '*'], depth + 1)
}

/** As little as the schema takes. */
function leastOf(schema, stack, key, depth = 0) {
  if (schema === undefined || depth > 8) return undefined
  if (key === 'model') return { name: stack, services: {} }
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  const union = schema.anyOf ?? schema.oneOf
  if (union !== undefined) return leastOf(union[0], stack, key, depth + 1)
  if (schema.type === 'object')
    return Object.fromEntries(
      (schema.required ?? []).map((name) => [name, leastOf(schema.properties?.[name], stack, name, depth + 1)]),
    )
  if (schema.type === 'array') return []
  if (schema.type === 'integer' || schema.type === 'number') return Math.max(schema.minimum ?? 1, 1)
  if (schema.type === 'boolean') return false
  return schema.type === 'string' ? 'x' : {}
}

/** The same with `value` at `path`, by way of what the schema has there. */
function withText(base, [key, ...rest], schema, value, stack) {
  if (key === undefined) return value
  const here = (schema.anyOf ?? schema.oneOf ?? [schema]).find((one) => one.type === 'object' || one.type === 'array')
  if (here?.type === 'array') return [withText(undefined, rest, here.items, value, stack)]
  const inner = here?.properties?.[key] ?? here?.additionalProperties ?? {}
  const known = base !== null && typeof base === 'object' ? base : leastOf(here, stack, undefined)
  return { ...known, [key === '*' ? 'x' : key]: withText(known?.[key], rest, inner, value, stack) }
}

/** Children of the daemon: it needs none, so that one would be a shell or what a shell was told. */
function watchChildren(pid) {
  const seen = new Set()
  const look = () => {
    for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${id}/stat`, 'utf8'))?.[1]
        if (Number(parent) === pid) seen.add(readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' '))
      } catch {
        // It has ended since.
      }
    }
  }
  const timer = setInterval(look, 20)
  return () => {
    clearInterval(timer)
    return [...seen]
  }
}

const hostileValues = (canary) => [
  `; touch ${canary};`,
  `$(touch ${canary})`,
  `\`touch ${canary}\``,
  `| touch ${canary}`,
  `& touch ${canary}`,
  `x\ntouch ${canary}\n`,
  `' touch ${canary} '`,
  `--help`,
  `-oProxyCommand=touch ${canary}`,
  '../../../../etc/passwd',
  '/../x',
  'a\0b',
  'x'.repeat(65_536),
  'аdmin',
  'ｗeb',
  '\u202egnp.exe',
]

/** Where a stack file has names and paths that something else could take for more. */
const MODEL_FIELDS = {
  'a service': (value) => ({ services: { [value]: { image: 'x' } } }),
  image: (value) => ({ image: value }),
  container_name: (value) => ({ container_name: value }),
  hostname: (value) => ({ hostname: value }),
  domainname: (value) => ({ domainname: value }),
  user: (value) => ({ user: value }),
  'build.context': (value) => ({ build: { context: value } }),
  'build.dockerfile': (value) => ({ build: { context: '/srv', dockerfile: value } }),
  'build.tags': (value) => ({ build: { context: '/srv', tags: [value] } }),
  'build.target': (value) => ({ build: { context: '/srv', target: value } }),
  command: (value) => ({ command: [value] }),
  healthcheck: (value) => ({ healthcheck: { test: ['CMD', value] } }),
  'a volume': (value) => ({ volumes: [{ type: 'volume', source: value, target: '/x' }] }),
  'a network': (value) => ({ networks: { [value]: null } }),
  'a label': (value) => ({ labels: { [value]: value } }),
  'an alias': (value) => ({ networks: { default: { aliases: [value] } } }),
  runtime: (value) => ({ runtime: value }),
}

const VALUES_EACH = 5

async function hostileTexts({ daemon, owner, own, folder, source }, tried) {
  const canary = join(folder, 'canary')
  const children = watchChildren(daemon.pid)
  const values = hostileValues(canary)
  const { body: document } = await owner.call('GET', '/v1/openapi.json')
  const counts = { refused: 0, data: 0 }
  let texts = 0
  const judge = (what, { status, code, body }, isName) => {
    const refused = status >= 400 && status < 500
    if (refused) counts.refused += 1
    else counts.data += 1
    const engineSays = /^engine-/.test(code ?? body?.code ?? '')
    tried.see(`${what}: ${status} ${code ?? ''}`, (status < 500 || engineSays) && !(isName && !refused))
  }
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.responses['101'] !== undefined) continue
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const fill = (one, value) =>
        path.replace(/\{(\w+)\}/g, (_, name) => {
          const text = name === one ? value : name === 'stack' ? own : name === 'number' ? '1' : 'x'
          return encodeURIComponent(text).replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length))
        })
      // A name so long would be no path any more.
      for (const name of names)
        for (const value of values.filter((text) => text.length < 10_000))
          judge(
            `${operation.operationId} ${name} ${value.slice(0, 30)}`,
            await owner.call(method.toUpperCase(), fill(name, value)),
            true,
          )
      const schema = operation.requestBody?.content['application/json']?.schema
      for (const at of textsOf(schema)) {
        // Some of them for each text, others for the next: all of them many times over.
        for (let count = 0; count < VALUES_EACH; count += 1) {
          const value = values[(texts * VALUES_EACH + count) % values.length]
          const body = withText(leastOf(schema, own), at, schema, value, own)
          const answer = await owner.call(method.toUpperCase(), fill(undefined), { body })
          judge(`${operation.operationId} ${at.join('.')} ${value.slice(0, 30)}`, answer, false)
        }
        texts += 1
      }
    }
  for (const [field, partOf] of Object.entries(MODEL_FIELDS))
    for (const value of values) {
      const part = partOf(value)
      const model = {
        name: own,
        ...(part.services === undefined ? { services: { web: { image: 'x', ...part } } } : part),
      }
      judge(
        `plan ${field} ${value.slice(0, 30)}`,
        await owner.call('POST', `/v1/stacks/${own}/plan`, { body: { model, source } }),
        false,
      )
    }
  const started = children()
  tried.see(`the daemon started ${started.join('; ')}`, started.length === 0)
  tried.see('a shell ran what it was told', !existsSync(canary))
  tried.tell(
    `${texts} texts of bodies, each part of each path: ${counts.refused} refused, ${counts.data} taken as data; no process was started, no shell ran`,
  )
}

/** One request as bytes. */
function send(daemon, { method = 'POST', path, headers = {}, chunks = [] }) {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: daemon.socket, method, path, headers }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode))
      answer.once('error', reject)
    })
    // It may be answered, and closed, before all is sent.
    sent.setTimeout(20_000, () => sent.destroy(new Error('no answer in 20 s')))
    sent.once('error', (error) => (/EPIPE|ECONNRESET/.test(error.code) ? resolve(413) : reject(error)))
    for (const chunk of chunks) sent.write(chunk)
    sent.end()
  })
}

const LONGEST_MS = 5000
const GROWTH_MIB = 250

async function bodies({ daemon, own, ek, source }, tried) {
  const plan = `/v1/stacks/${own}/plan`
  const json = { 'content-type': 'application/json' }
  const text = (value) => ({ path: plan, headers: json, chunks: [value] })
  const services = (count) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, { image: 'x' }]))
  const many = JSON.stringify({ model: { name: own, services: services(10_000) }, source })
  const requests = [
    ['no body', { path: plan, headers: { ...json, 'content-length': 0 } }, 400],
    ['an empty chunked body', { path: plan, headers: { ...json, 'transfer-encoding': 'chunked' } }, 400],
    ['no content type', { path: plan, chunks: ['{}'] }, 415],
    ['a form', { path: plan, headers: { 'content-type': 'application/x-www-form-urlencoded' }, chunks: ['a=b'] }, 415],
    ['duplicate keys', text(`{"model":{"name":"a"},"model":{"name":"b","services":{}}}`), 400],
    ['__proto__', text('{"__proto__":{"admin":true},"model":{"name":"x"}}'), 400],
    ['100,000 brackets', text('['.repeat(100_000)), 400],
    ['100,000 objects', text(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), 400],
    [
      '70 MiB',
      { path: plan, headers: json, chunks: Array.from({ length: 70 }, () => Buffer.alloc(1024 ** 2, 32)) },
      413,
    ],
    ['a header of 70 KiB', { method: 'GET', path: '/v1/version', headers: { x: 'y'.repeat(70_000) } }, 431],
    ['10,000 services', text(many), 422],
  ]
  const before = daemon.status().residentKiB
  const slowest = { ms: 0 }
  for (const [what, one, status] of requests) {
    const at = Date.now()
    const answered = await send(daemon, one)
    const ms = Date.now() - at
    if (ms > slowest.ms) Object.assign(slowest, { ms, what })
    tried.see(`${what}: ${answered} in ${ms} ms, not ${status}`, answered === status && ms < LONGEST_MS)
  }
  const lines = [
    'x0: &x0 [a, a]',
    ...Array.from({ length: 40 }, (_, level) => `x${level + 1}: &x${level + 1} [*x${level}, *x${level}]`),
  ]
  const bomb = await ek(['config'], {
    files: { 'compose.yaml': `services: {web: {image: x}}\n${lines.map((line) => `x-${line}`).join('\n')}\n` },
  })
  tried.see(`an alias bomb: exit ${bomb.code} in ${bomb.ms.toFixed(0)} ms`, bomb.code === 1 && bomb.ms < LONGEST_MS)
  const grown = (daemon.status().residentKiB - before) / 1024
  tried.see(`memory: +${grown.toFixed(0)} MiB`, grown < GROWTH_MIB)
  tried.tell(`refused in at most ${slowest.ms} ms (${slowest.what}), +${Math.max(grown, 0).toFixed(0)} MiB`)
}

export const FIELD_CASES = [
  {
    id: 'A1',
    what: 'shell signs, dashes, dots, NUL, 64 KB and look-alikes in every text of the API',
    attack: hostileTexts,
  },
  { id: 'A8', what: 'empty, chunked, huge, deep and doubled bodies, an alias bomb, 10,000 services', attack: bodies },
]
