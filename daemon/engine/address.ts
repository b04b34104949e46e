/** Where an Engine is, and how to reach it: Docker's own variables and their meaning. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

export interface EngineAddress {
  /** As people write it: `unix:///var/run/docker.sock`, `tcp://host:2376`. */
  readonly url: string
  readonly socketPath?: string
  readonly origin: string
  readonly tls?: {
    readonly ca?: Buffer
    readonly cert?: Buffer
    readonly key?: Buffer
    readonly verify: 'server' | 'none'
  }
}

export const SYSTEM_SOCKET = 'unix:///var/run/docker.sock'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * `url` wins over DOCKER_HOST. TLS: DOCKER_TLS_VERIFY (any value) checks the server; DOCKER_CERT_PATH alone uses TLS
 * without that check, as the docker command does with `--tls`.
 */
export function engineAddress(url: string | undefined, env: Environment): EngineAddress {
  const chosen = url ?? (env.DOCKER_HOST || SYSTEM_SOCKET)
  if (chosen.startsWith('unix://')) {
    const socketPath = chosen.slice('unix://'.length)
    if (!socketPath.startsWith('/'))
      throw wrong(chosen, 'a Unix socket needs an absolute path: unix:///var/run/docker.sock')
    return { url: chosen, socketPath, origin: 'http://docker' }
  }
  if (chosen.startsWith('/')) return { url: `unix://${chosen}`, socketPath: chosen, origin: 'http://docker' }
  const match = /^(tcp|http|https):\/\/(.+?)\/?$/.exec(chosen)
  if (match === null) throw wrong(chosen, 'write unix:///path or tcp://host:port')
  const [, scheme, host] = match
  const wantsTls = scheme === 'https' || Boolean(env.DOCKER_TLS_VERIFY) || Boolean(env.DOCKER_CERT_PATH)
  let parsed: URL
  try {
    parsed = new URL(`${wantsTls ? 'https' : 'http'}://${host}`)
  } catch (cause) {
    throw wrong(chosen, 'write tcp://host:port', cause)
  }
  if (parsed.port === '' && scheme === 'tcp') parsed.port = wantsTls ? '2376' : '2375'
  return { url: chosen, origin: parsed.origin, ...(wantsTls ? { tls: readTls(env) } : {}) }
}

function readTls(env: Environment): NonNullable<EngineAddress['tls']> {
  const folder = env.DOCKER_CERT_PATH || join(homedir(), '.docker')
  const read = (name: string): Buffer | undefined => {
    try {
      return readFileSync(join(folder, name))
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new Problem('engine-unreachable', `cannot read ${join(folder, name)}`, { cause })
    }
  }
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')]
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    verify: env.DOCKER_TLS_VERIFY ? 'server' : 'none',
  }
}

function wrong(url: string, hint: string, cause?: unknown): Problem {
  return new Problem('engine-unreachable', `the Engine address ${url} is not understood`, { hint, cause })
}
