/** What must be known before the first file is read: which files, which folder, which variables. */
import { Problem } from '../problems.ts'
import type { LoadContext } from './context.ts'
import { readInterpolationFiles } from './env-files.ts'
import { isAbsolute, joinPath, parentOf } from './file-paths.ts'
import { findStackFiles } from './find.ts'
import type { LoadRequest } from './load-request.ts'

export interface Setup {
  readonly files: readonly string[]
  readonly workingDir: string
  readonly environmentFiles: readonly string[]
  readonly environment: Map<string, string>
  readonly profiles: readonly string[]
}

type SetupContext = Pick<LoadContext, 'source' | 'findings' | 'budget' | 'warn' | 'warnUnset'>

/** Compose's order: the environment, `.env` (or the env files given), `COMPOSE_FILE`, then the `.env` of what it names. */
export function prepare(request: LoadRequest, context: SetupContext): Setup {
  const environment = new Map(Object.entries(request.environment))
  const cwd = request.cwd ?? request.environment.PWD ?? request.workingDir ?? '/'
  const absolute = (path: string): string => (path === '-' || isAbsolute(path) ? path : joinPath(cwd, path))
  const folderOf = (files: readonly string[]): string => {
    const first = files.find((file) => file !== '-')
    return request.workingDir ?? (first === undefined ? cwd : parentOf(first))
  }
  const given = request.envFiles ?? []
  const envFiles = (given.length > 0 ? given : splitList(environment.get('COMPOSE_ENV_FILES'), ',')).map(absolute)
  let environmentFiles: readonly string[] = []
  const read = new Set<string>()
  const readEnvironment = (folder: string): void => {
    const dotenv = joinPath(folder, '.env')
    if (envFiles.length > 0) environmentFiles = envFiles
    else if (!isTrue(environment.get('COMPOSE_DISABLE_ENV_FILE')) && context.source.has(dotenv))
      environmentFiles = [dotenv]
    const unread = environmentFiles.filter((file) => !read.has(file))
    for (const file of unread) read.add(file)
    for (const [name, value] of readInterpolationFiles(unread, environment, context)) {
      if (!environment.has(name)) environment.set(name, value)
    }
  }

  let files = request.files.map(absolute)
  readEnvironment(folderOf(files))
  if (files.length === 0) {
    const separator = environment.get('COMPOSE_PATH_SEPARATOR') || ':'
    files = splitList(environment.get('COMPOSE_FILE'), separator).map(absolute)
  }
  if (files.length === 0) {
    const found = findStackFiles(folderOf([]), (path) => context.source.has(path))
    if (found === undefined) {
      throw new Problem('stack-file-not-found', 'no configuration file provided: not found', {
        hint: `There is no compose.yaml in ${folderOf([])} or above it; name a file with -f FILE.`,
      })
    }
    if (found.ignored.length > 0) {
      context.warn(`Found more stack files (${found.ignored.join(', ')}); using ${found.files.join(', ')}`)
    }
    files = [...found.files]
  }
  const workingDir = folderOf(files)
  readEnvironment(workingDir)
  // No profile at all is one with an empty name to Compose, which turns services with such a profile on.
  const profiles =
    request.profiles.length > 0 ? request.profiles : (environment.get('COMPOSE_PROFILES') ?? '').split(',')
  return {
    files,
    workingDir,
    environmentFiles,
    environment,
    profiles: profiles.map((profile) => profile.trim()),
  }
}

const splitList = (text: string | undefined, separator: string): string[] =>
  (text ?? '').split(separator).filter((part) => part !== '')

const isTrue = (text: string | undefined): boolean => ['1', 't', 'true'].includes((text ?? '').toLowerCase())
