/**
 * A connection to the daemon that goes on without HTTP. By hand over node:net: its bytes may be gigabytes, and node:http
 * has no way to have them read into one buffer that is used again.
 */
import { connect, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { Problem } from '../protocol/problems.ts'
import type { DaemonAddress } from './address.ts'
import { refusal, unreachable } from './connection.ts'
import { sshDialer, tlsOptions } from './transport.ts'

const BUFFER_BYTES = 1_048_576
/** Of the answer to the request: its head, or what it says where it is a refusal. */
const ANSWER_LIMIT_BYTES = 65_536

/** `receive` has the bytes until it returns: then the next ones take their place. */
export async function upgrade(
  address: DaemonAddress,
  path: string,
  protocol: string,
  receive: (bytes: Buffer) => void,
): Promise<Duplex> {
  const { open, host } = await dialer(address)
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
    const socket = open(take)
    const authorization = address.token === undefined ? '' : `authorization: Bearer ${address.token}\r\n`
    // It goes once the connection is there.
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${authorization}connection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`,
    )
    socket.on('error', (error) => reject(unreachable(address, error)))
    socket.once('close', () => reject(refused(answer)))
  })
}

interface Dialer {
  /** `receive` has the bytes until it returns. */
  readonly open: (receive: (bytes: Buffer) => void) => Duplex
  /** As the `host` header names it. */
  readonly host: string
}

/** What a way does not need is not loaded. */
async function dialer({ way }: DaemonAddress): Promise<Dialer> {
  switch (way.kind) {
    case 'unix':
      return { host: 'evenkeel', open: (receive) => connect({ path: way.socketPath, onread: intoOne(receive) }) }
    case 'https': {
      const { connect: secure } = await import('node:tls')
      const { host, port } = way
      const options: ConnectionOptions = {
        ...tlsOptions(way),
        ALPNProtocols: ['http/1.1'],
        // An address is no server name.
        ...(isIP(host) === 0 ? { servername: host } : {}),
      }
      return {
        host: `${host.includes(':') ? `[${host}]` : host}:${port}`,
        open: (receive) => secure(options).on('data', receive),
      }
    }
    case 'ssh': {
      const dial = await sshDialer(way)
      return { host: 'evenkeel', open: (receive) => dial().on('data', receive) }
    }
  }
}

function intoOne(receive: (bytes: Buffer) => void) {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  return {
    buffer,
    callback: (length: number) => {
      receive(buffer.subarray(0, length))
      return true
    },
  }
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
