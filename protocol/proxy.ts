/**
 * The proxy settings of Docker's config.json, as Compose hands them on: a container has them below what the file says of its
 * environment, a build below its arguments (https://docs.docker.com/engine/cli/proxy/).
 */
export interface ProxySettings {
  readonly httpProxy?: string | undefined
  readonly httpsProxy?: string | undefined
  readonly noProxy?: string | undefined
  readonly ftpProxy?: string | undefined
  readonly allProxy?: string | undefined
}

const VARIABLES = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
} as const satisfies Record<keyof ProxySettings, string>

export const PROXY_KEYS = Object.keys(VARIABLES) as readonly (keyof ProxySettings)[]

/** In both spellings: programs do not agree on one. */
export function proxyEnvironment(proxy: ProxySettings | undefined): Record<string, string> {
  return Object.fromEntries(
    variablesOf(proxy).flatMap(([name, value]) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  )
}

/** BuildKit takes either spelling, and has no ALL_PROXY. */
export function proxyArguments(proxy: ProxySettings | undefined): Record<string, string> {
  return Object.fromEntries(variablesOf(proxy).filter(([name]) => name !== VARIABLES.allProxy))
}

function variablesOf(proxy: ProxySettings | undefined): [name: string, value: string][] {
  return PROXY_KEYS.flatMap((key): [string, string][] => {
    const value = proxy?.[key]
    return value === undefined || value === '' ? [] : [[VARIABLES[key], value]]
  })
}
