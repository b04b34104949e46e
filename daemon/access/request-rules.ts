/** What a request must not look like: one that a foreign web page had a browser send. Pure. */
import { isIP } from 'node:net'
import { Problem } from '../../protocol/problems.ts'
import type { Origin } from './origin.ts'

export interface RequestHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | string[] | undefined
}

/**
 * A page whose name leads here by DNS sends its own name as Host; any other foreign page says so in Origin, also for
 * WebSockets, which browsers let cross origins. Programs send neither. Sockets have no name, so that any Host is right there.
 */
export function mustBeFromHere(headers: RequestHeaders, origin: Origin): void {
  if (headers['sec-fetch-site'] !== undefined && !['same-origin', 'none'].includes(String(headers['sec-fetch-site']))) {
    throw refused('a page of another origin asked for it')
  }
  if (origin.kind === 'tls') mustBeOurName(headers.host, origin)
  if (headers.origin !== undefined && (origin.kind === 'socket' || headers.origin !== `https://${headers.host}`)) {
    throw refused('a page of another origin asked for it')
  }
}

function mustBeOurName(host: string | undefined, { certificate }: Extract<Origin, { kind: 'tls' }>): void {
  const name = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(host ?? '')
  const given = name?.[1] ?? name?.[2]
  if (given !== undefined) {
    const isOurs = isIP(given) === 0 ? certificate.checkHost(given) : certificate.checkIP(given)
    if (isOurs !== undefined) return
  }
  throw refused(
    'the daemon is not called by a name of its certificate',
    'use one that it has; see evenkeel system tls init --host',
  )
}

const refused = (why: string, hint?: string) => new Problem('forbidden', why, { hint })
