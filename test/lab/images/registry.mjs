// A registry (https://distribution.github.io/distribution/spec/api/) that keeps all in memory: what the Engine's pulls and
// pushes need, and nothing more. REGISTRY_LOGIN=user:password: it asks for them. Prints the port that it listens on.
import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

const login = process.env.REGISTRY_LOGIN
const blobs = new Map()
const uploads = new Map()
/** `REPOSITORY TAG-OR-DIGEST` -> { type, bytes, digest } */
const manifests = new Map()

const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

class Refusal extends Error {
  constructor(status, code, message, headers = {}) {
    super(message)
    Object.assign(this, { status, code, headers })
  }
}

function admit(request) {
  if (login === undefined) return
  if (request.headers.authorization === `Basic ${Buffer.from(login).toString('base64')}`) return
  const challenge = { 'www-authenticate': 'Basic realm="lab"' }
  throw new Refusal(401, 'UNAUTHORIZED', 'authentication required', challenge)
}

const unknown = (what) => new Refusal(404, `${what}_UNKNOWN`, `${what.toLowerCase()} unknown`)

function manifest(repository, reference) {
  const found = manifests.get(`${repository} ${reference}`)
  if (found === undefined) throw unknown('MANIFEST')
  return {
    status: 200,
    body: found.bytes,
    headers: { 'content-type': found.type, 'docker-content-digest': found.digest },
  }
}

async function putManifest(repository, reference, request) {
  const bytes = await bodyOf(request)
  const digest = digestOf(bytes)
  const kept = { type: request.headers['content-type'], bytes, digest }
  for (const name of [reference, digest]) manifests.set(`${repository} ${name}`, kept)
  return {
    status: 201,
    headers: { 'docker-content-digest': digest, location: `/v2/${repository}/manifests/${digest}` },
  }
}

function blob(digest) {
  const body = blobs.get(digest)
  if (body === undefined) throw unknown('BLOB')
  return { status: 200, body, headers: { 'content-type': 'application/octet-stream', 'docker-content-digest': digest } }
}

async function upload(repository, id, method, query, request) {
  const key = id === '' ? randomUUID() : id
  const whole = Buffer.concat([uploads.get(key) ?? Buffer.alloc(0), await bodyOf(request)])
  uploads.set(key, whole)
  const at = { location: `/v2/${repository}/blobs/uploads/${key}`, 'docker-upload-uuid': key }
  if (method !== 'PUT') return { status: 202, headers: { ...at, range: `0-${Math.max(whole.length - 1, 0)}` } }
  const digest = query.get('digest')
  if (digestOf(whole) !== digest)
    throw new Refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')
  uploads.delete(key)
  blobs.set(digest, whole)
  return { status: 201, headers: { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest } }
}

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url, 'http://registry')
  admit(request)
  if (pathname === '/v2/' || pathname === '/v2') return { status: 200, body: Buffer.from('{}'), headers: {} }
  const [, repository, kind, reference] =
    /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs)\/([^/]*)$/.exec(pathname) ?? []
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (kind === 'manifests' && isRead) return manifest(repository, reference)
  if (kind === 'manifests' && request.method === 'PUT') return putManifest(repository, reference, request)
  if (kind === 'blobs' && isRead) return blob(reference)
  if (kind === 'blobs/uploads') return upload(repository, reference, request.method, searchParams, request)
  throw new Refusal(405, 'UNSUPPORTED', `${request.method} ${pathname} is not supported`)
}

const server = createServer(async (request, response) => {
  const {
    status,
    body = Buffer.alloc(0),
    headers,
  } = await answer(request).catch((error) => ({
    status: error.status ?? 500,
    headers: { 'content-type': 'application/json', ...error.headers },
    body: Buffer.from(JSON.stringify({ errors: [{ code: error.code ?? 'UNKNOWN', message: error.message }] })),
  }))
  request.resume()
  response.writeHead(status, {
    'docker-distribution-api-version': 'registry/2.0',
    ...headers,
    'content-length': body.length,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
})
// A push keeps connections open between blobs.
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
process.once('SIGTERM', () => process.exit(0))
