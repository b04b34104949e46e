// Connections that are held open and talk now and then, by a program that shares no code with the daemon: what becomes of each is known.
import { randomBytes } from 'node:crypto'
import net from 'node:net'

const TALK_MS = 250

/** One connection. `cutMs`: when the other side ended it (`Date.now()`), undefined while it is open or where we ended it. */
export class Held {
  cutMs
  /** What came back last, `Date.now()`. */
  heardMs
  #socket
  #talk
  #isOurs = false

  constructor(socket, say) {
    this.#socket = socket
    this.heardMs = Date.now()
    this.#talk = setInterval(() => socket.write(say()), TALK_MS)
    socket.on('data', () => {
      this.heardMs = Date.now()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(this.#talk)
      if (!this.#isOurs) this.cutMs = Date.now()
    })
    socket.on('end', () => socket.end())
  }

  end() {
    this.#isOurs = true
    clearInterval(this.#talk)
    this.#socket.destroy()
  }
}

const opened = (options) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(options)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.removeListener('error', reject)
      resolve(socket)
    })
  })

/** Reads until `isWhole(text)`; rejects where the other side ends before that. */
const read = (socket, isWhole) =>
  new Promise((resolve, reject) => {
    let text = ''
    const done = (outcome) => {
      socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error')
      clearTimeout(timer)
      outcome()
    }
    const timer = setTimeout(() => done(() => reject(new Error('no answer within 10 s'))), 10_000)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (isWhole(text)) done(() => resolve(text))
    })
    socket.on('error', (error) => done(() => reject(error)))
    socket.on('close', () => done(() => reject(new Error('closed without an answer'))))
  })

/** The echo protocol of ek-lab/traffic. */
export async function holdEcho(options) {
  const socket = await opened(options)
  socket.write('first\n')
  await read(socket, (text) => text === 'first\n')
  return new Held(socket, () => 'still there\n')
}

export async function holdWebSocket({ headers, ...options }) {
  const socket = await opened(options)
  const own = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`)
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET /socket HTTP/1.1\r\n${own.join('')}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  // The answer's head and the first frame, which says the version.
  const answer = await read(socket, (text) => /\r\n\r\n.{3}/s.test(text) || !/^HTTP\/1.1 101|^[^\r]*$/.test(text))
  if (!answer.startsWith('HTTP/1.1 101')) throw new Error(answer.split('\r\n')[0])
  return new Held(socket, () => {
    const mask = randomBytes(4)
    const text = Buffer.from('still there').map((byte, at) => byte ^ mask[at % 4])
    return Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, text])
  })
}

/** A kept connection that rests between its requests. */
export class Resting {
  #socket
  #headers

  constructor(socket, headers) {
    this.#socket = socket
    this.#headers = headers
    socket.on('error', () => {})
  }

  static async open({ headers, ...options }) {
    const resting = new Resting(await opened(options), headers)
    await resting.ask()
    return resting
  }

  /** The version that answers; rejects for all that is not 200, and where the connection was closed meanwhile. */
  async ask() {
    if (this.#socket.destroyed || this.#socket.readyState !== 'open') throw new Error('closed while it rested')
    const own = Object.entries(this.#headers).map(([key, value]) => `${key}: ${value}\r\n`)
    this.#socket.write(`GET / HTTP/1.1\r\n${own.join('')}\r\n`)
    const answer = await read(this.#socket, (text) => /\r\n\r\n.*[}\n>]/s.test(text))
    if (!answer.startsWith('HTTP/1.1 200')) throw new Error(answer.split('\r\n')[0])
    return /"version":"([^"]*)"/.exec(answer)?.[1]
  }

  end() {
    this.#socket.destroy()
  }
}
