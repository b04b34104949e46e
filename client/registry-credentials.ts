/** Credentials for the registries of a request, from Docker's config.json and its helpers; sent with that request only. */
import { registryOf } from '../protocol/image-reference.ts'
import { Problem } from '../protocol/problems.ts'
import type { UpRequestInput } from '../protocol/resources/stack.ts'
import { type DockerConfig, readDockerConfig } from './docker-config.ts'

type RegistryAuth = NonNullable<UpRequestInput['registryAuth']>[string]

/** Docker Hub's key in config.json, for history's sake. */
const HUB = 'https://index.docker.io/v1/'
const HELPER_MS = 30_000

export async function credentialsFor(references: readonly string[]): Promise<Record<string, RegistryAuth>> {
  const config = readDockerConfig()
  if (config === undefined) return {}
  const hosts = [...new Set(references.map(registryOf))]
  const found = await Promise.all(hosts.map(async (host) => [host, await credentialOf(host, config)] as const))
  return Object.fromEntries(found.filter((entry): entry is [string, RegistryAuth] => entry[1] !== undefined))
}

async function credentialOf(host: string, config: DockerConfig): Promise<RegistryAuth | undefined> {
  const server = host === 'docker.io' ? HUB : host
  const helper = config.credHelpers?.[server] ?? config.credHelpers?.[host] ?? config.credsStore
  if (helper !== undefined && helper !== '') {
    const answer = await askHelper(helper, server)
    if (answer !== undefined) return answer
  }
  const entry = config.auths?.[server] ?? config.auths?.[host] ?? config.auths?.[`https://${host}`]
  if (entry === undefined) return undefined
  if (entry.identitytoken !== undefined && entry.identitytoken !== '') {
    return { identitytoken: entry.identitytoken, serveraddress: server }
  }
  if (entry.auth === undefined || entry.auth === '') {
    return entry.username === undefined
      ? undefined
      : { username: entry.username, password: entry.password ?? '', serveraddress: server }
  }
  const [username = '', ...password] = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '').split(':')
  return { username, password: password.join(':'), serveraddress: server }
}

/** All that Docker knows, as a config.json without helpers: for a container that is given the Engine's socket. */
export async function allCredentials(): Promise<string> {
  const config = readDockerConfig() ?? {}
  const { auths = {}, credsStore = '', credHelpers = {} } = config
  const servers = credsStore === '' ? Object.keys(auths) : await listOf(credsStore)
  const hosts = [...new Set([...servers, ...Object.keys(credHelpers)])].sort()
  const found = await Promise.all(hosts.map(async (host) => [host, await credentialOf(host, config)] as const))
  const entries = found.flatMap(([host, known]) => (known === undefined ? [] : [[host, entryOf(known)] as const]))
  return JSON.stringify({ auths: Object.fromEntries(entries) }, undefined, '\t')
}

function entryOf({ username, password, identitytoken }: RegistryAuth): Record<string, string> {
  if (identitytoken !== undefined) return { identitytoken }
  return { auth: Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64') }
}

/** The servers that a helper has credentials of. */
async function listOf(helper: string): Promise<string[]> {
  return Object.keys((await helperAnswer<Record<string, string>>(helper, 'list', '')) ?? {})
}

async function askHelper(name: string, server: string): Promise<RegistryAuth | undefined> {
  const answer = await helperAnswer<{ Username: string; Secret: string }>(name, 'get', server)
  if (answer === undefined) return undefined
  return answer.Username === '<token>'
    ? { identitytoken: answer.Secret, serveraddress: server }
    : { username: answer.Username, password: answer.Secret, serveraddress: server }
}

/** The helper protocol: the server on standard input, JSON on standard output. Undefined: it has none. */
async function helperAnswer<T>(name: string, verb: 'get' | 'list', input: string): Promise<T | undefined> {
  if (!/^[\w.-]+$/.test(name))
    throw new Problem('bad-request', `the credential helper in config.json has a strange name: ${name}`)
  const { execFile } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const child = execFile(`docker-credential-${name}`, [verb], { timeout: HELPER_MS }, (error, stdout) => {
      if (error !== null) {
        // "credentials not found" is an answer; a helper that is not there is not.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
          reject(new Problem('registry-denied', `the credential helper docker-credential-${name} is not installed`))
        } else resolve(undefined)
        return
      }
      try {
        resolve(JSON.parse(stdout) as T)
      } catch {
        reject(
          new Problem(
            'registry-denied',
            `the credential helper docker-credential-${name} gave an answer that is not JSON`,
          ),
        )
      }
    })
    child.stdin?.end(input)
  })
}
