/** `x-evenkeel` of a service: which keys there are, and what each may say. */
import { ROUTE_PROTOCOLS } from './app-protocol.ts'
import { scaleFindings } from './autoscale.ts'
import { splitCommand } from './command-line.ts'
import { ingressFindings } from './ingress-policy.ts'
import { isMap, isPort, type PolicyFinding, unknownKeys } from './policy-finding.ts'
import { probeFindings } from './probe-policy.ts'
import { tlsFindings } from './tls-policy.ts'
import { parseDuration } from './units.ts'

const WORDS: Readonly<Record<string, readonly string[]>> = {
  unhealthy: ['replace', 'report'],
  halted: ['always', 'once', 'never'],
  balance: ['round-robin', 'least-connections', 'sticky'],
  dns: ['versioned', 'shared'],
}
const KEYS = [...Object.keys(WORDS), 'routes', 'drain', 'deploy', 'scale', 'ingress', 'ready', 'alive', 'tls']
const ROUTE_KEYS = ['host', 'path', 'port', 'app_protocol', 'tls']

/** What a host is to be, and a path: nothing that the ingress could take for anything else. */
export const HOST =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/
const PATH = /^\/[A-Za-z0-9._~%/+:@=-]{0,500}$/
const ROUTES_LIMIT = 200
const STEP_KEYS = ['before', 'after', 'timeout']
const STEPS_LIMIT = 20

/** What of a service the ingress can serve, so that nothing is asked of it in vain. */
export interface Served {
  readonly http: boolean
  readonly tcp: boolean
}

export function servicePolicyFindings(policy: unknown, served: Served = { http: true, tcp: true }): PolicyFinding[] {
  if (!isMap(policy)) return [{ message: 'x-evenkeel is to be a mapping', path: [] }]
  const found = unknownKeys(policy, KEYS, [])
  for (const [key, words] of Object.entries(WORDS)) {
    const value = policy[key]
    if (value === undefined || words.includes(String(value))) continue
    found.push({ message: `${key} is to be one of ${words.join(', ')}`, path: [key] })
  }
  const { drain, routes, deploy, scale, ingress, tls } = policy
  if (drain !== undefined && (typeof drain !== 'string' || !((parseDuration(drain) ?? -1) >= 0)))
    found.push({ message: 'drain is to be a duration', path: ['drain'], hint: 'Such as 30s or 1m30s.' })
  if (routes !== undefined) found.push(...routeFindings(routes))
  if (deploy !== undefined) found.push(...deployFindings(deploy))
  if (scale !== undefined) found.push(...scaleFindings(scale, served.http || served.tcp))
  for (const key of ['ready', 'alive'] as const)
    if (policy[key] !== undefined) found.push(...probeFindings(key, policy[key]))
  if (ingress !== undefined) found.push(...ingressFindings(ingress, served))
  if (tls !== undefined) found.push(...tlsFindings(tls, ['tls']))
  if (tls !== undefined && !(Array.isArray(routes) && routes.some((route) => isMap(route) && route.host !== undefined)))
    found.push({
      message: 'tls needs a route with a host',
      path: ['tls'],
      hint: 'Such as routes: [{host: shop.example}].',
    })
  return found
}

function deployFindings(deploy: unknown): PolicyFinding[] {
  const path = ['deploy']
  if (!isMap(deploy))
    return [{ message: 'deploy is to be a mapping', path, hint: 'Such as {before: ["bin/migrate"]}.' }]
  const found = unknownKeys(deploy, STEP_KEYS, path)
  const { timeout } = deploy
  if (timeout !== undefined && (typeof timeout !== 'string' || !((parseDuration(timeout) ?? 0) > 0)))
    found.push({ message: 'timeout is to be a duration', path: [...path, 'timeout'], hint: 'Such as 10m.' })
  return [...found, ...['before', 'after'].flatMap((key) => commandsFindings(deploy[key], [...path, key]))]
}

function commandsFindings(commands: unknown, path: PolicyFinding['path']): PolicyFinding[] {
  if (commands === undefined) return []
  if (!Array.isArray(commands))
    return [{ message: `${path.at(-1)} is to be a list of commands`, path, hint: 'Such as ["bin/migrate --all"].' }]
  if (commands.length > STEPS_LIMIT) return [{ message: `There are at most ${STEPS_LIMIT} commands`, path }]
  return commands.flatMap((command: unknown, index) => {
    const problem = commandProblem(command)
    return problem === undefined ? [] : [{ ...problem, path: [...path, index] }]
  })
}

function commandProblem(command: unknown): Omit<PolicyFinding, 'path'> | undefined {
  const isWords = Array.isArray(command) && command.every((word) => typeof word === 'string')
  if (isWords && command.length > 0 && command[0] !== '') return undefined
  if (typeof command !== 'string' || command.trim() === '')
    return { message: 'A command is to be a text, or a list of texts', hint: 'Such as ["bin/migrate", "--all"].' }
  const split = splitCommand(command)
  if (split === undefined) return { message: 'The command is not complete: a quote or bracket is not closed' }
  if (split.dropped === '') return undefined
  return {
    message: `No shell runs a command, so "${split.dropped}" would be dropped`,
    hint: 'Use ["sh", "-c", "..."].',
  }
}

function routeFindings(routes: unknown): PolicyFinding[] {
  if (!Array.isArray(routes)) return [{ message: 'routes is to be a list', path: ['routes'] }]
  if (routes.length > ROUTES_LIMIT) return [{ message: `There are at most ${ROUTES_LIMIT} routes`, path: ['routes'] }]
  const seen = new Set<string>()
  return routes.flatMap((route: unknown, index) => {
    const path = ['routes', index]
    if (!isMap(route)) return [{ message: 'A route is to be a mapping', path, hint: 'Such as {host: shop.example}.' }]
    const found = unknownKeys(route, ROUTE_KEYS, path)
    if (route.host !== undefined && !(typeof route.host === 'string' && HOST.test(route.host)))
      found.push({ message: 'host is to be a host name', path: [...path, 'host'], hint: 'Such as shop.example.' })
    if (route.path !== undefined && !(typeof route.path === 'string' && PATH.test(route.path)))
      found.push({ message: 'path is to begin with /', path: [...path, 'path'], hint: 'Such as /api.' })
    if (route.port !== undefined && !isPort(route.port))
      found.push({ message: 'port is to be a number from 1 to 65535', path: [...path, 'port'] })
    if (route.app_protocol !== undefined && !ROUTE_PROTOCOLS.includes(String(route.app_protocol)))
      found.push({
        message: `app_protocol is to be one of ${ROUTE_PROTOCOLS.join(', ')}`,
        path: [...path, 'app_protocol'],
        hint: 'http is HTTP/1.1; the others are HTTP/2 without TLS, from the first byte on.',
      })
    if (route.tls !== undefined) found.push(...tlsFindings(route.tls, [...path, 'tls']))
    if (route.tls !== undefined && route.host === undefined)
      found.push({ message: 'tls needs a host: a certificate is made out to one', path: [...path, 'tls'] })
    if (route.host === undefined && route.path === undefined)
      found.push({ message: 'A route needs a host, a path, or both', path, hint: 'path: / takes all.' })
    const key = `${String(route.host).toLowerCase()}${route.path ?? '/'}`
    if (seen.has(key)) found.push({ message: 'This route is there twice', path })
    seen.add(key)
    return found
  })
}
