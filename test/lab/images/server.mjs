// The lab's HTTP application (image ek-lab/app). Everything it does can be asked for by environment:
//   PORT             where it listens (8080)
//   VERSION          what it calls its version (the image's tag)
//   START_DELAY_MS   it listens only after this long
//   UNHEALTHY_AFTER_MS  /health answers 503 from this long after it listened
//   DRAIN_MS         upon SIGTERM /health answers 503 and all else goes on for this long; then it finishes what is in flight
//   IGNORE_SIGTERM   it does not stop when asked to
// GET / says who it is; /health; /env?name=; /slow?ms=; /file?path= (PUT writes it); /fetch?url= (asks another); /exit?code=;
// POST /health?ok=false turns its health by hand.
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { hostname } from 'node:os'

const number = (name, otherwise) => (process.env[name] ? Number(process.env[name]) : otherwise)
const version = process.env.VERSION || process.env.LAB_IMAGE_VERSION || 'unknown'
const port = number('PORT', 8080)
const unhealthyAfterMs = number('UNHEALTHY_AFTER_MS', Number.POSITIVE_INFINITY)

let listeningSinceMs = 0
let draining = false
let healthByHand

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const body = async (request) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function isHealthy() {
  if (draining) return false
  return healthByHand ?? performance.now() - listeningSinceMs < unhealthyAfterMs
}

function identity() {
  return { version, hostname: hostname(), image: `ek-lab/app:${process.env.LAB_IMAGE_VERSION}`, ...message() }
}

/** A file laid over the image by a build or a config, if there is one. */
function message() {
  try {
    return { message: readFileSync('/app/message.txt', 'utf8').trim() }
  } catch {
    return {}
  }
}

async function answer(request, url) {
  const argument = (name) => url.searchParams.get(name) ?? ''
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /health':
      return isHealthy() ? [200, { status: 'OK' }] : [503, { status: draining ? 'draining' : 'unhealthy' }]
    case 'POST /health':
      healthByHand = argument('ok') !== 'false'
      return [200, { healthy: isHealthy() }]
    case 'GET /env':
      return [200, { value: process.env[argument('name')] ?? null }]
    case 'GET /slow':
      await wait(Number(argument('ms')))
      return [200, identity()]
    case 'GET /file':
      return [200, { text: readFileSync(argument('path'), 'utf8') }]
    case 'PUT /file':
      writeFileSync(argument('path'), await body(request))
      return [200, {}]
    case 'GET /fetch': {
      const { status, text } = await fetch(argument('url')).then(async (r) => ({
        status: r.status,
        text: await r.text(),
      }))
      return [200, { status, text }]
    }
    case 'GET /exit':
      setImmediate(() => process.exit(Number(argument('code'))))
      return [200, {}]
    default:
      return [200, identity()]
  }
}

const server = createServer(async (request, response) => {
  const startMs = performance.now()
  const url = new URL(request.url, 'http://app')
  const [status, result] = await answer(request, url).catch((error) => [500, { error: error.message }])
  const headers = { 'content-type': 'application/json' }
  if (draining) headers.connection = 'close'
  response.writeHead(status, headers).end(`${JSON.stringify(result)}\n`)
  console.log(`${request.method} ${request.url} ${status} ${Math.round(performance.now() - startMs)}ms`)
})

process.on('SIGINT', () => process.exit(0))
process.on('SIGTERM', async () => {
  if (process.env.IGNORE_SIGTERM || draining) return
  draining = true
  if (listeningSinceMs === 0) process.exit(0)
  console.log(`SIGTERM: draining for ${number('DRAIN_MS', 0)} ms`)
  await wait(number('DRAIN_MS', 0))
  server.close(() => {
    console.log('drained')
    process.exit(0)
  })
  server.closeIdleConnections()
})

if (number('START_DELAY_MS', 0) > 0) {
  console.log(`starting, ${number('START_DELAY_MS', 0)} ms to go`)
  await wait(number('START_DELAY_MS', 0))
}
server.listen(port, () => {
  listeningSinceMs = performance.now()
  console.log(`version ${version} listens on ${port}`)
})
