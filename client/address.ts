/** Which daemon to talk to: `-H`, EVENKEEL_HOST, else the socket that is there. */
import { existsSync } from 'node:fs'
import { socketCandidates } from '../protocol/default-paths.ts'
import { Problem } from '../protocol/problems.ts'

export interface DaemonAddress {
  readonly url: string
  readonly socketPath: string
}

export function daemonAddress(
  host: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): DaemonAddress {
  const chosen = host ?? (environment.EVENKEEL_HOST || undefined)
  if (chosen === undefined) {
    const socket = environment.EVENKEEL_SOCKET || undefined
    const candidates = socket === undefined ? socketCandidates(environment, uid) : [socket]
    const socketPath = candidates.find((path) => existsSync(path)) ?? candidates[0]!
    return { url: `unix://${socketPath}`, socketPath }
  }
  const socketPath = chosen.startsWith('unix://') ? chosen.slice('unix://'.length) : chosen
  if (socketPath.startsWith('/')) return { url: `unix://${socketPath}`, socketPath }
  throw new Problem('bad-request', `cannot reach a daemon at ${chosen}`, {
    hint: 'write unix:///path/to/evenkeel.sock; other ways to reach one are not built yet',
  })
}
