/**
 * Sessions with a program in a container (`exec`, `run`, `attach`), and with its files (`cp`): a connection on which both
 * sides speak, upgraded from HTTP by the name {@link SESSION_PROTOCOL}.
 *
 * - A frame is a byte that names the channel, three bytes of zero, four of length (big endian), and so many bytes. It is
 *   the Engine's own framing of output with channels more: what comes from there goes on as it is.
 * - On the control channel each frame is JSON, told apart by `type`. The caller's first frame says what is wanted
 *   (`ExecOpen`, `AttachOpen`, `CopyOutOpen`, `CopyInOpen`); it sends data only after `started`. After `exit` or `end` nothing more comes.
 * - Each side sends data only as far as the other has granted: {@link WINDOW_BYTES} to begin with, then what `window`
 *   frames add as bytes are taken. So neither side ever stops reading its connection, a resize or a signal overtakes input
 *   that waits for a slow program, and no more than one window per direction is in memory. A receiver that is fast grants
 *   more, up to {@link WINDOW_LIMIT_BYTES}; one that is slow does not, for all that is under way is ahead of a signal.
 */
import { Problem } from './problems.ts'
import type { PathInfo } from './resources/files.ts'
import type { End } from './streams.ts'

/** What the `upgrade` header says. */
export const SESSION_PROTOCOL = 'evenkeel-session'

export type SessionChannel = 'stdin' | 'stdout' | 'stderr'
type Channel = SessionChannel | 'control'

/** 3 is taken: by the Engine, for errors of its own. */
const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, control: 4 } as const satisfies Record<Channel, number>
const BY_NUMBER = new Map<number, Channel>(Object.entries(CHANNELS).map(([name, number]) => [number, name as Channel]))

/** What may be under way in one direction, to begin with. */
export const WINDOW_BYTES = 1_048_576
/** What that may become. */
export const WINDOW_LIMIT_BYTES = 4_194_304
/** The largest piece of data in one frame of ours. What the Engine sends may come in larger ones. */
export const PIECE_BYTES = 1_048_576
/** Rather than a smaller piece of more, a sender waits for room: each costs about the same. */
const PIECE_LEAST_BYTES = 262_144
/** A window that is taken within this is doubled: so what is under way is taken within twice as long, as things were. */
const FAST_WINDOW_MS = 25
/** The largest control frame: the first one, with a command and an environment, outgrows all others. */
export const FRAME_LIMIT_BYTES = 2_097_152
const HEADER_BYTES = 8

export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** Signals that a caller may hand on to a container's program. */
export const PROXIED_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const
export type ProxiedSignal = (typeof PROXIED_SIGNALS)[number]

/** `bytes` more of data may come. */
export interface WindowFrame {
  readonly type: 'window'
  readonly bytes: number
}

/** What a copy begins with. */
export interface CopyPlace {
  /** The path meant: where a link was followed, what it leads to. */
  readonly path: string
  /** null: it is not there. */
  readonly info: PathInfo | null
  /** Ids of the target's other containers. */
  readonly others: readonly string[]
}

/** From the caller, after its first frame. */
export type CallerFrame =
  | ({ readonly type: 'resize' } & TerminalSize)
  | { readonly type: 'signal'; readonly signal: ProxiedSignal }
  | { readonly type: 'stdin-end' }
  | { readonly type: 'into'; readonly path: string }
  | WindowFrame

/** From the daemon. `exit`: the program ended with this code. `end`, with a problem: it could not be had, or was lost. */
export type DaemonFrame =
  | { readonly type: 'started'; readonly container: string; readonly tty: boolean; readonly copy?: CopyPlace }
  | { readonly type: 'exit'; readonly code: number }
  | WindowFrame
  | End

export function controlFrame(frame: object): Uint8Array {
  const text = JSON.stringify(frame)
  const length = Buffer.byteLength(text)
  const message = Buffer.allocUnsafe(HEADER_BYTES + length)
  writeHeader(message, 'control', length)
  message.write(text, HEADER_BYTES)
  return message
}

/** The first bytes of a frame. */
export function frameHeader(channel: Channel, length: number): Uint8Array {
  // A socket makes a Buffer of any other array, and memory outside of the heap for it: for eight bytes, more than all else.
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  writeHeader(header, channel, length)
  return header
}

function writeHeader(bytes: Buffer, channel: Channel, length: number): void {
  bytes.writeUInt32BE(CHANNELS[channel] * 2 ** 24, 0)
  bytes.writeUInt32BE(length, 4)
}

const DECODER = new TextDecoder()

export interface FrameTaker {
  /** Part of a frame, as it came: a view of the chunk, not a copy. */
  data(channel: SessionChannel, bytes: Uint8Array): void
  /** The JSON of a whole frame. */
  control(text: string): void
}

/** Reads frames out of chunks, wherever these are cut. Holds no data: only control frames are put together. */
export class FrameReader {
  readonly #taker: FrameTaker
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerLength = 0
  #channel: Channel = 'stdin'
  #left = 0
  #control: Uint8Array[] = []

  constructor(taker: FrameTaker) {
    this.#taker = taker
  }

  feed(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left === 0) {
        at += this.#readHeader(chunk, at)
        continue
      }
      const bytes = chunk.subarray(at, at + this.#left)
      at += bytes.length
      this.#left -= bytes.length
      this.#pass(bytes)
    }
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const header = this.#header
    let read = 0
    while (this.#headerLength < HEADER_BYTES && at + read < chunk.length) {
      header[this.#headerLength] = chunk[at + read]!
      this.#headerLength += 1
      read += 1
    }
    if (this.#headerLength < HEADER_BYTES) return read
    this.#headerLength = 0
    const channel = BY_NUMBER.get(header[0]!)
    if (channel === undefined) throw new Problem('bad-request', `a session has no channel ${header[0]}`)
    this.#channel = channel
    this.#left = ((header[4]! << 24) | (header[5]! << 16) | (header[6]! << 8) | header[7]!) >>> 0
    if (channel === 'control' && this.#left > FRAME_LIMIT_BYTES) {
      throw new Problem('payload-too-large', `a frame of a session has at most ${FRAME_LIMIT_BYTES} bytes`)
    }
    return read
  }

  #pass(bytes: Uint8Array): void {
    if (this.#channel !== 'control') {
      this.#taker.data(this.#channel, bytes)
      return
    }
    if (this.#left === 0 && this.#control.length === 0) {
      this.#taker.control(DECODER.decode(bytes))
      return
    }
    // A copy: the chunk may be a buffer that is filled anew.
    this.#control.push(bytes.slice())
    if (this.#left > 0) return
    const decoder = new TextDecoder()
    const text = this.#control.map((part) => decoder.decode(part, { stream: true })).join('')
    this.#control = []
    this.#taker.control(text + decoder.decode())
  }
}

/** What may still be sent. */
export class SendWindow {
  #room = WINDOW_BYTES
  #closed = false
  #waiting: (() => void)[] = []

  /**
   * Resolves when all of so many bytes may go: false when nothing goes any more. A receiver owes up to a quarter of its window
   * before it grants that, so that more than three quarters might be waited for in vain: {@link takePiece}.
   */
  async take(bytes: number): Promise<boolean> {
    while (!this.takeNow(bytes)) {
      if (this.#closed) return false
      await this.#change()
    }
    return true
  }

  /** Whether a piece of so many bytes may go at once. */
  takeNow(bytes: number): boolean {
    if (this.#closed || this.#room < bytes) return false
    this.#room -= bytes
    return true
  }

  /** Resolves with how many of these bytes may go in one piece: 0 when nothing goes any more. */
  async takePiece(bytes: number): Promise<number> {
    const least = Math.min(bytes, PIECE_LEAST_BYTES)
    while (this.#room < least && !this.#closed) await this.#change()
    if (this.#closed) return 0
    const piece = Math.min(bytes, this.#room, PIECE_BYTES)
    this.#room -= piece
    return piece
  }

  grant(bytes: number): void {
    this.#room += bytes
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** What came and was not taken yet. */
export class ReceiveWindow {
  readonly #now: () => number
  #size = WINDOW_BYTES
  #held = 0
  #owed = 0
  /** Of the window that is being taken: how much is, and since when. */
  #taken = 0
  #since: number | undefined

  /** `now`: milliseconds, on a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Throws where more came than was granted. */
  received(bytes: number): void {
    this.#since ??= this.#now()
    this.#held += bytes
    if (this.#held + this.#owed > this.#size) {
      throw new Problem('bad-request', `a session sends at most ${this.#size} bytes ahead`)
    }
  }

  /** Bytes were taken. Answers how many to grant now: few large grants cost less than many small ones. */
  taken(bytes: number): number {
    this.#held -= bytes
    this.#owed += bytes
    this.#owed += this.#growth(bytes)
    if (this.#owed < this.#size / 4) return 0
    const grant = this.#owed
    this.#owed = 0
    return grant
  }

  #growth(bytes: number): number {
    if (this.#size === WINDOW_LIMIT_BYTES) return 0
    this.#taken += bytes
    if (this.#taken < this.#size) return 0
    const now = this.#now()
    const ms = now - this.#since!
    this.#taken = 0
    this.#since = now
    if (ms > FAST_WINDOW_MS) return 0
    const more = this.#size
    this.#size += more
    return more
  }
}
