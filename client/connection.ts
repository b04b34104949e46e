/** What calls and streams to the daemon have in common. */
import { Problem, type ProblemDetails } from '../protocol/problems.ts'
import type { DaemonAddress } from './address.ts'

/** Frames as they come. Ends with the stream; `close` ends it from here. */
export interface FrameStream<F> extends AsyncIterable<F> {
  close(): void
}

/** Without it Node asks whether the host is an IPv6 address, by a pattern that takes 8 ms to compile. */
export const NO_SERVER_NAME = { servername: '' }

export function unreachable(address: DaemonAddress, error: Error): Problem {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EACCES') {
    return new Problem('daemon-unreachable', `this user may not use the daemon's socket ${address.socketPath}`, {
      hint: 'run as a user that may (sudo evenkeel ...), or have the daemon give the socket to your group: evenkeeld --socket-group GROUP',
      cause: error,
    })
  }
  return new Problem('daemon-unreachable', `no daemon answers at ${address.url} (${code ?? error.message})`, {
    hint: 'start one: evenkeeld &   (or say where it is: -H unix:///path, EVENKEEL_HOST)',
    cause: error,
  })
}

/** What an answer that is a refusal says. */
export function refusal(text: string, status: number): Problem {
  try {
    return Problem.fromDetails(JSON.parse(text) as ProblemDetails)
  } catch {
    return new Problem('internal', `the daemon answered ${status}: ${text.slice(0, 200)}`)
  }
}
