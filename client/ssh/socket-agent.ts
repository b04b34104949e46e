/** The agent behind a socket, such as that of SSH_AUTH_SOCK. It tells its keys and signs; all else is not let through. */
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { Problem } from '../../protocol/problems.ts'
import { AGENT_MESSAGE_LIMIT_BYTES, AGENT_REFUSAL, AgentMessage } from '../../protocol/ssh-loan.ts'
import type { SshAgent } from './ssh-agent.ts'
import { string } from './wire.ts'

export class SocketAgent implements SshAgent {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** As long as it takes: an agent may ask a person, or wait for a touch on a key. */
  async answer(message: Buffer): Promise<Uint8Array> {
    if (message[0] !== AgentMessage.listKeys && message[0] !== AgentMessage.sign) return AGENT_REFUSAL
    const socket = createConnection(this.#path)
    try {
      await once(socket, 'connect')
      socket.write(string(message))
      let held = Buffer.alloc(0)
      for await (const chunk of socket) {
        held = Buffer.concat([held, chunk as Buffer])
        if (held.length < 4) continue
        const length = held.readUInt32BE(0)
        if (length > AGENT_MESSAGE_LIMIT_BYTES) break
        if (held.length >= 4 + length) return held.subarray(4, 4 + length)
      }
    } catch (cause) {
      throw new Problem('build-failed', `the SSH agent at ${this.#path} does not answer: ${(cause as Error).message}`, {
        hint: 'is it running? See: ssh-add -l',
        cause,
      })
    } finally {
      socket.destroy()
    }
    throw new Problem('build-failed', `the SSH agent at ${this.#path} gave no whole answer`, {
      hint: 'see: ssh-add -l',
    })
  }
}
