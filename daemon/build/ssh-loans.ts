/** SSH agents that callers lend to their builds, for as long as each caller is there. In memory only. */
import { randomUUID } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'
import type { SshLoan } from '../../protocol/resources/stack.ts'

export interface SshAgent {
  /** Message and answer of the agent protocol, without their lengths. Rejects where the caller is gone. */
  ask(message: Buffer, signal: AbortSignal): Promise<Buffer>
}

/** The agents that the build of a service may use, by id. */
export type LentAgents = (service: string) => ReadonlyMap<string, SshAgent>

export const NO_AGENTS: LentAgents = () => new Map()

type Ask = (service: string, agent: string, message: Buffer, signal: AbortSignal) => Promise<Buffer>

export class SshLoans {
  readonly #loans = new Map<string, Ask>()

  /** Answers the loan's id, which nobody can guess. */
  take(ask: Ask): { readonly id: string; readonly end: () => void } {
    const id = randomUUID()
    this.#loans.set(id, ask)
    return { id, end: () => this.#loans.delete(id) }
  }

  /** What a request brought. Each agent works until its loan ends, and then says so. */
  agentsOf(loan: SshLoan | undefined): LentAgents {
    if (loan === undefined) return NO_AGENTS
    if (!this.#loans.has(loan.loan)) throw ended('bad-request')
    return (service) =>
      new Map(
        (loan.agents[service] ?? []).map((agent) => [
          agent,
          {
            ask: async (message, signal) => {
              const ask = this.#loans.get(loan.loan)
              if (ask === undefined) throw ended('build-failed')
              return ask(service, agent, message, signal)
            },
          } satisfies SshAgent,
        ]),
      )
  }
}

const ended = (code: 'bad-request' | 'build-failed'): Problem =>
  new Problem(code, 'the SSH agent is no longer lent: its caller has gone', {
    hint: 'ask for the build again, and wait for its end',
  })
