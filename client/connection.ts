/** What calls and streams to the daemon have in common. */
import { Problem, type ProblemDetails } from '../protocol/problems.ts'
import type { DaemonAddress } from './address.ts'

/** Frames as they come. Ends with the stream; `close` ends it from here. */
export interface FrameStream<F> extends AsyncIterable<F> {
  close(): void
}

/** Without it Node asks whether the host is an IPv6 address, by a pattern that takes 8 ms to compile. */
export const NO_SERVER_NAME = { servername: '' }

/** What OpenSSL says of a certificate that nobody vouches for, or that is another's. */
const UNTRUSTED = /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY)|CERT_|ERR_TLS_CERT)/

export function unreachable({ url, way }: DaemonAddress, error: Error): Problem {
  if (error instanceof Problem) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EACCES' && way.kind === 'unix') {
    return new Problem('daemon-unreachable', `this user may not use the daemon's socket ${way.socketPath}`, {
      hint: 'run as a user that may (sudo evenkeel ...), or have the daemon give the socket to your group: evenkeeld --socket-group GROUP',
      cause: error,
    })
  }
  if (code !== undefined && UNTRUSTED.test(code)) {
    return new Problem('daemon-unreachable', `the certificate of ${url} is not to be trusted: ${error.message}`, {
      hint: 'name its authority: evenkeel context add NAME --host URL --ca FILE, or EVENKEEL_TLS_CA=FILE',
      cause: error,
    })
  }
  return new Problem('daemon-unreachable', `no daemon answers at ${url} (${code ?? error.message})`, {
    hint:
      way.kind === 'unix'
        ? 'start one: evenkeeld &   (or say where it is: -H unix:///path, EVENKEEL_HOST)'
        : 'is it started with --listen, and is the way to it open?',
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
