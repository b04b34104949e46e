// Clients of a service, in a process of their own: they share no code with the daemon, and never try anything again. A parent
// sends `{ start }` and `{ ask }`; it is answered with all that was seen since the last answer.
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'

const TIMEOUT_MS = 10_000
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let seen = empty()
let isOver = false

function empty() {
  return {
    requests: 0,
    failed: 0,
    errors: {},
    versions: {},
    mixed: {},
    answers: {},
    cuts: [],
    lastOkMs: Date.now(),
    gapMs: 0,
  }
}

function ok(version) {
  const now = Date.now()
  seen.requests += 1
  seen.gapMs = Math.max(seen.gapMs, now - seen.lastOkMs)
  seen.lastOkMs = now
  if (version === undefined) return
  seen.versions[version] ??= now
  seen.answers[version] = (seen.answers[version] ?? 0) + 1
}

function failed(what, error) {
  seen.requests += 1
  seen.failed += 1
  const key = `${what}: ${error.code ?? error.message}`
  seen.errors[key] = (seen.errors[key] ?? 0) + 1
}

/** One request, its whole answer read. Rejects for all that is not 2xx. `body`: a list of chunks with a pause before each. */
function request(options, { method = 'GET', path = '/', agent, body = [], pauseMs = 0 }) {
  return new Promise((resolve, reject) => {
    const headers = { ...options.headers, ...(body.length > 0 ? { 'transfer-encoding': 'chunked' } : {}) }
    const call = http.request({ ...options, headers, method, path, agent, timeout: TIMEOUT_MS })
    call.on('timeout', () => call.destroy(new Error('timeout')))
    call.on('error', reject)
    call.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('aborted', () => reject(new Error('cut in its answer')))
      response.on('end', () => {
        if (response.statusCode < 200 || response.statusCode > 299)
          reject(new Error(`status ${response.statusCode} ${text.slice(0, 80)}`.trim()))
        else resolve(JSON.parse(text))
      })
    })
    const send = async () => {
      for (const chunk of body) {
        if (pauseMs > 0) await wait(pauseMs)
        if (call.destroyed) return
        call.write(chunk)
      }
      call.end()
    }
    send().catch(reject)
  })
}

/** `lifeMs`: how long a connection is kept, where it is not for ever. */
async function keepAlive(options, lifeMs) {
  const fresh = () => ({ agent: new http.Agent({ keepAlive: true, maxSockets: 1 }), untilMs: Date.now() + lifeMs })
  let { agent, untilMs } = fresh()
  for (let turn = 0; !isOver; turn += 1) {
    if (Date.now() > untilMs) {
      agent.destroy()
      ;({ agent, untilMs } = fresh())
    }
    const post = turn % 2 === 1 ? { method: 'POST', body: [Buffer.alloc(200)] } : {}
    await request(options, { agent, ...post }).then(
      ({ version }) => ok(version),
      (error) => failed(`keep-alive ${post.method ?? 'GET'}`, error),
    )
    await wait(60)
  }
}

async function newConnections(options) {
  for (let turn = 0; !isOver; turn += 1) {
    const post = turn % 2 === 1 ? { method: 'POST', body: [Buffer.alloc(200)] } : {}
    await request(options, { agent: false, ...post }).then(
      ({ version }) => ok(version),
      (error) => failed(`new connection ${post.method ?? 'GET'}`, error),
    )
    await wait(120)
  }
}

/** Asks one service what another one answers that it calls by name. `kept`: both on connections that they keep. */
async function calls({ at, pauseMs, ...options }, kept) {
  const agent = kept ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : false
  while (!isOver) {
    await request(options, { agent, path: `/call?at=${at}${kept ? '&kept' : ''}` }).then(
      ({ version, called }) => {
        ok(called)
        if (version === called) return
        const key = `${version} -> ${called}`
        seen.mixed[key] = (seen.mixed[key] ?? 0) + 1
      },
      (error) => failed(kept ? 'kept' : 'new connection', error),
    )
    await wait(pauseMs)
  }
}

/** Slower than a switch takes, and within the time to drain. */
async function uploads(options) {
  const chunk = Buffer.alloc(4096)
  while (!isOver) {
    await request(options, {
      method: 'POST',
      path: '/upload',
      agent: false,
      body: Array(12).fill(chunk),
      pauseMs: 100,
    }).then(
      ({ version, bytes }) => (bytes === 12 * 4096 ? ok(version) : failed('upload', new Error(`${bytes} bytes came`))),
      (error) => failed('upload', error),
    )
  }
}

/** Open until it is cut, with a frame each way now and then. A cut is told with the version that it was on, and when. */
async function webSocket({ host, port, headers = {} }, lifeMs) {
  while (!isOver) {
    await new Promise((resolve) => {
      const socket = net.connect({ host, port })
      let version
      let isOurs = false
      const talk = setInterval(() => {
        const mask = randomBytes(4)
        const text = Buffer.from('still there').map((byte, at) => byte ^ mask[at % 4])
        if (version !== undefined) socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, text]))
      }, 500)
      const life = setTimeout(
        () => {
          isOurs = true
          socket.destroy()
        },
        Math.min(lifeMs, 2 ** 31 - 1),
      )
      let isUpgraded = false
      let head = ''
      socket.on('data', (data) => {
        if (isUpgraded) return ok()
        head += data.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0 || head.length < end + 6) return
        isUpgraded = true
        if (head.startsWith('HTTP/1.1 101')) {
          version = head.slice(end + 6)
          ok(version)
        } else {
          failed('WebSocket', new Error(head.split('\r\n')[0]))
          socket.destroy()
        }
      })
      socket.on('error', (error) => {
        if (version === undefined) failed('WebSocket', error)
      })
      socket.on('close', () => {
        clearInterval(talk)
        clearTimeout(life)
        if (version !== undefined && !isOurs && !isOver) seen.cuts.push({ version, atMs: Date.now() })
        resolve()
      })
      const own = Object.entries({ Host: 'app', ...headers }).map(([key, value]) => `${key}: ${value}\r\n`)
      socket.write(
        `GET /socket HTTP/1.1\r\n${own.join('')}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
      )
    })
    await wait(20)
  }
}

/** `messages` one after the other on one connection, each echoed before the next. */
async function echo({ host, port }, messages, pauseMs) {
  while (!isOver) {
    await new Promise((resolve) => {
      const socket = net.connect({ host, port })
      let sent = 0
      let isDone = false
      const end = (error) => {
        if (isDone) return
        isDone = true
        clearTimeout(timer)
        if (error !== undefined) failed(`echo after ${sent} of ${messages}`, error)
        socket.destroy()
        resolve()
      }
      let timer = setTimeout(() => end(new Error('timeout')), TIMEOUT_MS)
      const next = () => {
        if (sent === messages || isOver) return end()
        socket.write(`hello ${sent}\n`)
      }
      socket.on('connect', next)
      socket.on('data', (data) => {
        // A line of the PROXY protocol, which is echoed as all else is, is no answer.
        if (
          !data
            .toString()
            .replace(/^PROXY .*\r\n/, '')
            .endsWith('\n')
        )
          return
        ok()
        sent += 1
        clearTimeout(timer)
        timer = setTimeout(() => end(new Error('timeout')), TIMEOUT_MS)
        setTimeout(next, pauseMs)
      })
      socket.on('error', end)
      socket.on('end', () => end(new Error('closed by the other side')))
    })
    await wait(pauseMs)
  }
}

const times = (count, work) => Array.from({ length: count }, work)

process.on('message', ({ start, ask, stop }) => {
  if (start !== undefined) {
    const { kind, lifeMs = Number.POSITIVE_INFINITY, ...options } = start
    if (kind === 'light') {
      times(4, () => keepAlive(options, lifeMs))
      times(4, () => newConnections(options))
    } else if (kind === 'calls') {
      times(5, () => calls(options, true))
      times(5, () => calls(options, false))
    } else if (kind === 'http') {
      times(20, () => keepAlive(options, lifeMs))
      times(20, () => newConnections(options))
      times(50, () => webSocket(options, lifeMs))
      times(5, () => uploads(options))
    } else {
      times(20, () => echo(options, 20, 40))
      times(20, () => echo(options, 1, 100))
    }
    seen = empty()
  }
  if (ask !== undefined) {
    process.send({ answer: seen })
    seen = { ...empty(), lastOkMs: seen.lastOkMs }
  }
  if (stop !== undefined) {
    isOver = true
    setTimeout(() => process.exit(0), 200)
  }
})
process.on('disconnect', () => process.exit(0))
