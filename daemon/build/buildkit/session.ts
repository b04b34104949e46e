/** A session with BuildKit: it calls us on `POST /session` for files, credentials and secrets while it builds. */
import { randomBytes } from 'node:crypto'
import type { Engine, RegistryAuth } from '../../engine/types.ts'
import type { FileTree } from '../file-tree.ts'
import type { SshAgent } from '../ssh-loans.ts'
import { fileSync } from './file-sync.ts'
import { GrpcError, type GrpcMethod, GrpcStatus, serveGrpc, unaryMethod } from './grpc.ts'
import {
  CredentialsRequest,
  CredentialsResponse,
  GetSecretRequest,
  GetSecretResponse,
  HealthCheckResponse,
  SESSION,
} from './messages.ts'
import { message } from './protobuf.ts'
import { sshMethods } from './ssh-forward.ts'

export interface SessionContent {
  /** What makes two sessions the same source: BuildKit keeps the files of one for the next. */
  readonly sharedKey: string
  readonly folders: ReadonlyMap<string, FileTree>
  /** By registry host. */
  readonly registryAuth: Readonly<Record<string, RegistryAuth>>
  /** By id. Read when BuildKit asks. */
  readonly secrets: ReadonlyMap<string, () => Buffer>
  /** By id. */
  readonly agents: ReadonlyMap<string, SshAgent>
}

export interface Session {
  readonly id: string
  close(): void
}

export async function openSession(engine: Engine, content: SessionContent, signal: AbortSignal): Promise<Session> {
  const id = randomBytes(16).toString('hex')
  const ended = new AbortController()
  const methods = methodsOf(content, AbortSignal.any([signal, ended.signal]))
  const socket = await engine.upgrade(
    '/session',
    {
      'x-docker-expose-session-uuid': id,
      'x-docker-expose-session-name': 'evenkeel',
      'x-docker-expose-session-sharedkey': content.sharedKey,
      'x-docker-expose-session-grpc-method': Object.keys(methods),
    },
    { signal },
  )
  const server = serveGrpc(socket, methods)
  return {
    id,
    close: () => {
      ended.abort()
      server.close()
    },
  }
}

/** SERVING (grpc.health.v1). BuildKit asks each second, and drops a session that does not answer. */
const HEALTHY = 1

function methodsOf(
  { folders, registryAuth, secrets, agents }: SessionContent,
  signal: AbortSignal,
): Record<string, GrpcMethod> {
  return {
    [SESSION.health]: unaryMethod(message({}), HealthCheckResponse, () => ({ status: HEALTHY })),
    [SESSION.files]: fileSync(folders),
    [SESSION.credentials]: unaryMethod(CredentialsRequest, CredentialsResponse, ({ Host }) =>
      credentialsOf(registryAuth, Host),
    ),
    [SESSION.secret]: unaryMethod(GetSecretRequest, GetSecretResponse, ({ ID }) => {
      const read = secrets.get(ID)
      if (read === undefined) throw new GrpcError(GrpcStatus.notFound, `secret ${ID} not found`)
      return { data: read() }
    }),
    ...sshMethods(agents, signal),
  }
}

/** Docker Hub has three names. No entry: anonymous. An identity token goes without a user name. */
export function credentialsOf(
  registryAuth: Readonly<Record<string, RegistryAuth>>,
  host: string,
): { Username: string; Secret: string } {
  const name = /^(registry-1|index|auth)\.docker\.io$/.test(host) ? 'docker.io' : host
  const auth = registryAuth[name] ?? registryAuth[host]
  if (auth?.identitytoken !== undefined) return { Username: '', Secret: auth.identitytoken }
  return { Username: auth?.username ?? '', Secret: auth?.password ?? '' }
}
