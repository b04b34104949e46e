/**
 * A connection to the daemon that goes on without HTTP. By hand over node:net: its bytes may be gigabytes, and node:http
 * has no way to have them read into one buffer that is used again.
 */
import { connect, type Socket } from 'node:net'
import { Problem } from '../protocol/problems.ts'
import type { DaemonAddress } from './address.ts'
import { refusal, unreachable } from './connection.ts'

const BUFFER_BYTES = 1_048_576
/** Of the answer to the request: its head, or what it says where it is a refusal. */
const ANSWER_LIMIT_BYTES = 65_536

/** `receive` has the bytes until it returns: then the next ones take their place. */
export function upgrade(
  address: DaemonAddress,
  path: string,
  protocol: string,
  receive: (bytes: Buffer) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let answer = ''
    let isOpen = false
    const take = (bytes: Buffer): void => {
      if (isOpen) {
        receive(bytes)
        return
      }
      answer += bytes.toString('latin1')
      const end = answer.indexOf('\r\n\r\n')
      if (end >= 0 && statusOf(answer) === 101) {
        isOpen = true
        resolve(socket)
        // What came along with the answer is the session's already.
        const rest = Buffer.from(answer.slice(end + 4), 'latin1')
        if (rest.length > 0) receive(rest)
      } else if (answer.length > ANSWER_LIMIT_BYTES) socket.destroy()
    }
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    const socket = connect({
      path: address.socketPath,
      onread: {
        buffer,
        callback: (length) => {
          take(buffer.subarray(0, length))
          return true
        },
      },
    })
    socket.once('connect', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: evenkeel\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`),
    )
    socket.on('error', (error) => reject(unreachable(address, error)))
    socket.once('close', () => reject(refused(answer)))
  })
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)

function refused(answer: string): Problem {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) {
    return new Problem('daemon-unreachable', 'the daemon ended the connection without an answer', {
      hint: 'see whether it is there: evenkeel info',
    })
  }
  return refusal(Buffer.from(answer.slice(end + 4), 'latin1').toString(), statusOf(answer))
}
