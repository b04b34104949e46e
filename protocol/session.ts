/**
 * Sessions with a program in a container (`exec`, `run`, `attach`): a WebSocket on which both sides speak.
 *
 * - Data is binary: one byte that names the channel, then the bytes as they are.
 * - Everything else is JSON text, told apart by `type`. The caller's first frame says what is wanted (`ExecOpen`,
 *   `AttachOpen`); it sends data only after `started`. After `exit` or `end` nothing more comes.
 * - Each side sends data only as far as the other has granted: {@link WINDOW_BYTES} to begin with, then what `window`
 *   frames add as bytes are taken. So neither side ever stops reading its socket, a resize or a signal overtakes input
 *   that waits for a slow program, and no more than one window per direction is in memory.
 */
import { Problem } from './problems.ts'
import type { End } from './streams.ts'

export type SessionChannel = 'stdin' | 'stdout' | 'stderr'

const CHANNELS: readonly SessionChannel[] = ['stdin', 'stdout', 'stderr']

/** What may be under way in one direction. */
export const WINDOW_BYTES = 1_048_576
/** The largest piece of data in one frame. */
export const PIECE_BYTES = 65_536
/** The largest frame: the first one, with a command and an environment, outgrows all others. */
export const FRAME_LIMIT_BYTES = 2_097_152

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

/** From the caller, after its first frame. */
export type CallerFrame =
  | ({ readonly type: 'resize' } & TerminalSize)
  | { readonly type: 'signal'; readonly signal: ProxiedSignal }
  | { readonly type: 'stdin-end' }
  | WindowFrame

/** From the daemon. `exit`: the program ended with this code. `end`, with a problem: it could not be had, or was lost. */
export type DaemonFrame =
  | { readonly type: 'started'; readonly container: string; readonly tty: boolean }
  | { readonly type: 'exit'; readonly code: number }
  | WindowFrame
  | End

export function encodeData(channel: SessionChannel, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(bytes.length + 1)
  message[0] = CHANNELS.indexOf(channel)
  message.set(bytes, 1)
  return message
}

/** The bytes are a view of the message, not a copy. */
export function decodeData(message: Uint8Array): { channel: SessionChannel; bytes: Uint8Array } {
  const channel = CHANNELS[message[0] ?? -1]
  if (channel === undefined) throw new Problem('bad-request', `a session has no channel ${message[0] ?? '(none)'}`)
  return { channel, bytes: message.subarray(1) }
}

export function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

/** What may still be sent. */
export class SendWindow {
  #room = WINDOW_BYTES
  #closed = false
  #waiting: (() => void)[] = []

  /** Resolves when a piece of so many bytes may go: false when nothing goes any more. */
  async take(bytes: number): Promise<boolean> {
    while (this.#room < bytes && !this.#closed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#closed) return false
    this.#room -= bytes
    return true
  }

  grant(bytes: number): void {
    this.#room += bytes
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** What came and was not taken yet. */
export class ReceiveWindow {
  #held = 0
  #owed = 0

  /** Throws where more came than was granted. */
  received(bytes: number): void {
    this.#held += bytes
    if (this.#held + this.#owed > WINDOW_BYTES) {
      throw new Problem('bad-request', `a session sends at most ${WINDOW_BYTES} bytes ahead`)
    }
  }

  /** Bytes were taken. Answers how many to grant now: few large grants cost less than many small ones. */
  taken(bytes: number): number {
    this.#held -= bytes
    this.#owed += bytes
    if (this.#owed < WINDOW_BYTES / 4) return 0
    const grant = this.#owed
    this.#owed = 0
    return grant
  }
}
