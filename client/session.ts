/** The caller's end of a session: writes as far as the daemon has granted, and grants what its own side has taken. */
import type { z } from 'zod'
import { Problem } from '../protocol/problems.ts'
import type { AttachOpen, CopyInOpen, CopyOutOpen, ExecOpen } from '../protocol/resources/session.ts'
import {
  type CallerFrame,
  controlFrame,
  type DaemonFrame,
  FrameReader,
  frameHeader,
  ReceiveWindow,
  SESSION_PROTOCOL,
  SendWindow,
  type SessionChannel,
} from '../protocol/session.ts'
import type { DaemonAddress } from './address.ts'
import { upgrade } from './upgrade.ts'

export type SessionOpen = z.input<typeof ExecOpen | typeof AttachOpen | typeof CopyOutOpen | typeof CopyInOpen>

export interface SessionHandlers {
  /**
   * What came at once on one channel: the Engine sends pieces of 32 KiB, and each call of the system for one of them costs as
   * much as for many. The bytes are there until it returns. A promise resolves when they are taken; the next ones come
   * without waiting for that, in the order sent.
   */
  data(channel: SessionChannel, pieces: readonly Uint8Array[]): Promise<void> | undefined
  started(frame: Extract<DaemonFrame, { type: 'started' }>): void
}

export interface Session {
  send(frame: CallerFrame): void
  /** Resolves when the bytes have gone, and may be used for others; false when nothing goes any more. */
  write(bytes: Uint8Array): Promise<boolean>
  /** The exit code, once all output is taken. */
  readonly exitCode: Promise<number>
  /** Leaves; the program goes on where it can. */
  close(): void
}

/** As many as one call of the system takes. */
const PIECES_LIMIT = 1024

export async function openSession(
  address: DaemonAddress,
  path: string,
  open: SessionOpen,
  handlers: SessionHandlers,
): Promise<Session> {
  const sending = new SendWindow()
  const receiving = new ReceiveWindow()
  const taking = new Set<Promise<void>>()
  let settle!: { resolve: (code: number) => void; reject: (error: unknown) => void }
  const exitCode = new Promise<number>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // Whoever asks for it later still learns of it.
  exitCode.catch(() => {})
  const fail = (error: unknown): void => {
    sending.close()
    settle.reject(error)
  }
  const taken = (bytes: number): void => {
    const granted = receiving.taken(bytes)
    if (granted > 0) send({ type: 'window', bytes: granted })
  }
  let came: { readonly channel: SessionChannel; readonly pieces: Uint8Array[]; length: number } | undefined
  const handOver = (): void => {
    if (came === undefined) return
    const { channel, pieces, length } = came
    came = undefined
    const pending = handlers.data(channel, pieces)
    if (pending === undefined) {
      taken(length)
      return
    }
    const work = pending.then(() => taken(length), fail).finally(() => taking.delete(work))
    taking.add(work)
  }
  const reader = new FrameReader({
    data(channel, bytes) {
      receiving.received(bytes.length)
      if (came?.channel !== channel || came.pieces.length === PIECES_LIMIT) handOver()
      came ??= { channel, pieces: [], length: 0 }
      came.pieces.push(bytes)
      came.length += bytes.length
    },
    control(text) {
      handOver()
      const frame = JSON.parse(text) as DaemonFrame
      switch (frame.type) {
        case 'started':
          handlers.started(frame)
          return
        case 'window':
          sending.grant(frame.bytes)
          return
        case 'exit':
          sending.close()
          void Promise.all(taking).then(() => settle.resolve(frame.code))
          return
        case 'end':
          fail(
            frame.problem === undefined
              ? new Problem('internal', 'the session ended without an exit code')
              : Problem.fromDetails(frame.problem),
          )
          return
      }
    },
  })
  const socket = await upgrade(address, path, SESSION_PROTOCOL, (bytes) => {
    try {
      reader.feed(bytes)
      handOver()
    } catch (error) {
      fail(error)
      socket.destroy()
    }
  })
  socket.once('close', () => {
    sending.close()
    void Promise.all(taking).then(() =>
      settle.reject(
        new Problem('daemon-unreachable', 'the connection to the daemon was lost', {
          hint: 'what was started may go on; see: evenkeel ps',
        }),
      ),
    )
  })
  const send = (frame: CallerFrame | SessionOpen): void => {
    socket.write(controlFrame(frame))
  }
  send(open)
  return {
    exitCode,
    send,
    async write(bytes) {
      let gone: Promise<void> | undefined
      for (let at = 0; at < bytes.length; ) {
        const length = await sending.takePiece(bytes.length - at)
        if (length === 0) return false
        const piece = bytes.subarray(at, at + length)
        at += length
        socket.cork()
        socket.write(frameHeader('stdin', piece.length))
        // A connection that breaks closes the window, which tells the next piece.
        gone = new Promise((resolve) => socket.write(piece, () => resolve()))
        socket.uncork()
      }
      await gone
      return true
    },
    close: () => {
      sending.close()
      socket.destroy()
    },
  }
}
