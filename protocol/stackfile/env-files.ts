/** Reads the files that `env_file` and `label_file` name into `environment` and `labels`. */
import type { LoadContext } from './context.ts'
import { EnvFileError, readDotenv, readRawEnv } from './dotenv.ts'
import type { LoadedService, Project } from './project.ts'
import { locate } from './project.ts'
import { SourceText } from './source-text.ts'
import { type KeyPath, setKey } from './tree.ts'

/** What `environment` says wins, then the later files. Services that are off are left alone: their files may be missing. */
export function resolveEnvFiles(
  project: Project,
  environment: ReadonlyMap<string, string>,
  context: LoadContext,
): void {
  for (const [name, service] of Object.entries(project.model.services)) {
    resolveService(project, service, ['services', name], environment, context)
  }
}

function resolveService(
  project: Project,
  service: LoadedService,
  path: KeyPath,
  environment: ReadonlyMap<string, string>,
  context: LoadContext,
): void {
  const own = new Map<string, string | null>()
  for (const [key, value] of Object.entries(service.environment ?? {}))
    own.set(key, value ?? environment.get(key) ?? null)
  const variables = new Map<string, string>()
  for (const [key, value] of own) if (value !== null) variables.set(key, value)
  const lookup = (key: string): string | undefined => environment.get(key) ?? own.get(key) ?? undefined
  for (const [index, file] of (service.env_file ?? []).entries()) {
    const at = [...path, 'env_file', index]
    if (file.format !== undefined && file.format !== 'raw') {
      context.findings.add(`"${file.format}" is no format of an env_file`, locate(project.root, [...at, 'format']), {
        path: at,
        hint: 'The only other format is "raw".',
      })
      continue
    }
    const source = readFile(file.path, file.required, 'env_file', project, [...at, 'path'], context)
    if (source !== undefined) readVariables(source, variables, lookup, file.format === 'raw', context)
  }
  delete service.env_file
  for (const [key, value] of own) if (value !== null) variables.set(key, value)
  const all = new Map<string, string | null>([...variables, ...own])
  if (all.size > 0) service.environment = sortedRecord(all)
}

/** What `labels` says wins. */
export function resolveLabelFiles(project: Project, context: LoadContext): void {
  for (const [name, service] of Object.entries(project.model.services)) {
    if (service.label_file === undefined) continue
    const path = ['services', name, 'label_file']
    const labels = new Map<string, string>()
    for (const [index, file] of service.label_file.entries()) {
      const source = readFile(file, true, 'label_file', project, [...path, index], context)
      if (source !== undefined) readVariables(source, labels, (key) => labels.get(key), false, context)
    }
    delete service.label_file
    for (const [key, value] of Object.entries(service.labels ?? {})) labels.set(key, value)
    if (labels.size > 0) service.labels = sortedRecord(labels)
  }
}

function sortedRecord<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  const record: Record<string, T> = {}
  for (const key of [...entries.keys()].sort()) setKey(record, key, entries.get(key))
  return record
}

function readFile(
  file: string,
  required: boolean,
  key: string,
  project: Project,
  path: KeyPath,
  context: LoadContext,
): SourceText | undefined {
  const named = locate(project.root, path)
  const text = context.source.read(file, named.at)
  if (text !== undefined) {
    context.budget.spendText(text.length, named.at)
    return envText(file, text)
  }
  if (!required) return undefined
  context.findings.add(`The ${key} ${file} is not there`, named, {
    path,
    hint: key === 'env_file' ? 'If it may be missing, write it as {path: FILE, required: false}.' : undefined,
  })
  return undefined
}

/** Bytes that are no text are no error in an env file: Compose hands them on, and what prints them shows U+FFFD. */
const envText = (file: string, text: string): SourceText => new SourceText(file, text.replace(/\p{Cs}/gu, '\uFFFD'))

function readVariables(
  source: SourceText,
  variables: Map<string, string>,
  lookup: (name: string) => string | undefined,
  isRaw: boolean,
  context: LoadContext,
): void {
  try {
    const { budget, warnUnset: unset } = context
    if (isRaw) readRawEnv(source, variables, { lookup, budget })
    else readDotenv(source, variables, { lookup, unset, budget })
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error
    context.findings.add(error.message, error.at, { hint: error.hint })
  }
}

/** Reads `.env` files for interpolation: what `environment` has wins, then later files. */
export function readInterpolationFiles(
  files: readonly string[],
  environment: ReadonlyMap<string, string>,
  context: Pick<LoadContext, 'source' | 'findings' | 'budget' | 'warnUnset'>,
): Map<string, string> {
  const variables = new Map<string, string>()
  for (const file of files) {
    const text = context.source.read(file)
    if (text === undefined) {
      context.findings.add(`The env file ${file} is not there`, undefined)
      continue
    }
    try {
      readDotenv(envText(file, text), variables, {
        lookup: (name) => environment.get(name),
        unset: context.warnUnset,
        budget: context.budget,
      })
    } catch (error) {
      if (!(error instanceof EnvFileError)) throw error
      context.findings.add(error.message, error.at, { hint: error.hint })
    }
  }
  return variables
}
