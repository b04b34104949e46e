/** What client and daemon agree on about builds: the names of contexts, and the patterns that say what belongs to one. */
import { posix } from 'node:path'
import { Problem } from './problems.ts'

/** Where `dockerfile_inline`, or a Dockerfile from outside its context, stands in the context that the client sends. */
export const INLINE_DOCKERFILE = '.evenkeel-inline.Dockerfile'

/** An uploaded context's key: `service` for `build.context`, `service/NAME` for one of `build.additional_contexts`. */
export const contextKey = (service: string, name?: string): string =>
  name === undefined ? service : `${service}/${name}`

/** The service that a context's key is about. Service names have no slash; names of contexts may have some. */
export const serviceOfContext = (key: string): string => key.split('/', 1)[0]!

/** The ids of the contexts that were uploaded for `build.additional_contexts` of a service, by name. */
export function additionalContextIds(
  contexts: Readonly<Record<string, string>>,
  service: string,
): Readonly<Record<string, string>> {
  const prefix = contextKey(service, '')
  return Object.fromEntries(
    Object.entries(contexts)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, id]) => [key.slice(prefix.length), id]),
  )
}

/** What a value of `build.context` or `build.additional_contexts` says. */
export type ContextSource =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'service'; readonly service: string }
  | { readonly kind: 'image'; readonly reference: string }
  /** The Engine fetches it. */
  | { readonly kind: 'url'; readonly url: string; readonly needsSsh: boolean }
  | { readonly kind: 'oci-layout' }

const URL_LIKE = /^(https?|git|ssh):\/\/|^git@|^github\.com\/|\.git(#|$)/

export function contextSource(value: string): ContextSource {
  if (value.startsWith('service:')) return { kind: 'service', service: value.slice('service:'.length) }
  if (value.startsWith('docker-image://')) return { kind: 'image', reference: value.slice('docker-image://'.length) }
  if (value.startsWith('oci-layout:')) return { kind: 'oci-layout' }
  if (!value.startsWith('/') && URL_LIKE.test(value)) {
    return { kind: 'url', url: value, needsSsh: /^(git@|ssh:\/\/)/.test(value) }
  }
  return { kind: 'folder', path: value }
}

/** The patterns of a `.dockerignore`, in order (https://docs.docker.com/build/concepts/context/#dockerignore-files). */
export function parseIgnoreFile(text: string): string[] {
  const patterns: string[] = []
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    if (line.startsWith('#')) continue
    const trimmed = line.trim()
    if (trimmed === '') continue
    const isException = trimmed.startsWith('!')
    const pattern = cleaned(isException ? trimmed.slice(1).trim() : trimmed)
    if (pattern !== '') patterns.push(isException ? `!${pattern}` : pattern)
  }
  return patterns
}

function cleaned(pattern: string): string {
  if (pattern === '') return ''
  const normal = posix.normalize(pattern).replace(/(?<=.)\/$/, '')
  return normal.length > 1 && normal.startsWith('/') ? normal.slice(1) : normal
}

/** For each pattern, whether it matched a path; handed on to what lies below it. */
export type MatchInfo = readonly boolean[]

interface Pattern {
  readonly isException: boolean
  readonly text: string
  readonly matches: (path: string) => boolean
}

/**
 * Patterns as the Engine and BuildKit match them (github.com/moby/patternmatcher): later ones win, `!` takes back, and
 * what matches a folder holds for all below it. Paths are relative, with slashes.
 */
export class PathPatterns {
  readonly #patterns: readonly Pattern[]
  readonly hasExceptions: boolean

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns
      .map((text) => text.trim())
      .filter((text) => text !== '' && text !== '!')
      .map(toPattern)
    this.hasExceptions = this.#patterns.some((pattern) => pattern.isException)
  }

  /** `above` is what matched the folder that the path lies in; without it, the folders above are looked at. */
  match(path: string, above?: MatchInfo): { readonly matched: boolean; readonly info: MatchInfo } {
    const info = this.#patterns.map(() => false)
    const parents = above === undefined ? parentsOf(path) : []
    let matched = false
    for (const [index, pattern] of this.#patterns.entries()) {
      let hit = above?.[index] ?? false
      if (!hit) {
        // A pattern that would change nothing is not tried.
        if (pattern.isException !== matched) continue
        hit = pattern.matches(path) || parents.some((parent) => pattern.matches(parent))
      }
      info[index] = hit
      if (hit) matched = !pattern.isException
    }
    return { matched, info }
  }
}

function parentsOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

function toPattern(text: string): Pattern {
  const isException = text.startsWith('!')
  const body = cleaned(isException ? text.slice(1) : text)
  return { isException, text: body, matches: matcherOf(body) }
}

function matcherOf(pattern: string): (path: string) => boolean {
  const special = /[*?[\]\\]/
  // `dir/**` and `**` at the end match by prefix, `**/name` by suffix, when nothing else in them is special.
  if (pattern.endsWith('**') && !special.test(pattern.slice(0, -2))) {
    const prefix = pattern.slice(0, -2)
    return (path) => path.startsWith(prefix)
  }
  if (pattern.startsWith('**') && !special.test(pattern.slice(2))) {
    const suffix = pattern.slice(2)
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1))
  }
  if (!special.test(pattern)) return (path) => path === pattern
  const expression = expressionOf(pattern)
  return (path) => expression.test(path)
}

function expressionOf(pattern: string): RegExp {
  let source = ''
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at]!
    if (char === '*' && pattern[at + 1] === '*') {
      at += pattern[at + 2] === '/' ? 2 : 1
      source += at + 1 >= pattern.length ? '.*' : '(.*/)?'
    } else source += charExpression(pattern, at)
    if (char === '\\') at += 1
  }
  return compiled(source, pattern)
}

/** One part of a path, as Go's filepath.Match has it: `**` is nothing special. */
export function segmentExpression(pattern: string): RegExp {
  let source = ''
  for (let at = 0; at < pattern.length; at += 1) {
    source += charExpression(pattern, at)
    if (pattern[at] === '\\') at += 1
  }
  return compiled(source, pattern)
}

function charExpression(pattern: string, at: number): string {
  const char = pattern[at]!
  if (char === '*') return '[^/]*'
  if (char === '?') return '[^/]'
  if (char === '\\') return escaped(pattern[at + 1] ?? '\\')
  if (char === '[' || char === ']' || char === '-' || char === '^')
    return char === '^' && pattern[at - 1] !== '[' ? '\\^' : char
  return escaped(char)
}

const escaped = (char: string): string => char.replace(/[.*+?^${}()|[\]\\/]/, '\\$&')

function compiled(source: string, pattern: string): RegExp {
  try {
    return new RegExp(`^${source}$`)
  } catch {
    // An unfinished `[`: Go refuses the pattern; as its plain text it matches what it says.
    return new RegExp(`^${[...pattern].map(escaped).join('')}$`)
  }
}

/**
 * The SSH agents of `build.ssh`, by id: a socket, keys with commas between them, or nothing for the agent of SSH_AUTH_SOCK.
 * Of two with one id the later counts.
 */
export function declaredAgents({ ssh }: { readonly ssh?: unknown }): Map<string, string> {
  const entries = Array.isArray(ssh) ? ssh.map((entry) => agentOf(String(entry))) : Object.entries(ssh ?? {})
  return new Map(entries.map(([id, paths]): [string, string] => [id, paths === null ? '' : String(paths)]))
}

/** `default`, or `ID=PATHS`. */
export function agentOf(text: string): [id: string, paths: string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** All that a build uses: a context over SSH needs an agent also where the file names none. */
export function neededAgents(build: {
  readonly ssh?: unknown
  readonly context?: string
  readonly additional_contexts?: Readonly<Record<string, string>>
}): Map<string, string> {
  const agents = declaredAgents(build)
  const contexts = [build.context ?? '.', ...Object.values(build.additional_contexts ?? {})].map(contextSource)
  const isOverSsh = contexts.some((source) => source.kind === 'url' && source.needsSsh)
  if (agents.size === 0 && isOverSsh) agents.set('default', '')
  return agents
}

/** The services whose images a build takes as contexts (`service:`). */
export function servicesInBuild(
  build: { readonly additional_contexts?: Readonly<Record<string, string>> } | undefined,
): string[] {
  const sources = Object.values(build?.additional_contexts ?? {}).map(contextSource)
  return [...new Set(sources.flatMap((source) => (source.kind === 'service' ? [source.service] : [])))]
}

/**
 * Those of the named services that are built, and all whose images their builds take: each after what it takes. Throws a Problem
 * where builds wait for each other.
 */
export function builtServices(
  services: Readonly<
    Record<string, { readonly build?: { readonly additional_contexts?: Readonly<Record<string, string>> } }>
  >,
  names: Iterable<string>,
): string[] {
  const found = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      throw new Problem('stack-file-invalid', `builds wait for each other: ${[...path, name].join(' -> ')}`, {
        hint: 'take one of the service: entries out of build.additional_contexts',
      })
    }
    const build = services[name]?.build
    if (build === undefined || found.has(name)) return
    for (const other of servicesInBuild(build)) visit(other, [...path, name])
    found.add(name)
  }
  for (const name of names) visit(name, [])
  return [...found]
}
