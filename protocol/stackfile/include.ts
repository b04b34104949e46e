/**
 * `include`: loads another stack file as a project of its own, with its own folder and `.env`, and takes over its
 * resources. A name that is there already must mean the same thing.
 */
import type { LoadContext, Scope } from './context.ts'
import { readInterpolationFiles } from './env-files.ts'
import { isAbsolute, joinPath, parentOf, relativePath } from './file-paths.ts'
import { isRemoteContext } from './paths.ts'
import { isNull, type KeyPath, type MapNode, mapNode, type Node, placedText, put, sameNode, textOf } from './tree.ts'

/** Loads files as one project, the later ones on top; undefined after the error was reported. */
export type LoadIncluded = (
  files: readonly { readonly file: string; readonly from: Node }[],
  scope: Scope,
  trail: readonly string[],
) => MapNode | undefined

interface Inclusion {
  readonly paths: readonly Node[]
  readonly directory: string | undefined
  readonly envFiles: readonly Node[]
}

/** @param trail the files that led here, to find circles. */
export function applyInclude(
  model: MapNode,
  scope: Scope,
  trail: readonly string[],
  load: LoadIncluded,
  context: LoadContext,
): void {
  const include = model.entries.get('include')
  if (include === undefined) return
  model.entries.delete('include')
  if (isNull(include)) return
  if (include.kind !== 'list') {
    context.findings.addAtKey('include must be a list', include, { path: ['include'] })
    return
  }
  for (const [index, item] of include.items.entries()) {
    const inclusion = parseInclusion(item, ['include', index], context)
    if (inclusion !== undefined) includeOne(inclusion, model, scope, trail, load, context)
  }
}

function parseInclusion(item: Node, path: KeyPath, context: LoadContext): Inclusion | undefined {
  if (item.kind !== 'map') {
    if (textOf(item) !== undefined) return { paths: [item], directory: undefined, envFiles: [] }
    context.findings.add('An include must be a path or a mapping with path', item, { path })
    return undefined
  }
  for (const [key, value] of item.entries) {
    if (!['path', 'project_directory', 'env_file'].includes(key)) {
      const { file, line } = placedText(value)
      context.warn(`${file}:${line}: include has no key "${key}"; it is ignored`)
    }
  }
  const texts = (key: string): Node[] => {
    const node = item.entries.get(key)
    if (node === undefined) return []
    return node.kind === 'list' ? node.items : [node]
  }
  const paths = texts('path')
  const envFiles = texts('env_file')
  const wrong = [...paths, ...envFiles].find((node) => textOf(node) === undefined)
  if (wrong !== undefined) {
    context.findings.add('Must be a path', wrong, { path })
    return undefined
  }
  return { paths, directory: textOf(item.entries.get('project_directory')) || undefined, envFiles }
}

function includeOne(
  inclusion: Inclusion,
  model: MapNode,
  scope: Scope,
  trail: readonly string[],
  load: LoadIncluded,
  context: LoadContext,
): void {
  const files: { file: string; from: Node }[] = []
  for (const from of inclusion.paths) {
    const path = textOf(from)!
    if (isRemoteContext(path)) {
      context.findings.add('Remote files cannot be included', from, { hint: 'Fetch the file and include the copy.' })
      return
    }
    const file = isAbsolute(path) ? path : joinPath(scope.directory, path)
    if (trail.includes(file)) {
      context.findings.add(`Files include each other in a circle: ${[...trail, file].join(' -> ')}`, from)
      return
    }
    files.push({ file, from })
    context.budget.checkChain(trail.length, 'include', from.at)
  }
  const [first] = files
  if (first === undefined) return
  const { directory } = inclusion
  const folder =
    directory === undefined
      ? parentOf(first.file)
      : isAbsolute(directory)
        ? directory
        : joinPath(scope.directory, directory)
  // What is named and is no folder stands for the one that it would lie in, as in Compose.
  const real = directory === undefined || context.source.isDirectory(folder) ? folder : parentOf(folder)
  const base = directory !== undefined && isAbsolute(directory) ? directory : relativePath(scope.directory, real)
  const environment = includedEnvironment(inclusion, folder, scope, context)
  if (environment === undefined) return
  const imported = load(files, { directory: folder, base, environment }, trail)
  if (imported !== undefined) importResources(imported, model, first.from, context)
}

/** The including project's variables win over those of the included project's `.env`. */
function includedEnvironment(
  inclusion: Inclusion,
  folder: string,
  scope: Scope,
  context: LoadContext,
): Map<string, string> | undefined {
  const files: string[] = []
  for (const node of inclusion.envFiles) {
    const path = textOf(node)!
    const file = isAbsolute(path) ? path : joinPath(scope.directory, path)
    if (context.source.read(file, node.at) === undefined) {
      context.findings.add(`The env_file ${file} is not there`, node)
      return undefined
    }
    files.push(file)
  }
  const dotenv = joinPath(folder, '.env')
  if (inclusion.envFiles.length === 0 && context.source.has(dotenv)) files.push(dotenv)
  return new Map([...readInterpolationFiles(files, scope.environment, context), ...scope.environment])
}

const SECTIONS = ['services', 'volumes', 'networks', 'secrets', 'configs', 'models']

function importResources(imported: MapNode, model: MapNode, from: Node, context: LoadContext): void {
  for (const section of SECTIONS) {
    const source = imported.entries.get(section)
    if (source?.kind !== 'map') continue
    const existing = model.entries.get(section)
    if (existing !== undefined && existing.kind !== 'map') continue
    const target = existing ?? mapNode([], source.at)
    for (const [name, resource] of source.entries) {
      const present = target.entries.get(name)
      if (present === undefined) put(target, name, resource)
      else if (!sameNode(present, resource)) {
        const { file, line } = placedText(resource)
        context.findings.addAtKey(`${section}.${name} is defined differently by an included file`, present, {
          path: [section, name],
          hint: `The other definition is at ${file}:${line}, included by "${textOf(from)}". To change it, use an override file.`,
        })
      }
    }
    model.entries.set(section, target)
  }
}
