/** The caller's end of a session: writes as far as the daemon has granted, and grants what its own side has taken. */
import type { z } from 'zod'
import { Problem } from '../protocol/problems.ts'
import type { AttachOpen, ExecOpen } from '../protocol/resources/session.ts'
import {
  type CallerFrame,
  type DaemonFrame,
  decodeData,
  encodeData,
  piecesOf,
  ReceiveWindow,
  SendWindow,
  type SessionChannel,
} from '../protocol/session.ts'
import type { DaemonAddress } from './address.ts'
import { openWebSocket } from './web-socket.ts'

export type SessionOpen = z.input<typeof ExecOpen> | z.input<typeof AttachOpen>

export interface SessionHandlers {
  /** Resolves when the bytes are taken. Called in the order sent, without waiting for the last. */
  data(channel: SessionChannel, bytes: Uint8Array): Promise<void>
  started(frame: Extract<DaemonFrame, { type: 'started' }>): void
}

export interface Session {
  send(frame: CallerFrame): void
  /** Resolves when there was room for it; false when nothing goes any more. */
  write(bytes: Uint8Array): Promise<boolean>
  /** The exit code, once all output is taken. */
  readonly exitCode: Promise<number>
  /** Leaves; the program goes on where it can. */
  close(): void
}

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
  const socket = await openWebSocket(address, path, (socket) => {
    const data = (message: Uint8Array): void => {
      const { channel, bytes } = decodeData(message)
      receiving.received(bytes.length)
      const taken = handlers
        .data(channel, bytes)
        .then(() => {
          const granted = receiving.taken(bytes.length)
          if (granted > 0) send({ type: 'window', bytes: granted })
        }, fail)
        .finally(() => taking.delete(taken))
      taking.add(taken)
    }
    const control = (frame: DaemonFrame): void => {
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
    }
    socket.on('message', (message, isBinary) => {
      try {
        if (isBinary) data(message as Buffer)
        else control(JSON.parse(String(message)) as DaemonFrame)
      } catch (error) {
        fail(error)
        socket.terminate()
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
  })
  const send = (frame: CallerFrame | SessionOpen): void => socket.send(JSON.stringify(frame), () => {})
  send(open)
  return {
    exitCode,
    send,
    async write(bytes) {
      for (const piece of piecesOf(bytes)) {
        if (!(await sending.take(piece.length))) return false
        socket.send(encodeData('stdin', piece), () => {})
      }
      return true
    },
    close: () => {
      sending.close()
      socket.terminate()
    },
  }
}
