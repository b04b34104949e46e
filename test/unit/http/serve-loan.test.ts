import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { SshLoans } from '../../../daemon/build/ssh-loans.ts'
import type { FrameSocket } from '../../../daemon/http/frame-socket.ts'
import { serveLoan } from '../../../daemon/http/serve-loan.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { LoanFrame } from '../../../protocol/ssh-loan.ts'

/** A caller that lends, as the daemon sees it. */
class Caller {
  readonly socket = new EventEmitter()
  readonly sent: LoanFrame[] = []
  readonly #gone = new AbortController()
  readonly served: Promise<void>

  constructor(loans: SshLoans) {
    const frames = {
      signal: this.#gone.signal,
      send: async (frame: LoanFrame) => {
        this.sent.push(frame)
      },
    }
    this.served = serveLoan(loans, this.socket as unknown as WebSocket, frames as unknown as FrameSocket)
  }

  get loan(): string {
    const [first] = this.sent
    return first?.type === 'lent' ? first.loan : ''
  }

  answer(ask: number, text: string): void {
    const message = Buffer.from(text).toString('base64')
    this.socket.emit('message', JSON.stringify({ type: 'answer', ask, message }), false)
  }

  leave(): void {
    this.#gone.abort(new Problem('cancelled', 'the follower is gone'))
  }
}

const { signal } = new AbortController()

test('what BuildKit asks goes to the caller that lent the agent, and answers come back in any order', async () => {
  const loans = new SshLoans()
  const [one, other] = [new Caller(loans), new Caller(loans)]
  expect(one.loan).not.toBe(other.loan)
  const agent = loans
    .agentsOf({ loan: one.loan, agents: { web: ['default'] } })('web')
    .get('default')!
  const answers = [agent.ask(Buffer.from('a'), signal), agent.ask(Buffer.from('b'), signal)]
  const asked = { type: 'ask', service: 'web', agent: 'default' }
  expect(one.sent.slice(1)).toEqual([
    { ...asked, ask: 1, message: Buffer.from('a').toString('base64') },
    { ...asked, ask: 2, message: Buffer.from('b').toString('base64') },
  ])
  one.answer(2, 'B')
  one.answer(1, 'A')
  expect((await Promise.all(answers)).map(String)).toEqual(['A', 'B'])
  expect(other.sent).toHaveLength(1)
})

test('a service has the agents that were lent for it alone', () => {
  const loans = new SshLoans()
  const agents = loans.agentsOf({ loan: new Caller(loans).loan, agents: { web: ['default'] } })
  expect([...agents('web').keys()]).toEqual(['default'])
  expect([...agents('db').keys()]).toEqual([])
  expect([...loans.agentsOf(undefined)('web').keys()]).toEqual([])
})

test('a loan ends with its caller: what waits fails, and what comes later says so', async () => {
  const loans = new SshLoans()
  const caller = new Caller(loans)
  const agent = loans
    .agentsOf({ loan: caller.loan, agents: { web: ['default'] } })('web')
    .get('default')!
  const waiting = agent.ask(Buffer.from('a'), signal)
  caller.leave()
  await expect(waiting).rejects.toThrow('the follower is gone')
  await caller.served
  await expect(agent.ask(Buffer.from('a'), signal)).rejects.toMatchObject({ code: 'build-failed' })
  expect(() => loans.agentsOf({ loan: caller.loan, agents: {} })).toThrow('no longer lent')
})

test('a build that ends waits for no answer', async () => {
  const loans = new SshLoans()
  const agent = loans
    .agentsOf({ loan: new Caller(loans).loan, agents: { web: ['default'] } })('web')
    .get('default')!
  const build = new AbortController()
  const waiting = agent.ask(Buffer.from('a'), build.signal)
  build.abort(new Error('the build ended'))
  await expect(waiting).rejects.toThrow('the build ended')
})

test('questions without an answer have a limit', async () => {
  const loans = new SshLoans()
  const caller = new Caller(loans)
  const agent = loans
    .agentsOf({ loan: caller.loan, agents: { web: ['default'] } })('web')
    .get('default')!
  const waiting = Array.from({ length: 64 }, () => agent.ask(Buffer.from('a'), signal))
  await expect(agent.ask(Buffer.from('a'), signal)).rejects.toMatchObject({ code: 'conflict' })
  for (let ask = 1; ask <= 64; ask += 1) caller.answer(ask, 'x')
  await Promise.all(waiting)
})

test.each(['', 'no json', '{"type":"answer","ask":1}', '{"type":"answer","ask":1,"message":"?"}'])(
  'a frame that is no answer ends the loan: %j',
  async (frame) => {
    const caller = new Caller(new SshLoans())
    caller.socket.emit('message', frame, false)
    await expect(caller.served).rejects.toMatchObject({ code: 'bad-request' })
  },
)
