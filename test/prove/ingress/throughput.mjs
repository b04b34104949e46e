// Requests over kept connections, in a process of its own: `node throughput.mjs HOST PORT HOSTHEADER all|RATE CONNECTIONS SECONDS`.
// `all`: each connection sends its next request when it has its answer. A number: so many a second in all, each at its time whatever
// became of the others, its latency counted from that time. Prints one line of JSON: { requests, failed, p50, p99 } (milliseconds).
import net from 'node:net'

const [host, port, hostHeader, mode, connections, seconds] = process.argv.slice(2)
const REQUEST = Buffer.from(`GET / HTTP/1.1\r\nHost: ${hostHeader}\r\n\r\n`)
const HEAD_END = Buffer.from('\r\n\r\n')
const OK = Buffer.from('HTTP/1.1 200 ')

const seen = { requests: 0, failed: 0, latencies: [] }
let isOver = false

/** One connection, with one request at a time on it. `free` is called when it has its answer. */
class Connection {
  #socket
  #pending = Buffer.alloc(0)
  #dueMs = 0
  #free

  constructor(free) {
    this.#free = free
    this.#socket = net.connect({ host, port: Number(port), noDelay: true })
    this.#socket.on('data', (data) => this.#read(data))
    this.#socket.on('error', () => this.#fail())
    this.#socket.on('close', () => this.#fail())
    this.ready = new Promise((resolve) => this.#socket.once('connect', resolve))
  }

  ask(dueMs) {
    this.#dueMs = dueMs
    this.#socket.write(REQUEST)
  }

  end() {
    this.#socket.destroy()
  }

  #read(data) {
    this.#pending = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data])
    const end = this.#pending.indexOf(HEAD_END)
    if (end < 0) return
    const length = Number(/content-length: *(\d+)/i.exec(this.#pending.toString('latin1', 0, end))?.[1])
    if (this.#pending.length < end + 4 + length) return
    if (!isOver) {
      if (this.#pending.subarray(0, OK.length).equals(OK)) seen.requests += 1
      else seen.failed += 1
      seen.latencies.push(performance.now() - this.#dueMs)
    }
    this.#pending = Buffer.alloc(0)
    this.#free(this)
  }

  #fail() {
    if (!isOver) seen.failed += 1
  }
}

const all = async () => {
  const pool = Array.from(
    { length: Number(connections) },
    () => new Connection((one) => !isOver && one.ask(performance.now())),
  )
  await Promise.all(pool.map(({ ready }) => ready))
  for (const one of pool) one.ask(performance.now())
  return pool
}

const atRate = async () => {
  const idle = []
  const due = []
  const pool = Array.from(
    { length: Number(connections) },
    () =>
      new Connection((one) => {
        const next = due.shift()
        if (next === undefined) idle.push(one)
        else one.ask(next)
      }),
  )
  await Promise.all(pool.map(({ ready }) => ready))
  idle.push(...pool)
  const everyMs = 1000 / Number(mode)
  let nextMs = performance.now()
  const tick = () => {
    if (isOver) return
    for (; nextMs <= performance.now(); nextMs += everyMs) {
      const one = idle.shift()
      if (one === undefined) due.push(nextMs)
      else one.ask(nextMs)
    }
    setImmediate(tick)
  }
  tick()
  return pool
}

const pool = await (mode === 'all' ? all() : atRate())
const startedMs = performance.now()
setTimeout(() => {
  isOver = true
  const sorted = seen.latencies.sort((a, b) => a - b)
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  for (const one of pool) one.end()
  const { requests, failed } = seen
  const perSecond = (requests / (performance.now() - startedMs)) * 1000
  console.log(JSON.stringify({ requests, failed, perSecond, p50: at(0.5), p99: at(0.99) }))
}, Number(seconds) * 1000)
