/** Lent SSH agents for `RUN --mount=type=ssh` and for contexts over SSH, as BuildKit asks for them (session/sshforward). */
import { AGENT_MESSAGE_LIMIT_BYTES } from '../../../protocol/ssh-loan.ts'
import type { SshAgent } from '../ssh-loans.ts'
import { type GrpcCall, GrpcError, type GrpcMethod, GrpcStatus, unaryMethod } from './grpc.ts'
import { BytesMessage, CheckAgentRequest, SESSION } from './messages.ts'
import { message } from './protobuf.ts'

const DEFAULT_ID = 'default'
const LENGTH_BYTES = 4

/** None where no agent is lent: BuildKit then says itself that there is no such key. */
export function sshMethods(
  agents: ReadonlyMap<string, SshAgent>,
  signal: AbortSignal,
): Readonly<Record<string, GrpcMethod>> {
  if (agents.size === 0) return {}
  const find = (id: string): SshAgent => {
    const agent = agents.get(id === '' ? DEFAULT_ID : id)
    if (agent === undefined) throw new GrpcError(GrpcStatus.notFound, `unset ssh forward key ${id}`)
    return agent
  }
  return {
    [SESSION.checkAgent]: unaryMethod(CheckAgentRequest, message({}), ({ ID }) => {
      find(ID)
      return {}
    }),
    [SESSION.forwardAgent]: (call) => forward(call, find(call.metadata('buildkit.ssh.id')[0] ?? ''), signal),
  }
}

/** The stream carries a connection's bytes: messages with their lengths, cut anywhere. One is answered after the other. */
async function forward(call: GrpcCall, agent: SshAgent, signal: AbortSignal): Promise<void> {
  let held = Buffer.alloc(0)
  for await (const part of call.messages) {
    held = Buffer.concat([held, BytesMessage.decode(part).data])
    while (held.length >= LENGTH_BYTES) {
      const length = held.readUInt32BE(0)
      if (length > AGENT_MESSAGE_LIMIT_BYTES)
        throw new GrpcError(GrpcStatus.internal, `an agent takes no ${length} bytes`)
      if (held.length < LENGTH_BYTES + length) break
      const answer = await agent.ask(held.subarray(LENGTH_BYTES, LENGTH_BYTES + length), signal)
      held = held.subarray(LENGTH_BYTES + length)
      const prefix = Buffer.alloc(LENGTH_BYTES)
      prefix.writeUInt32BE(answer.length)
      await call.send([BytesMessage.encode({ data: Buffer.concat([prefix, answer]) })])
    }
  }
}
