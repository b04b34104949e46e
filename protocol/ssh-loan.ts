/**
 * SSH agents that a caller lends to its builds. Keys stay with the caller: on a WebSocket the daemon asks what BuildKit asks
 * of an agent, message by message, and the caller answers. The loan ends with the socket.
 *
 * First the daemon sends `lent`: a request names its loan by that id. Then `ask`, each with a number, which `answer` repeats.
 * Messages are those of the agent protocol (RFC draft-ietf-sshm-ssh-agent) without their length, as Base64.
 */
import type { End } from './streams.ts'

/** OpenSSH's own limit (AGENT_MAX_LEN). */
export const AGENT_MESSAGE_LIMIT_BYTES = 262_144

export type LoanFrame =
  | { readonly type: 'lent'; readonly loan: string }
  | {
      readonly type: 'ask'
      readonly ask: number
      readonly service: string
      /** An id of `build.ssh`. */
      readonly agent: string
      readonly message: string
    }
  | End

export interface AnswerFrame {
  readonly type: 'answer'
  readonly ask: number
  readonly message: string
}

/** Numbers of the agent protocol. A lent agent tells its keys and signs; all else it refuses. */
export const AgentMessage = { failure: 5, listKeys: 11, keys: 12, sign: 13, signature: 14 } as const

export const AGENT_REFUSAL: Uint8Array = new Uint8Array([AgentMessage.failure])
