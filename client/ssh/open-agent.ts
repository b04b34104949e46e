/** An SSH agent as builds ask for one: `default`, `ID=SOCKET`, `ID=KEY[,KEY]`. */
import { readFileSync, statSync } from 'node:fs'
import { Problem } from '../../protocol/problems.ts'
import { KeyAgent } from './key-agent.ts'
import { KeyFileError, readPrivateKey } from './private-key.ts'
import { SocketAgent } from './socket-agent.ts'
import type { SshAgent } from './ssh-agent.ts'

const KEY_LIMIT_BYTES = 100 * 1024

/** `paths` as the file has them; empty is the agent of SSH_AUTH_SOCK. `at` says where in the file that stands. */
export function openAgent(
  paths: string,
  at: string,
  environment: Readonly<Record<string, string | undefined>>,
): SshAgent {
  const given = paths === '' ? [environment.SSH_AUTH_SOCK ?? ''] : paths.split(',')
  if (given[0] === '') {
    throw new Problem('build-failed', `${at}: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set`, {
      hint: 'start an agent (eval "$(ssh-agent)"; ssh-add), or name a key: --ssh default=PATH',
    })
  }
  const sockets = given.filter((path) => isSocket(path, at))
  if (sockets.length === 0) return new KeyAgent(given.map((path) => ({ key: keyIn(path, at), comment: path })))
  if (given.length === 1) return new SocketAgent(given[0]!)
  throw new Problem('build-failed', `${at}: invalid combination of keys and sockets`, {
    hint: 'name one socket, or keys alone',
  })
}

function isSocket(path: string, at: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined) return stats.isSocket()
  throw new Problem('build-failed', `${at}: there is no SSH key or agent socket ${path}`, { hint: 'correct the path' })
}

function keyIn(path: string, at: string) {
  try {
    if (statSync(path).size > KEY_LIMIT_BYTES) throw new KeyFileError('unknown', 'it is too large for a key')
    return readPrivateKey(readFileSync(path, 'utf8'))
  } catch (cause) {
    const isLocked = cause instanceof KeyFileError && cause.kind === 'locked'
    throw new Problem('build-failed', `${at}: ${path} cannot be used: ${(cause as Error).message}`, {
      hint: isLocked ? 'add it to your agent (ssh-add), and name no path' : 'name the file of a private key',
      cause,
    })
  }
}
