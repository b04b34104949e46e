/** Daemons by name, with what it takes to be let in: one file that its owner alone may read. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Problem } from '../protocol/problems.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface DaemonContext {
  /** `https://host:port`, `ssh://user@host`, `unix:///path`. */
  readonly host: string
  readonly token?: string
  /** PEM: whom to believe, and who one is. */
  readonly authority?: string
  readonly certificate?: string
  readonly key?: string
}

export interface Contexts {
  readonly current: string | undefined
  readonly contexts: Readonly<Record<string, DaemonContext>>
}

const NONE: Contexts = { current: undefined, contexts: {} }
const TEXTS = ['host', 'token', 'authority', 'certificate', 'key'] as const

export function contextsPath(environment: Environment): string {
  const folder = environment.XDG_CONFIG_HOME || join(environment.HOME || '/', '.config')
  return join(folder, 'evenkeel', 'contexts.json')
}

export function readContexts(environment: Environment): Contexts {
  const path = contextsPath(environment)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return NONE
    throw new Problem('bad-request', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new Problem('bad-request', `others may read ${path}, which holds tokens and keys`, {
      hint: `chmod 600 ${path}, and make new tokens where somebody may have read them`,
    })
  }
  const { current, contexts } = objectOf(parsed(text, path))
  const entries = Object.entries(objectOf(contexts)).map(([name, value]) => [name, contextFrom(value, path)] as const)
  return { current: typeof current === 'string' ? current : undefined, contexts: Object.fromEntries(entries) }
}

/** Whole or not at all. */
export function writeContexts(environment: Environment, { current, contexts }: Contexts): void {
  const path = contextsPath(environment)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}.new`
  writeFileSync(temporary, `${JSON.stringify({ current, contexts }, undefined, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(temporary, path)
}

/** What somebody exported, or what the file has: a mapping of texts, one of which is the host. */
export function contextFrom(value: unknown, place: string): DaemonContext {
  const given = objectOf(value)
  const texts = TEXTS.flatMap((key) => (typeof given[key] === 'string' ? [[key, given[key]] as const] : []))
  const context = Object.fromEntries(texts) as Partial<DaemonContext>
  if (context.host !== undefined) return context as DaemonContext
  throw new Problem('bad-request', `${place} holds a context without a host`)
}

export function parsed(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('bad-request', `${place} is not valid JSON`, { cause })
  }
}

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
