/** Which daemon to talk to, and how: `-H`, `--context`, EVENKEEL_HOST, EVENKEEL_CONTEXT, the context in use, else the socket here. */
import { existsSync, readFileSync } from 'node:fs'
import { socketCandidates } from '../protocol/default-paths.ts'
import { Problem } from '../protocol/problems.ts'
import { type DaemonContext, readContexts } from './contexts.ts'

type Environment = Readonly<Record<string, string | undefined>>

export type Way =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | {
      readonly kind: 'https'
      readonly host: string
      readonly port: number
      /** PEM. Undefined: the authorities that the system trusts. */
      readonly authority: string | undefined
      /** PEM: a client certificate with its key. */
      readonly identity: { readonly certificate: string; readonly key: string } | undefined
    }
  | {
      readonly kind: 'ssh'
      readonly host: string
      readonly user: string | undefined
      readonly port: string | undefined
      /** On the far side; undefined: the one that is there. */
      readonly socketPath: string | undefined
    }

export interface DaemonAddress {
  readonly url: string
  readonly way: Way
  readonly token: string | undefined
}

export function daemonAddress(
  asked: { readonly host: string | undefined; readonly context: string | undefined },
  environment: Environment,
  uid: number | undefined,
): DaemonAddress {
  const named = contextOf(asked, environment)
  const host = named?.host ?? asked.host ?? (environment.EVENKEEL_HOST || undefined)
  const token = named?.token ?? (environment.EVENKEEL_TOKEN || undefined)
  if (host === undefined) {
    const socketPath = localSocket(environment, uid)
    return { url: `unix://${socketPath}`, way: { kind: 'unix', socketPath }, token }
  }
  return { url: host, way: wayOf(host, named ?? trustOf(environment)), token }
}

export function localSocket(environment: Environment, uid: number | undefined): string {
  const socket = environment.EVENKEEL_SOCKET || undefined
  const candidates = socket === undefined ? socketCandidates(environment, uid) : [socket]
  return candidates.find((path) => existsSync(path)) ?? candidates[0]!
}

/** What is said on the command line goes before what the environment says, that before what is in use. */
function contextOf(
  asked: { readonly host: string | undefined; readonly context: string | undefined },
  environment: Environment,
): DaemonContext | undefined {
  if (asked.host !== undefined) return undefined
  if (asked.context === undefined && environment.EVENKEEL_HOST) return undefined
  const wanted = asked.context ?? (environment.EVENKEEL_CONTEXT || undefined)
  if (wanted === undefined && environment.EVENKEEL_SOCKET) return undefined
  const { current, contexts } = readContexts(environment)
  const name = wanted ?? current
  if (name === undefined) return undefined
  const found = contexts[name]
  if (found !== undefined) return found
  throw new Problem('bad-request', `there is no context ${name}`, { hint: 'see: evenkeel context ls' })
}

type Trust = { readonly [K in 'authority' | 'certificate' | 'key']?: string | undefined }

function trustOf(environment: Environment): Trust {
  const read = (variable: string) => {
    const path = environment[variable]
    return path === undefined || path === '' ? undefined : readPem(path)
  }
  return {
    authority: read('EVENKEEL_TLS_CA'),
    certificate: read('EVENKEEL_TLS_CERT'),
    key: read('EVENKEEL_TLS_KEY'),
  }
}

/** `-` is standard input. */
export function readPem(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw new Problem('bad-request', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    })
  }
}

/** A name that ssh or a shell could take for anything else is none. */
const SSH =
  /^ssh:\/\/(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?(?:([A-Za-z0-9][A-Za-z0-9._-]*)|\[([0-9a-fA-F:]+)\])(?::(\d{1,5}))?(\/[A-Za-z0-9._/-]+)?\/?$/

const HTTPS = /^https:\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9][A-Za-z0-9._-]*))(?::(\d{1,5}))?\/?$/

/** Where `evenkeeld --listen` is meant to be reached. */
const HTTPS_PORT = 7443

export function wayOf(host: string, { authority, certificate, key }: Trust): Way {
  const socketPath = host.startsWith('unix://') ? host.slice('unix://'.length) : host
  if (socketPath.startsWith('/')) return { kind: 'unix', socketPath }
  const https = HTTPS.exec(host)
  if (https !== null) {
    return {
      kind: 'https',
      host: (https[1] ?? https[2])!,
      port: Number(https[3] ?? HTTPS_PORT),
      authority,
      identity: certificate === undefined || key === undefined ? undefined : { certificate, key },
    }
  }
  const ssh = SSH.exec(host)
  if (ssh !== null) return { kind: 'ssh', user: ssh[1], host: (ssh[2] ?? ssh[3])!, port: ssh[4], socketPath: ssh[5] }
  throw new Problem('bad-request', `cannot reach a daemon at ${host}`, {
    hint: 'write unix:///path/to/evenkeel.sock, ssh://user@host, or https://host:port; there is no way without encryption',
  })
}
