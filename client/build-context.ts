/** The contexts of a build as tars, each named by the digest of its bytes: sent once, known again later. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { contextKey, contextSource, INLINE_DOCKERFILE, parseIgnoreFile } from '../protocol/build.ts'
import { Problem } from '../protocol/problems.ts'
import type { Build } from '../protocol/stackfile/model.ts'
import type { Api } from './api.ts'
import { stateOf } from './build-known.ts'
import { type FolderSelection, tarOf } from './build-tar.ts'
import { uploadOnce } from './upload.ts'

/** Uploads what a build reads of this machine's folders. Answers the ids by key; what the Engine fetches has none. */
export async function sendContexts(api: Api, service: string, build: Build): Promise<Record<string, string>> {
  const ids: Record<string, string> = {}
  const isThere = async (id: string) => (await api.call('hasContext', { id })).present
  for (const [key, selection] of contextsOf(service, build)) {
    const { folder } = selection
    const packable = { name: folder, key: folder, state: stateOf(selection), tar: () => tarOf(selection) }
    ids[key] = await uploadOnce(api, packable, isThere)
  }
  return ids
}

/** The folders that a build reads, by key, with what of them is sent. */
export function contextsOf(service: string, build: Build): Map<string, FolderSelection> {
  const found = new Map<string, FolderSelection>()
  const main = contextSource(build.context ?? '.')
  if (main.kind === 'folder') found.set(contextKey(service), mainContext(service, build, main.path))
  for (const [name, value] of Object.entries(build.additional_contexts ?? {})) {
    const source = contextSource(value)
    if (source.kind !== 'folder') continue
    mustBeFolder(source.path, `services.${service}.build.additional_contexts.${name}`)
    const ignore = patternsIn(join(source.path, '.dockerignore')) ?? []
    found.set(contextKey(service, name), { folder: source.path, ignore, keep: new Set(['.dockerignore']), extra: {} })
  }
  return found
}

function mainContext(service: string, build: Build, folder: string): FolderSelection {
  mustBeFolder(folder, `services.${service}.build.context`)
  if (build.dockerfile_inline !== undefined) {
    return plain(folder, new Set(), { [INLINE_DOCKERFILE]: build.dockerfile_inline })
  }
  const path = resolve(folder, build.dockerfile ?? 'Dockerfile')
  const name = relative(folder, path)
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true && !existsAsLowerCase(path)) {
    throw new Problem('build-failed', `services.${service}.build: there is no ${name} in ${folder}`, {
      hint: `make it, or name another with services.${service}.build.dockerfile`,
    })
  }
  const ownIgnore = `${path}.dockerignore`
  if (name.startsWith('..')) {
    // From outside the context: it travels inside, with the patterns that belong to it.
    const ignoreText = existsSync(ownIgnore) ? readFileSync(ownIgnore, 'utf8') : undefined
    const extra = {
      [INLINE_DOCKERFILE]: readFileSync(path, 'utf8'),
      ...(ignoreText === undefined ? {} : { [`${INLINE_DOCKERFILE}.dockerignore`]: ignoreText }),
    }
    const selection = plain(folder, new Set(), extra)
    return ignoreText === undefined ? selection : { ...selection, ignore: parseIgnoreFile(ignoreText) }
  }
  const selection = plain(
    folder,
    new Set([name, `${name}.dockerignore`, name.replace(/Dockerfile$/, 'dockerfile')]),
    {},
  )
  // `NAME.dockerignore` beside the Dockerfile wins over `.dockerignore`, as BuildKit has it.
  return { ...selection, ignore: patternsIn(ownIgnore) ?? selection.ignore }
}

/** BuildKit reads `.dockerignore` itself, and leaves it out of the image where it says so. */
function plain(folder: string, keep: ReadonlySet<string>, extra: FolderSelection['extra']): FolderSelection {
  const ignore = patternsIn(join(folder, '.dockerignore')) ?? []
  return { folder, ignore, keep: new Set([...keep, '.dockerignore']), extra }
}

function patternsIn(path: string): string[] | undefined {
  return existsSync(path) ? parseIgnoreFile(readFileSync(path, 'utf8')) : undefined
}

/** `dockerfile` stands in for `Dockerfile`, as it always has. */
const existsAsLowerCase = (path: string): boolean =>
  path.endsWith('/Dockerfile') && existsSync(path.replace(/Dockerfile$/, 'dockerfile'))

function mustBeFolder(path: string, key: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
  throw new Problem('build-failed', `${key}: there is no folder ${path}`, { hint: 'correct the path' })
}
