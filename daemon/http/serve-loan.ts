/** The daemon's end of a loan of SSH agents: asks the caller, and hands its answers on. */
import type { WebSocket } from 'ws'
import { z } from 'zod'
import { Problem } from '../../protocol/problems.ts'
import { AGENT_MESSAGE_LIMIT_BYTES, type AnswerFrame, type LoanFrame } from '../../protocol/ssh-loan.ts'
import type { SshLoans } from '../build/ssh-loans.ts'
import type { FrameSocket } from './frame-socket.ts'

/** Questions that wait for an answer. A build asks one at a time on each connection to its agent. */
const WAITING_LIMIT = 64

const Answer = z.strictObject({
  type: z.literal('answer'),
  ask: z.number().int(),
  message: z.base64().max(Math.ceil(AGENT_MESSAGE_LIMIT_BYTES / 3) * 4),
}) satisfies z.ZodType<AnswerFrame>

/** Resolves when the caller has gone; rejects with what it did wrong. */
export async function serveLoan(loans: SshLoans, socket: WebSocket, frames: FrameSocket): Promise<void> {
  const waiting = new Map<number, (answer: Buffer) => void>()
  const wrong = new AbortController()
  const over = AbortSignal.any([frames.signal, wrong.signal])
  let count = 0
  const loan = loans.take(async (service, agent, message, signal) => {
    if (waiting.size >= WAITING_LIMIT) throw new Problem('conflict', `an SSH agent has ${WAITING_LIMIT} questions open`)
    count += 1
    const ask = count
    const ends = AbortSignal.any([signal, over])
    ends.throwIfAborted()
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        waiting.set(ask, resolve)
        ends.addEventListener('abort', () => reject(ends.reason), { once: true })
        const frame: LoanFrame = { type: 'ask', ask, service, agent, message: message.toString('base64') }
        void frames.send(frame)
      })
    } finally {
      waiting.delete(ask)
    }
  })
  socket.on('message', (data, isBinary) => {
    try {
      const answer = answerIn(isBinary ? '' : String(data))
      waiting.get(answer.ask)?.(Buffer.from(answer.message, 'base64'))
    } catch (error) {
      wrong.abort(error)
    }
  })
  const lent: LoanFrame = { type: 'lent', loan: loan.id }
  void frames.send(lent)
  if (!over.aborted)
    await new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }))
  loan.end()
  wrong.signal.throwIfAborted()
}

function answerIn(text: string): AnswerFrame {
  try {
    return Answer.parse(JSON.parse(text))
  } catch (cause) {
    throw new Problem('bad-request', 'a frame of the loan is no answer', { hint: 'see protocol/ssh-loan.ts', cause })
  }
}
