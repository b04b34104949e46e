/** The daemon's end of a session: reads the caller's frames, and writes as far as the caller has granted. */
import type { RawData, WebSocket } from 'ws'
import type { z } from 'zod'
import { Problem } from '../../protocol/problems.ts'
import { CallerFrameSchema } from '../../protocol/resources/session.ts'
import {
  type CallerFrame,
  type DaemonFrame,
  decodeData,
  encodeData,
  piecesOf,
  ReceiveWindow,
  SendWindow,
  type SessionChannel,
} from '../../protocol/session.ts'
import type { FrameSocket } from './frame-socket.ts'

/** A caller that says nothing holds a place for nothing. */
const OPEN_MS = 10_000

/** What comes from the caller once the session is on. */
export interface SessionInput {
  /** Resolves when the bytes are taken; more are let in only then. */
  stdin(bytes: Uint8Array): Promise<void>
  control(frame: Exclude<CallerFrame, { type: 'window' }>): void
}

export class SessionSocket {
  readonly #socket: WebSocket
  readonly #frames: FrameSocket
  readonly #sending = new SendWindow()
  readonly #receiving = new ReceiveWindow()
  readonly #abort = new AbortController()
  readonly #opened: Promise<string>
  #first: ((text: string) => void) | undefined
  #input: SessionInput | undefined

  constructor(socket: WebSocket, frames: FrameSocket) {
    this.#socket = socket
    this.#frames = frames
    this.#opened = new Promise((resolve) => {
      this.#first = resolve
    })
    socket.on('message', (data, isBinary) => this.#received(data, isBinary))
    frames.signal.addEventListener('abort', () => this.#end(frames.signal.reason), { once: true })
  }

  /** Ends with the caller, or with what the caller did wrong. */
  get signal(): AbortSignal {
    return this.#abort.signal
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
    this.send(started)
  }

  send(frame: DaemonFrame): void {
    // Control frames are few and small, and never wait for room.
    void this.#frames.send(frame)
  }

  /** Resolves when the caller has room for it, or is gone. */
  async write(channel: SessionChannel, bytes: Uint8Array): Promise<void> {
    for (const piece of piecesOf(bytes)) {
      if (!(await this.#sending.take(piece.length))) return
      this.#socket.send(encodeData(channel, piece), () => {})
    }
  }

  #received(data: RawData, isBinary: boolean): void {
    try {
      if (isBinary) this.#stdin(data as Buffer)
      else if (this.#first !== undefined) {
        const first = this.#first
        this.#first = undefined
        first(String(data))
      } else this.#control(checked(CallerFrameSchema, String(data)))
    } catch (error) {
      this.#end(error)
    }
  }

  #stdin(message: Buffer): void {
    const { channel, bytes } = decodeData(message)
    if (channel !== 'stdin' || this.#input === undefined) {
      throw new Problem('bad-request', 'a caller sends data on stdin only, and once the session has started')
    }
    this.#receiving.received(bytes.length)
    this.#input.stdin(bytes).then(
      () => {
        const granted = this.#receiving.taken(bytes.length)
        if (granted > 0) this.send({ type: 'window', bytes: granted })
      },
      (error: unknown) => this.#end(error),
    )
  }

  #control(frame: CallerFrame): void {
    if (frame.type === 'window') this.#sending.grant(frame.bytes)
    else if (this.#input === undefined) throw new Problem('bad-request', 'the session has not started yet')
    else this.#input.control(frame)
  }

  #end(reason: unknown): void {
    this.#sending.close()
    this.#abort.abort(reason)
  }
}

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
