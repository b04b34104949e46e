/**
 * Loads the files of a project into one tree. For each document, in Compose's order: fill in variables, extends, take
 * away what `!reset` names, include, merge onto what is there, fold duplicates, check against the schema, make canonical.
 */
import { Problem } from '../problems.ts'
import { makeCanonical } from './canonical.ts'
import type { LoadContext, Scope } from './context.ts'
import { checkSections, setDefaults } from './defaults.ts'
import { applyExtends, type BaseFile } from './extends.ts'
import { isAbsolute, joinPath, parentOf, relativePath } from './file-paths.ts'
import { applyInclude } from './include.ts'
import { interpolateTree } from './interpolate.ts'
import { mergeNodes } from './merge.ts'
import { resolveListedEnvironment } from './normalize.ts'
import { type ParsedDocument, parseDocuments } from './parse.ts'
import { isRemoteContext, resolvePaths } from './paths.ts'
import { byService, clearPaths } from './reset.ts'
import { SourceText } from './source-text.ts'
import { isNull, listAt, type MapNode, mapAt, mapNode, type Node, textOf } from './tree.ts'
import { foldDuplicates } from './unique.ts'
import { validateStackFile } from './validate.ts'

interface FileToLoad {
  readonly file: string
  /** What names the file; undefined for a file that the user named. */
  readonly from?: Node | undefined
}

export class FileLoader {
  readonly #context: LoadContext
  readonly #resolvePaths: boolean
  readonly #parsed = new Map<string, ParsedDocument[] | undefined>()

  constructor(context: LoadContext, options: { readonly resolvePaths: boolean }) {
    this.#context = context
    this.#resolvePaths = options.resolvePaths
  }

  /** The last `name` that one of the files gives, variables not filled in. */
  projectName(files: readonly string[]): Node | undefined {
    let name: Node | undefined
    for (const file of files) {
      const documents = this.#read({ file })
      this.#parsed.set(file, documents)
      for (const { root } of documents ?? []) {
        const given = root.kind === 'map' ? root.entries.get('name') : undefined
        if (textOf(given)) name = given
      }
    }
    return name
  }

  /** All files on top of one another, with defaults and paths; empty where there was nothing in them. */
  project(files: readonly FileToLoad[], scope: Scope, trail: readonly string[] = []): MapNode | undefined {
    let root: MapNode | undefined
    for (const file of files) root = this.#file(file, root, scope, 'whole', trail) ?? root
    if (root === undefined) return undefined
    this.#context.budget.spendMerge(root.at)
    setDefaults(root)
    checkSections(root, this.#context.findings)
    if (this.#resolvePaths || trail.length > 0) resolvePaths(root, scope.base, this.#context)
    resolveListedEnvironment(root, scope.environment)
    return root
  }

  /** `base` reads a file only for services that another file extends: it is checked when it is merged. */
  #file(
    file: FileToLoad,
    onto: MapNode | undefined,
    scope: Scope,
    mode: 'whole' | 'base',
    trail: readonly string[],
    cleared: (readonly string[])[] = [],
  ): MapNode | undefined {
    const documents = this.#documents(file)
    let root = onto
    for (const document of documents ?? []) {
      const layer = document.root
      if (layer.kind !== 'map') {
        const what = isNull(layer) ? 'The file is empty' : 'The top level must be a mapping'
        this.#context.findings.add(what, layer, { hint: 'A stack file begins with "services:".' })
        continue
      }
      for (const path of document.cleared) cleared.push(path)
      root = this.#document(layer, document, root, file.file, scope, mode, trail)
    }
    return root
  }

  #document(
    layer: MapNode,
    document: ParsedDocument,
    onto: MapNode | undefined,
    file: string,
    scope: Scope,
    mode: 'whole' | 'base',
    trail: readonly string[],
  ): MapNode {
    const context = this.#context
    const { findings } = context
    context.budget.spendMerge(layer.at)
    this.#countServices(layer)
    context.variables?.addTree(layer, context.budget)
    if (context.interpolate) interpolateTree(layer, (name) => scope.environment.get(name), context)
    if (mode === 'whole') {
      const services = mapAt(layer, 'services')
      if (services !== undefined) {
        const main: BaseFile = { file, services, cleared: byService(document.cleared) }
        applyExtends(main, (base, from) => this.#base(base, from, scope), context)
      }
    }
    if (onto !== undefined) clearPaths(onto, document.cleared)
    if (mode === 'whole') {
      const include = (files: readonly FileToLoad[], inner: Scope, from: readonly string[]): MapNode | undefined =>
        this.project(files, inner, from)
      applyInclude(layer, scope, [...trail, file], include, context)
    }
    const merged = mergeNodes(onto ?? mapNode([], layer.at), layer, [], findings) as MapNode
    this.#countServices(merged)
    foldDuplicates(merged)
    const before = findings.count
    if (mode === 'whole') {
      validateStackFile(merged, findings)
      const version = merged.entries.get('version')
      if (version !== undefined) {
        merged.entries.delete('version')
        context.warn(
          `${file}: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid potential confusion`,
        )
      }
    }
    if (findings.count === before) {
      makeCanonical(merged, context)
      dropEmptyDns(merged)
      // Ranges of ports are single ports now, and volumes have their targets, so more of them may be the same.
      foldDuplicates(merged, findings)
    }
    return merged
  }

  #countServices(root: MapNode): void {
    const services = mapAt(root, 'services')
    if (services !== undefined) this.#context.budget.checkServices(services.entries.size, services.keyAt ?? services.at)
  }

  /** Services of another file, canonical, their paths relative to the extending project's folder. */
  #base(name: string, from: Node, scope: Scope): BaseFile | undefined {
    const { findings } = this.#context
    if (isRemoteContext(name)) {
      findings.add('Remote files cannot be extended', from, { hint: 'Fetch the file and extend the copy.' })
      return undefined
    }
    const file = isAbsolute(name) ? name : joinPath(scope.directory, name)
    const cleared: (readonly string[])[] = []
    const root = this.#file({ file, from }, undefined, scope, 'base', [], cleared)
    const services = root === undefined ? undefined : mapAt(root, 'services')
    if (root === undefined) return undefined
    if (services === undefined) {
      findings.add(`${file} has no services to extend`, from)
      return undefined
    }
    resolvePaths(root, relativePath(scope.directory, parentOf(file)), this.#context)
    return { file, services, cleared: byService(cleared) }
  }

  #documents(file: FileToLoad): ParsedDocument[] | undefined {
    // A tree is changed while it is merged, so what was parsed ahead serves once.
    if (this.#parsed.has(file.file)) {
      const documents = this.#parsed.get(file.file)
      this.#parsed.delete(file.file)
      return documents
    }
    return this.#read(file)
  }

  #read({ file, from }: FileToLoad): ParsedDocument[] | undefined {
    const { source, findings, budget } = this.#context
    budget.spendFile(from?.at)
    const text = source.read(file, from?.at)
    if (text === undefined) {
      const message = source.isDirectory(file) ? `${file} is a directory` : `There is no file ${file}`
      if (from === undefined) throw new Problem('stack-file-not-found', message)
      findings.add(message, from)
      return undefined
    }
    return parseDocuments(new SourceText(file === '-' ? '(stdin)' : file, text), findings, budget)
  }
}

/** Empty entries of `dns` mean nothing; they come from variables that are not set. */
function dropEmptyDns(root: MapNode): void {
  for (const service of mapAt(root, 'services')?.entries.values() ?? []) {
    const dns = service.kind === 'map' ? listAt(service, 'dns') : undefined
    if (dns !== undefined) dns.items = dns.items.filter((item) => !isNull(item) && textOf(item) !== '')
  }
}
