/** The Engine's half-truths: what an error of a call means when the call may have had its effect all the same. */
import { Problem } from '../../../protocol/problems.ts'

export function isStatus(error: unknown, status: number): error is Problem {
  return error instanceof Problem && error.engine?.status === status
}

/** Nothing is known of what was asked: it did not answer, or not any more. */
export function isEngineAway(error: unknown): boolean {
  return error instanceof Problem && error.code === 'engine-unreachable'
}

/** It is so already: the Engine says it with 409 for a pause, with 500 for an unpause. */
export function isAlready(error: unknown, words: RegExp): boolean {
  return error instanceof Problem && error.code === 'engine-error' && words.test(error.message)
}

/**
 * The Engine died while it started the container, and its containerd has kept what it had of that. The Engine neither uses
 * that nor removes it; a new container has another id. Of that start no process runs. As Engine 20.10 says it.
 */
const TASK_LEFT = /\btask [0-9a-f]{64}: already exists|failed to start shim: mkdir \S+: file exists/
/** The same, a moment later: its process may run by now, unknown to the Engine until that is started again. */
const MAY_RUN = /^id already in use$/

/** What `explainStart` made of it. */
export const isTaskLeft = (error: unknown): boolean => error instanceof Problem && TASK_LEFT.test(error.message)

/** A host port that a foreign process holds is known only when the container starts. */
export function explainStart(error: unknown, service: string): unknown {
  if (!(error instanceof Problem)) return error
  if (TASK_LEFT.test(error.message))
    return blocked(error, service, {
      hint: `evenkeel up --force-recreate ${service} makes another, without what this one wrote outside volumes`,
    })
  if (MAY_RUN.test(error.message))
    return blocked(error, service, {
      hint: 'a process of it may run unknown to the Engine, which finds it when it is started again (systemctl restart docker)',
    })
  const taken = /(?:address already in use|port is already allocated)/i.test(error.message)
  if (!taken) return error
  const port = /(?:Bind for|listen (?:tcp|udp)\d?|bind host port for) \[?[\d.:a-f]*?\]?:(\d+)/i.exec(error.message)?.[1]
  return new Problem(
    'port-taken',
    `port ${port ?? '?'} of service ${service} is taken by another process or container`,
    {
      hint: `free it (ss -ltnp${port === undefined ? '' : ` 'sport = :${port}'`}), or publish services.${service}.ports on another`,
      engine: error.engine,
      cause: error,
    },
  )
}

function blocked(error: Problem, service: string, { hint }: { readonly hint: string }): Problem {
  const reason = `the Engine died while it started a container of ${service}, and cannot any more: ${error.message}`
  return new Problem('stack-blocked', reason, { hint, engine: error.engine, cause: error })
}
