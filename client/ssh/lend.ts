/** Lends SSH agents of this machine to the daemon, until it is closed. */
import { Problem } from '../../protocol/problems.ts'
import { LOANS } from '../../protocol/routes.ts'
import { AGENT_REFUSAL, type AnswerFrame, type LoanFrame } from '../../protocol/ssh-loan.ts'
import type { DaemonAddress } from '../address.ts'
import { openWebSocket } from '../web-socket.ts'
import type { SshAgent } from './ssh-agent.ts'

export interface Loan {
  /** By which a request names it. */
  readonly id: string
  close(): void
}

/** `agentOf` answers the agent of a service's build by its id; what was not lent is refused. */
export async function lendAgents(
  address: DaemonAddress,
  agentOf: (service: string, id: string) => SshAgent | undefined,
  warn: (message: string) => void,
): Promise<Loan> {
  let settle!: { resolve: (id: string) => void; reject: (error: unknown) => void }
  const lent = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const socket = await openWebSocket(address, LOANS.sshAgents.path, (socket) => {
    const answer = async ({ ask, service, agent, message }: Extract<LoanFrame, { type: 'ask' }>): Promise<void> => {
      const found = agentOf(service, agent)
      const said = await (found?.answer(Buffer.from(message, 'base64')) ?? AGENT_REFUSAL)
      const frame: AnswerFrame = { type: 'answer', ask, message: Buffer.from(said).toString('base64') }
      socket.send(JSON.stringify(frame), () => {})
    }
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as LoanFrame
      if (frame.type === 'lent') settle.resolve(frame.loan)
      else if (frame.type === 'end') {
        settle.reject(
          frame.problem === undefined
            ? new Problem('daemon-unreachable', 'the daemon took no loan')
            : Problem.fromDetails(frame.problem),
        )
      } else {
        answer(frame).catch((error: Error) => {
          warn(error.message)
          const refusal: AnswerFrame = {
            type: 'answer',
            ask: frame.ask,
            message: Buffer.from(AGENT_REFUSAL).toString('base64'),
          }
          socket.send(JSON.stringify(refusal), () => {})
        })
      }
    })
    socket.once('close', () =>
      settle.reject(new Problem('daemon-unreachable', 'the connection to the daemon was lost')),
    )
  })
  return { id: await lent, close: () => socket.terminate() }
}
