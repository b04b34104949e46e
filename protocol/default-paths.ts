/** Where the daemon listens and keeps its state when nobody says otherwise: the system's folders for root, XDG's for others. */

type Environment = Readonly<Record<string, string | undefined>>

const SYSTEM_SOCKET = '/run/evenkeel/evenkeel.sock'
const SYSTEM_STATE = '/var/lib/evenkeel'

/** `uid` undefined: a system without users of that kind; treated as root's. */
export function defaultSocket(environment: Environment, uid: number | undefined): string {
  if (uid === undefined || uid === 0) return SYSTEM_SOCKET
  const runtime = environment.XDG_RUNTIME_DIR
  return runtime === undefined || runtime === ''
    ? `${defaultState(environment, uid)}/evenkeel.sock`
    : `${runtime}/evenkeel/evenkeel.sock`
}

export function defaultState(environment: Environment, uid: number | undefined): string {
  if (uid === undefined || uid === 0) return SYSTEM_STATE
  const state = environment.XDG_STATE_HOME
  return state === undefined || state === '' ? `${environment.HOME ?? ''}/.local/state/evenkeel` : `${state}/evenkeel`
}

/** Sockets that a client tries, the first that is there. A user's own daemon comes before the system's. */
export function socketCandidates(environment: Environment, uid: number | undefined): string[] {
  return [...new Set([defaultSocket(environment, uid), SYSTEM_SOCKET])]
}
