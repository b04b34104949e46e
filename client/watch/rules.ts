/** What a change of a file means: `develop.watch` of a stack's services. Pure: patterns and paths in, work out. */
import { posix, relative } from 'node:path'
import { PathPatterns } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Hook, Model, Service, WatchTrigger } from '../../protocol/stackfile/model.ts'

export interface WatchRule {
  readonly service: string
  /** Absolute. */
  readonly path: string
  readonly action: 'rebuild' | 'sync' | 'restart' | 'sync+restart' | 'sync+exec'
  readonly target: string | undefined
  readonly exec: Hook | undefined
  readonly initialSync: boolean
  readonly include: PathPatterns | undefined
  readonly ignore: PathPatterns
  /** Patterns of the build's `.dockerignore`, and the folder that they are about. */
  readonly context: { readonly folder: string; readonly patterns: PathPatterns } | undefined
}

/** What editors leave beside the files they write, and git's own (github.com/docker/compose, pkg/watch/ephemeral.go). */
const EPHEMERAL = new PathPatterns([
  '**/.git',
  '**/*___jb_old___',
  '**/*___jb_tmp___',
  '**/.idea/**',
  '**/.#*',
  '**/#*#',
  '**/4913',
  '**/*~',
  '**/.*.swp',
  '**/.*.swx',
  '**/.*.swo',
  '**/.*.swn',
  '**/.*.kate-swp',
  '**/*-go-tmp-umask',
])

export interface Watched {
  readonly rules: readonly WatchRule[]
  /** Paths that are not watched after all, and why. */
  readonly warnings: readonly string[]
}

/** `ignoreFile`: the patterns that hold for a service's build context, if there is one. Empty `services`: all. */
export function watchRules(
  { services }: Model,
  named: readonly string[],
  ignoreFile: (service: Service) => { readonly folder: string; readonly patterns: readonly string[] } | undefined,
): Watched {
  const rules: WatchRule[] = []
  const warnings: string[] = []
  for (const [name, service] of Object.entries(services)) {
    if (named.length > 0 && !named.includes(name)) continue
    const triggers = service.develop?.watch ?? []
    if (triggers.length === 0) continue
    const context = ignoreFile(service)
    for (const trigger of triggers) {
      mustMakeSense(name, service, trigger)
      if (trigger.action.startsWith('sync') && isMounted(trigger.path, service)) {
        warnings.push(`path '${trigger.path}' also declared by a bind mount volume, this path won't be monitored!`)
        continue
      }
      rules.push({
        service: name,
        path: trigger.path,
        action: trigger.action as WatchRule['action'],
        target: trigger.target,
        exec: trigger.exec,
        initialSync: trigger.initial_sync === true,
        include:
          trigger.include === undefined || trigger.include.length === 0 ? undefined : new PathPatterns(trigger.include),
        ignore: new PathPatterns(trigger.ignore ?? []),
        context: context === undefined ? undefined : { ...context, patterns: new PathPatterns(context.patterns) },
      })
    }
  }
  if (rules.length > 0) return { rules, warnings }
  throw new Problem(
    'bad-request',
    "none of the selected services is configured for watch, consider setting a 'develop' section",
    { hint: 'see https://docs.docker.com/compose/how-tos/file-watch/' },
  )
}

function mustMakeSense(name: string, { build }: Service, { action, exec }: WatchTrigger): void {
  if (action === 'rebuild' && build === undefined) {
    throw new Problem('bad-request', `can't watch service "${name}" with action rebuild without a build context`, {
      hint: `give it one: services.${name}.build`,
    })
  }
  if (action === 'sync+exec' && (exec?.command ?? []).length === 0) {
    throw new Problem('bad-request', `can't watch with action "sync+exec" on service ${name} without a command`, {
      hint: `say what to run: services.${name}.develop.watch[].exec.command`,
    })
  }
}

function isMounted(path: string, { volumes }: Service): boolean {
  return (volumes ?? []).some(
    ({ type, source }) => type === 'bind' && source !== undefined && below(source, path) !== undefined,
  )
}

/** The path relative to a folder that it lies in: empty for the folder itself. */
function below(folder: string, path: string): string | undefined {
  const found = relative(folder, path)
  return found === '..' || found.startsWith('../') ? undefined : found
}

/** Where a file is to be in the container; undefined where the rule is not about it. Without a target, it is about it alone. */
export function matchRule(rule: WatchRule, path: string): { readonly target: string | undefined } | undefined {
  const found = below(rule.path, path)
  if (found === undefined || isIgnored(rule, path, found)) return undefined
  if (found !== '' && rule.include !== undefined && !rule.include.match(found).matched) return undefined
  return { target: rule.target === undefined ? undefined : posix.join('/', rule.target, found) }
}

function isIgnored(rule: WatchRule, path: string, found: string): boolean {
  if (found !== '' && (EPHEMERAL.match(found).matched || rule.ignore.match(found).matched)) return true
  if (rule.context === undefined) return false
  const inContext = below(rule.context.folder, path)
  return inContext !== undefined && inContext !== '' && rule.context.patterns.match(inContext).matched
}

/** Whether something in a folder can be of interest: what all rules ignore is not even looked at. */
export function isWorthWatching(rules: readonly WatchRule[], folder: string): boolean {
  return rules.some((rule) => {
    // On the way to what is watched.
    if (below(folder, rule.path) !== undefined) return true
    const found = below(rule.path, folder)
    if (found === undefined) return false
    const mayComeBack = rule.ignore.hasExceptions || rule.context?.patterns.hasExceptions === true
    return mayComeBack || !isIgnored(rule, folder, found)
  })
}

/** What a batch of changes asks for, each thing once. */
export interface WatchWork {
  readonly rebuild: readonly string[]
  /** By service: what goes where, or is removed there. */
  readonly sync: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly restart: readonly string[]
  readonly exec: readonly WatchRule[]
}

export function workOf(rules: readonly WatchRule[], paths: Iterable<string>): WatchWork {
  const rebuild = new Set<string>()
  const restart = new Set<string>()
  const exec = new Set<WatchRule>()
  const sync = new Map<string, Map<string, string>>()
  for (const path of paths) {
    for (const rule of rules) {
      const match = matchRule(rule, path)
      if (match === undefined) continue
      if (rule.action === 'rebuild') rebuild.add(rule.service)
      if (rule.action === 'restart' || rule.action === 'sync+restart') restart.add(rule.service)
      if (rule.action === 'sync+exec') exec.add(rule)
      if (!rule.action.startsWith('sync') || match.target === undefined) continue
      const files = sync.get(rule.service) ?? new Map<string, string>()
      // By target: where two rules say so, one file goes to two places.
      sync.set(rule.service, files.set(match.target, path))
    }
  }
  return { rebuild: [...rebuild], sync, restart: [...restart], exec: [...exec] }
}
