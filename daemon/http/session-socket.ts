/** The daemon's end of a session: reads the caller's frames, and writes as far as the caller has granted. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { z } from 'zod'
import { Problem } from '../../protocol/problems.ts'
import { CallerFrameSchema } from '../../protocol/resources/session.ts'
import {
  type CallerFrame,
  controlFrame,
  type DaemonFrame,
  FrameReader,
  frameHeader,
  ReceiveWindow,
  SendWindow,
  type SessionChannel,
} from '../../protocol/session.ts'
import { type Lease, readLeased } from './read-buffers.ts'
import type { Frames } from './reframe.ts'

/** A caller that says nothing holds a place for nothing. */
const OPEN_MS = 10_000
const KEEP_ALIVE_MS = 30_000
/** What is smaller is copied rather than held, so that a window of small pieces does not hold many buffers. */
const HELD_BYTES = 32_768
/** What a caller has to leave in, once all is said. */
const LINGER_MS = 5000

/** What comes from the caller once the session is on. */
export interface SessionInput {
  /** Calls back when the bytes are taken, and may be used for others; more are let in only then. */
  stdin(bytes: Uint8Array, taken: () => void): void
  control(frame: Exclude<CallerFrame, { type: 'window' }>): void
}

export class SessionSocket {
  readonly #connection: Duplex
  readonly #sending = new SendWindow()
  readonly #receiving = new ReceiveWindow()
  readonly #abort = new AbortController()
  readonly #opened: Promise<string>
  readonly #begun: Promise<void>
  #hasBegun = (): void => {}
  #first: ((text: string) => void) | undefined
  #input: SessionInput | undefined
  /** Where the bytes stand that are being read. */
  #lease: Lease | undefined

  /** `head`: what has come already. `greeting`: what the caller hears first. */
  constructor(connection: Duplex, head: Uint8Array, greeting: string) {
    this.#opened = new Promise((resolve) => {
      this.#first = resolve
    })
    this.#begun = new Promise((resolve) => {
      this.#hasBegun = resolve
    })
    const reader = new FrameReader({
      data: (channel, bytes) => this.#data(channel, bytes),
      control: (text) => this.#control(text),
    })
    const feed = (bytes: Uint8Array, lease: Lease | undefined) => {
      this.#lease = lease
      try {
        reader.feed(bytes)
      } catch (error) {
        this.#end(error)
      }
    }
    if (head.length > 0) feed(head, undefined)
    this.#connection = readLeased(connection, feed)
    const gone = () => this.#end(new Problem('cancelled', 'the caller is gone'))
    // A broken connection ends in `close`, which is all that matters here.
    this.#connection.on('error', () => {})
    this.#connection.once('end', gone)
    this.#connection.once('close', gone)
    // Small frames, such as keys, go at once; and a caller that vanishes without a word is found out.
    if (this.#connection instanceof Socket) this.#connection.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
    this.#connection.write(greeting)
  }

  /** Ends with the caller, or with what the caller did wrong. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Whether the caller is there, right or wrong. */
  get isOpen(): boolean {
    return !this.#connection.destroyed && this.#connection.writable
  }

  /** Resolves once the session is on; never, where it does not come to that. */
  get begun(): Promise<void> {
    return this.#begun
  }

  /** What the caller wants: its first frame. */
  async open<T extends z.ZodType>(schema: T): Promise<z.output<T>> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), OPEN_MS)
    const given = AbortSignal.any([late.signal, this.signal])
    const gone = new Promise<undefined>((resolve) =>
      given.addEventListener('abort', () => resolve(undefined), { once: true }),
    )
    const text = await Promise.race([this.#opened, gone])
    clearTimeout(timer)
    this.signal.throwIfAborted()
    if (text === undefined) {
      throw new Problem('bad-request', `the session was not opened within ${OPEN_MS / 1000} s`, {
        hint: 'the first frame says what is wanted; see protocol/session.ts',
      })
    }
    return checked(schema, text)
  }

  /** From here on the caller may send data. */
  begin(input: SessionInput, started: Extract<DaemonFrame, { type: 'started' }>): void {
    this.#input = input
    this.#hasBegun()
    this.send(started)
  }

  /** Control frames are few and small, and never wait for room. */
  send(frame: DaemonFrame): void {
    if (this.isOpen) this.#connection.write(controlFrame(frame))
  }

  /** Resolves when it has gone, and its bytes may be used for others; or the caller is gone. */
  async write(channel: SessionChannel, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const length = await this.#sending.takePiece(bytes.length - at)
      if (length === 0) return
      await this.#pass([frameHeader(channel, length), bytes.subarray(at, at + length)])
      at += length
    }
  }

  /** Whole frames, with no more data than a chunk of the Engine's, which any window has room for: resolves as {@link write} does. */
  async relay({ parts, dataBytes }: Frames): Promise<void> {
    if (!this.#sending.takeNow(dataBytes) && !(await this.#sending.take(dataBytes))) return
    await this.#pass(parts)
  }

  async #pass(parts: readonly Uint8Array[]): Promise<void> {
    const connection = this.#connection
    connection.cork()
    for (const part of parts) connection.write(part)
    connection.uncork()
    // Most of the time the system has taken it by now.
    if (connection.writableLength > 0) await drained(connection)
  }

  /** Ends it at once, whatever it is doing, and says why. */
  cut(problem: Problem): void {
    this.send({ type: 'end', problem: problem.toDetails() })
    this.#end(problem)
    this.close()
  }

  /** Nothing more is said. What was, is still delivered: to be cut off while the caller sends could take it back. */
  close(): void {
    const connection = this.#connection
    connection.end()
    const late = setTimeout(() => connection.destroy(), LINGER_MS)
    connection.once('end', () => connection.destroy())
    connection.once('close', () => clearTimeout(late))
  }

  #data(channel: SessionChannel, bytes: Uint8Array): void {
    if (channel !== 'stdin' || this.#input === undefined) {
      throw new Problem('bad-request', 'a caller sends data on stdin only, and once the session has started')
    }
    const { length } = bytes
    this.#receiving.received(length)
    const release = length < HELD_BYTES ? undefined : this.#lease?.hold()
    const kept = release === undefined && this.#lease !== undefined ? Buffer.from(bytes) : bytes
    this.#input.stdin(kept, () => {
      release?.()
      const granted = this.#receiving.taken(length)
      if (granted > 0) this.send({ type: 'window', bytes: granted })
    })
  }

  #control(text: string): void {
    if (this.#first !== undefined) {
      const first = this.#first
      this.#first = undefined
      first(text)
      return
    }
    // By far the most: one for each 256 KiB of output.
    const granted = GRANT.exec(text)?.[1]
    if (granted !== undefined) {
      this.#sending.grant(Number(granted))
      return
    }
    const frame = checked(CallerFrameSchema, text)
    if (frame.type === 'window') this.#sending.grant(frame.bytes)
    else if (this.#input === undefined) throw new Problem('bad-request', 'the session has not started yet')
    else this.#input.control(frame)
  }

  #end(reason: unknown): void {
    this.#sending.close()
    this.#abort.abort(reason)
  }
}

/** Resolves when all that was written has gone, or nothing goes any more. */
function drained(connection: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      connection.removeListener('close', done)
      resolve()
    }
    connection.once('close', done)
    if (connection.destroyed) done()
    else connection.write(NOTHING, done)
  })
}

const NOTHING = new Uint8Array()
const GRANT = /^\{"type":"window","bytes":([1-9]\d{0,6})\}$/

function checked<T extends z.ZodType>(schema: T, text: string): z.output<T> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Problem('bad-request', 'a frame of the session is not JSON', { cause })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [first] = result.error.issues
  throw new Problem('bad-request', `a frame of the session is not valid: ${first?.path.join('.')}: ${first?.message}`)
}
