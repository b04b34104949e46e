// What the Engine itself can do at best: the calls that a stack of N like services takes, and nothing else. Shares no code with the
// daemon, which is measured against it. Prints one line of JSON: { ms, ... }, the time from the first call to the last answer.
//
//   node test/bench/raw.mjs --socket PATH up|up-healthy|down|ps --stack NAME --services N --image IMAGE [--concurrency 8] [--chain]
//
//   up          network, then create and start of s1..sN; with --chain each starts after the one before it has started
//   up-healthy  the same until all are healthy, told by /events; with --chain each starts when the one before it is healthy
//   down        stop of all (signal, and at once SIGKILL), removal, then that of the network
//   ps          one list of the stack's containers
//   --health-cmd 'COMMAND' (wget of /health on 8080)  --health-interval-ms (500)  --health-start-interval-ms (API 1.44)  --env KEY=VALUE ...
import { parseArgs } from 'node:util'
import { Pool } from 'undici'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    socket: { type: 'string' },
    stack: { type: 'string' },
    services: { type: 'string', default: '1' },
    image: { type: 'string', default: 'ek-lab/sleep:1' },
    concurrency: { type: 'string', default: '8' },
    chain: { type: 'boolean', default: false },
    env: { type: 'string', multiple: true, default: [] },
    'health-cmd': { type: 'string', default: 'wget -q -O /dev/null http://127.0.0.1:8080/health' },
    'health-interval-ms': { type: 'string', default: '500' },
    'health-start-interval-ms': { type: 'string' },
  },
})
const operation = positionals[0]
const stack = values.stack
const concurrency = Number(values.concurrency)
const services = Array.from({ length: Number(values.services) }, (_, index) => `s${index + 1}`)
const nanoseconds = (ms) => Number(ms) * 1e6

if (!values.socket || !stack || !['up', 'up-healthy', 'down', 'ps'].includes(operation)) {
  console.error(
    'usage: raw.mjs --socket PATH up|up-healthy|down|ps --stack NAME --services N --image IMAGE [--concurrency N] [--chain]',
  )
  process.exit(2)
}

const socketPath = values.socket.replace(/^unix:\/\//, '')
const pool = new Pool('http://engine', {
  socketPath,
  connections: concurrency,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
})
let prefix = ''

async function call(method, path, body, accept = []) {
  const response = await pool.request({
    method,
    path: prefix + path,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body ? JSON.stringify(body) : undefined,
  })
  const text = await response.body.text()
  if (response.statusCode >= 400 && !accept.includes(response.statusCode))
    throw new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`)
  return { text, headers: response.headers }
}

async function each(items, work) {
  const queue = items[Symbol.iterator]()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
}

const containerName = (service) => `${stack}-${service}-1`
const network = `${stack}_default`

/** What Compose asks for when a file says `image`, and `depends_on` and `healthcheck` where those are measured. */
function containerSpec(service, imageId) {
  const index = services.indexOf(service)
  const condition = operation === 'up-healthy' ? 'service_healthy' : 'service_started'
  const dependsOn = values.chain && index > 0 ? `${services[index - 1]}:${condition}:false` : ''
  const spec = {
    AttachStdout: true,
    AttachStderr: true,
    Image: values.image,
    Env: values.env,
    Labels: {
      'com.docker.compose.config-hash': '0'.repeat(64),
      'com.docker.compose.container-number': '1',
      'com.docker.compose.depends_on': dependsOn,
      'com.docker.compose.image': imageId,
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.project': stack,
      'com.docker.compose.project.config_files': `/bench/${stack}/compose.yaml`,
      'com.docker.compose.project.working_dir': `/bench/${stack}`,
      'com.docker.compose.service': service,
      'com.docker.compose.version': 'raw',
    },
    HostConfig: { NetworkMode: network, RestartPolicy: { Name: 'no' } },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [containerName(service), service] } } },
  }
  if (operation === 'up-healthy') {
    const startInterval = values['health-start-interval-ms']
    spec.Healthcheck = {
      Test: ['CMD-SHELL', values['health-cmd']],
      Interval: nanoseconds(values['health-interval-ms']),
      Timeout: nanoseconds(5000),
      Retries: 20,
      ...(startInterval ? { StartInterval: nanoseconds(startInterval), StartPeriod: nanoseconds(60_000) } : {}),
    }
  }
  return spec
}

const createNetwork = () =>
  call('POST', '/networks/create', {
    Name: network,
    Driver: 'bridge',
    CheckDuplicate: true,
    Labels: {
      'com.docker.compose.network': 'default',
      'com.docker.compose.project': stack,
      'com.docker.compose.version': 'raw',
    },
  })
const create = (service, imageId) =>
  call('POST', `/containers/create?name=${containerName(service)}`, containerSpec(service, imageId))
const start = (service) => call('POST', `/containers/${containerName(service)}/start`)

/** `healthy(service)`, told by the Engine's events, on a connection of its own; a container that ends fails them all. */
async function watchHealth(sinceSeconds) {
  const filters = {
    label: [`com.docker.compose.project=${stack}`],
    type: ['container'],
    event: ['health_status', 'die'],
  }
  const query = new URLSearchParams({ since: sinceSeconds, filters: JSON.stringify(filters) })
  const events = new Pool('http://engine', { socketPath, connections: 1, headersTimeout: 0, bodyTimeout: 0 })
  const abort = new AbortController()
  const waiting = new Map(services.map((service) => [service, deferred()]))
  const response = await events.request({ method: 'GET', path: `${prefix}/events?${query}`, signal: abort.signal })
  const reading = (async () => {
    let rest = ''
    for await (const chunk of response.body) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        const { Action, Actor } = JSON.parse(line)
        const entry = waiting.get(Actor.Attributes['com.docker.compose.service'])
        if (Action === 'health_status: healthy') entry?.resolve()
        if (Action === 'die' || Action === 'health_status: unhealthy')
          for (const each of waiting.values()) each.reject(new Error(`${Actor.Attributes.name}: ${Action}`))
      }
    }
  })()
  reading.catch(() => {}) // ends by the abort below
  for (const { promise } of waiting.values()) promise.catch(() => {}) // reported by whoever waits for it
  return {
    healthy: (service) => waiting.get(service).promise,
    end: () => {
      abort.abort()
      events.destroy()
    },
  }
}

function deferred() {
  const result = {}
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }))
  return result
}

async function up(imageId, health) {
  await createNetwork()
  if (!values.chain) {
    await each(services, async (service) => {
      await create(service, imageId)
      await start(service)
    })
    if (health) await Promise.all(services.map(health.healthy))
    return
  }
  const created = new Map(services.map((service) => [service, deferred()]))
  const creating = each(services, async (service) => {
    await create(service, imageId)
    created.get(service).resolve()
  })
  const starting = (async () => {
    for (const service of services) {
      await created.get(service).promise
      await start(service)
      if (health) await health.healthy(service)
    }
  })()
  await Promise.all([creating, starting])
}

async function down() {
  await each(services, async (service) => {
    const path = `/containers/${containerName(service)}`
    await call('POST', `${path}/stop?t=0`, undefined, [404])
    await call('DELETE', path, undefined, [404])
  })
  await call('DELETE', `/networks/${network}`, undefined, [404])
}

async function ps() {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${stack}`] }))
  const { text } = await call('GET', `/containers/json?all=1&filters=${filters}`)
  return JSON.parse(text).length
}

async function main() {
  const { headers } = await call('GET', '/_ping')
  prefix = `/v${headers['api-version']}`
  const imageId = operation.startsWith('up')
    ? JSON.parse((await call('GET', `/images/${values.image}/json`)).text).Id
    : ''
  // From now on, to the millisecond: an earlier stack of the same name may have died within this very second.
  const health = operation === 'up-healthy' ? await watchHealth((Date.now() / 1000).toFixed(3)) : undefined
  try {
    const startMs = performance.now()
    if (operation === 'down') await down()
    else if (operation === 'ps') await ps()
    else await up(imageId, health)
    const ms = Math.round((performance.now() - startMs) * 10) / 10
    console.log(JSON.stringify({ ms, operation, services: services.length, concurrency, chain: values.chain }))
  } finally {
    health?.end()
  }
}

try {
  await main()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  await pool.destroy()
}
