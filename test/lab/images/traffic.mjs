// A service under load (image ek-lab/traffic): HTTP with WebSockets and uploads on 8080, an echo protocol on 7000. By environment:
//   VERSION         what it calls itself
//   READY_AFTER_MS  it listens only after this long
//   HTTP_PORT       where it listens in place of 8080
// Upon SIGTERM it answers on for a moment, closing each connection after its answer, then ends what is open, and itself.
// GET /health, GET and POST / say its version; POST /upload says how many bytes came; /socket echoes frames.
// GET /call?at=HOST:PORT asks another one, once, and says both versions, or 502; with `kept`, on connections that it keeps.
import { createHash } from 'node:crypto'
import { Agent, request as ask, createServer } from 'node:http'
import { createServer as createEcho } from 'node:net'

const version = process.env.VERSION ?? 'none'
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let isEnding = false
const sockets = new Set()

const kept = new Agent({ keepAlive: true })

function call(at, isKept) {
  return new Promise((resolve, reject) => {
    const asked = ask(`http://${at}/`, { agent: isKept ? kept : false, timeout: 5000 }, async (answer) => {
      try {
        let text = ''
        for await (const chunk of answer) text += chunk
        if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`)
        resolve(JSON.parse(text))
      } catch (error) {
        reject(error)
      }
    })
    asked.on('timeout', () => asked.destroy(new Error('timeout')))
    asked.on('error', reject)
    asked.end()
  })
}

const server = createServer(async (request, response) => {
  let bytes = 0
  try {
    for await (const chunk of request) bytes += chunk.length
  } catch {
    return // its client is gone
  }
  if (isEnding) response.setHeader('connection', 'close')
  response.setHeader('content-type', 'application/json')
  const url = new URL(request.url, 'http://traffic')
  if (url.pathname === '/call') {
    try {
      const called = await call(url.searchParams.get('at'), url.searchParams.has('kept'))
      response.end(JSON.stringify({ version, called: called.version }))
    } catch (error) {
      response.statusCode = 502
      response.end(JSON.stringify({ version, error: error.code ?? error.message }))
    }
    return
  }
  response.end(JSON.stringify({ version, bytes }))
})
server.keepAliveTimeout = 60_000

/** RFC 6455: the handshake, a first frame with the version, then each frame of a client as it came, unmasked. */
server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  sockets.add(socket)
  socket.on('end', () => socket.end())
  socket.on('close', () => sockets.delete(socket))
  socket.on('error', () => socket.destroy())
  const say = (text) => socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]))
  say(Buffer.from(version))
  let pending = Buffer.alloc(0)
  socket.on('data', (data) => {
    pending = Buffer.concat([pending, data])
    while (pending.length >= 6 && pending.length >= 6 + (pending[1] & 0x7f)) {
      const length = pending[1] & 0x7f
      const mask = pending.subarray(2, 6)
      if ((pending[0] & 0x0f) === 8) return socket.end()
      say(Buffer.from(pending.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4])))
      pending = pending.subarray(6 + length)
    }
  })
})

const echo = createEcho({ allowHalfOpen: true }, (socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
})

process.on('SIGTERM', async () => {
  if (isEnding) return
  isEnding = true
  await wait(300)
  echo.close()
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  for (const socket of sockets) socket.end()
  await wait(1000)
  process.exit(0)
})

await wait(Number(process.env.READY_AFTER_MS ?? 0))
server.listen(Number(process.env.HTTP_PORT ?? 8080))
echo.listen(7000)
