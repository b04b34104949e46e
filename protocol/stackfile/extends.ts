/**
 * `extends`: a service takes another one as its base, of the same file or of another. Bases are resolved before the
 * service is merged onto them; paths of a base are relative to the base's own file.
 */
import type { LoadContext } from './context.ts'
import { mergeNodes } from './merge.ts'
import { type ClearedPaths, clearPaths } from './reset.ts'
import { didYouMean } from './suggest.ts'
import { cloneNode, isNull, type KeyPath, type MapNode, mapNode, type Node, put, sizeOf, textOf } from './tree.ts'

/** Services that may be extended, with the file they stand in. */
export interface BaseFile {
  readonly file: string
  readonly services: MapNode
  /** What `!reset` and `!override` of that file take away, by service. */
  readonly cleared: ReadonlyMap<string, ClearedPaths>
}

/** Loads another file for its services; undefined after the error was reported. */
export type LoadBase = (file: string, from: Node) => BaseFile | undefined

export function applyExtends(main: BaseFile, loadBase: LoadBase, context: LoadContext): void {
  const resolver = new ExtendsResolver(loadBase, context)
  for (const name of main.services.entries.keys()) resolver.resolve(name, main, [])
}

interface Step {
  readonly file: string
  readonly service: string
}

class ExtendsResolver {
  readonly #loadBase: LoadBase
  readonly #context: LoadContext
  readonly #loaded = new Map<string, BaseFile | undefined>()

  constructor(loadBase: LoadBase, context: LoadContext) {
    this.#loadBase = loadBase
    this.#context = context
  }

  /** The service with all of its bases merged in, which also takes its place among the services of the file. */
  resolve(name: string, file: BaseFile, trail: readonly Step[]): Node | undefined {
    const service = file.services.entries.get(name)
    if (service?.kind !== 'map') return service
    const extension = service.entries.get('extends')
    if (extension === undefined) return service
    const path: KeyPath = ['services', name, 'extends']
    const base = this.#base(extension, file, path)
    if (base === undefined) return service
    if (this.#isCircle(base.service, base.file, [...trail, { file: file.file, service: name }], extension, path)) {
      service.entries.delete('extends')
      return service
    }
    this.#context.budget.checkChain(trail.length, 'extends', extension.at)
    const resolved = this.resolve(base.service, base.file, [...trail, { file: file.file, service: name }])
    service.entries.delete('extends')
    if (resolved === undefined || isNull(resolved)) return service
    const { nodes, text } = sizeOf(resolved)
    this.#context.budget.spendNodes(nodes, extension.at)
    this.#context.budget.spendText(text, extension.at)
    const copy = cloneNode(resolved)
    const cleared = file.cleared.get(name) ?? []
    this.#context.budget.spendNodes(cleared.length, extension.at)
    clearPaths(mapNode([['services', mapNode([[name, copy]], copy.at)]], copy.at), cleared)
    const merged = mergeNodes(copy, service, ['services', name], this.#context.findings)
    merged.keyAt = service.keyAt
    put(file.services, name, merged)
    return merged
  }

  #base(extension: Node, file: BaseFile, path: KeyPath): { service: string; file: BaseFile } | undefined {
    const { findings } = this.#context
    const service =
      textOf(extension) ?? (extension.kind === 'map' ? textOf(extension.entries.get('service')) : undefined)
    if (service === undefined) {
      findings.addAtKey('"extends" needs the key "service"', extension, { path })
      return undefined
    }
    const fileNode = extension.kind === 'map' ? extension.entries.get('file') : undefined
    const fileName = textOf(fileNode)
    const from = fileName === undefined ? file : this.#load(fileName, fileNode!)
    if (from === undefined) return undefined
    if (!from.services.entries.has(service)) {
      const where = fileName === undefined ? '' : ` in ${from.file}`
      const at = extension.kind === 'map' ? extension.entries.get('service')! : extension
      findings.add(`There is no service "${service}"${where} to extend`, at, {
        path,
        hint: didYouMean(service, from.services.entries.keys()),
      })
      return undefined
    }
    return { service, file: from }
  }

  #load(name: string, from: Node): BaseFile | undefined {
    if (!this.#loaded.has(name)) this.#loaded.set(name, this.#loadBase(name, from))
    return this.#loaded.get(name)
  }

  #isCircle(service: string, file: BaseFile, trail: readonly Step[], at: Node, path: KeyPath): boolean {
    const start = trail.findIndex((step) => step.service === service && step.file === file.file)
    if (start === -1) return false
    const circle = [...trail.slice(start), { service, file: file.file }].map((step) => step.service)
    this.#context.findings.addAtKey(`Services extend each other in a circle: ${circle.join(' -> ')}`, at, { path })
    return true
  }
}
