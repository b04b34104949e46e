/** Docker's own config.json of this user: who has logged in where, which proxies containers and builds are given, plugins. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Problem } from '../protocol/problems.ts'
import { PROXY_KEYS, type ProxySettings } from '../protocol/proxy.ts'
import type { Api } from './api.ts'

export interface DockerConfig {
  readonly auths?: Readonly<
    Record<string, { auth?: string; identitytoken?: string; username?: string; password?: string }>
  >
  readonly credsStore?: string
  readonly credHelpers?: Readonly<Record<string, string>>
  /** By the address of an Engine, or `default`. */
  readonly proxies?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Folders of plugins beside the usual ones. */
  readonly cliPluginsExtraDirs?: readonly string[]
}

/** The folder that it lies in. */
export const dockerFolder = (): string => process.env.DOCKER_CONFIG || join(homedir(), '.docker')

/** Undefined where there is none. */
export function readDockerConfig(): DockerConfig | undefined {
  const path = join(dockerFolder(), 'config.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // No file is the usual case: nobody has logged in here.
    return undefined
  }
  try {
    return JSON.parse(text) as DockerConfig
  } catch (cause) {
    throw new Problem('bad-request', `${path} is not valid JSON`, { hint: 'correct it, or log in again', cause })
  }
}

/** Settings for the daemon's Engine win over the `default`, which they replace whole. Undefined where none are set. */
export async function proxySettings(api: Api): Promise<ProxySettings | undefined> {
  const { proxies = {} } = readDockerConfig() ?? {}
  const isOneForAll = Object.keys(proxies).every((host) => host === 'default')
  const host = isOneForAll ? 'default' : await engineAddress(api)
  return settingsOf(proxies[host] ?? proxies.default)
}

/** Not all who deploy may know of the Engine: for them it is one of those without settings of their own. */
async function engineAddress(api: Api): Promise<string> {
  try {
    return (await api.call('info')).engine.address
  } catch (error) {
    if (error instanceof Problem && error.code === 'forbidden') return 'default'
    throw error
  }
}

function settingsOf(given: Readonly<Record<string, unknown>> | undefined): ProxySettings | undefined {
  const settings = PROXY_KEYS.flatMap((key) => {
    const value = given?.[key]
    return typeof value === 'string' && value !== '' ? [[key, value] as const] : []
  })
  return settings.length === 0 ? undefined : Object.fromEntries(settings)
}
