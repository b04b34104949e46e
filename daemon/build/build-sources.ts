/** The folders that a build reads, opened: its context, its Dockerfile, and the contexts beside it. */
import { posix } from 'node:path'
import { contextSource, INLINE_DOCKERFILE } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { BuildOrder } from './build-order.ts'
import { contextName, localName } from './buildkit/solve-options.ts'
import type { ContextStore } from './context-store.ts'
import { below, type FileTree, find, textOf, treeOfTexts, without } from './file-tree.ts'
import { TarTree } from './tar-tree.ts'

export interface BuildSources {
  /** By the name that BuildKit asks for. */
  readonly folders: ReadonlyMap<string, FileTree>
  readonly dockerfile: string
  readonly dockerfileFrom: 'default' | 'session'
  /** Whether the Dockerfile names a frontend of its own (`# syntax=`). */
  readonly hasSyntaxLine: boolean
  close(): Promise<void>
}

export async function openSources(order: BuildOrder, contexts: ContextStore): Promise<BuildSources> {
  const opened: TarTree[] = []
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((tree) => tree.close()))
  }
  const open = async (id: string): Promise<TarTree> => {
    const tree = await TarTree.open(await contexts.locate(id))
    opened.push(tree)
    return tree
  }
  try {
    const folders = new Map<string, FileTree>()
    const context = await openContext(order, open)
    if (context !== undefined) folders.set('context', without(context, HIDDEN))
    const dockerfile = await dockerfileOf(order, context)
    if (dockerfile !== undefined) folders.set('dockerfile', dockerfile.tree)
    for (const [key, value] of Object.entries(order.build.additional_contexts ?? {})) {
      if (contextSource(value).kind !== 'folder') continue
      const id = order.additionalContextIds[key]
      if (id === undefined) throw notSent(order.service, `the context ${key}`)
      folders.set(localName(contextName(key)), await open(id))
    }
    return {
      folders,
      dockerfile: dockerfile?.name ?? order.build.dockerfile ?? 'Dockerfile',
      dockerfileFrom: dockerfile !== undefined && context === undefined ? 'session' : 'default',
      hasSyntaxLine: dockerfile !== undefined && (await hasSyntaxLine(dockerfile)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the client puts into a context that is not of it. */
const HIDDEN: ReadonlySet<string> = new Set([INLINE_DOCKERFILE, `${INLINE_DOCKERFILE}.dockerignore`])

async function openContext(order: BuildOrder, open: (id: string) => Promise<TarTree>): Promise<TarTree | undefined> {
  if (order.contextId !== undefined) return open(order.contextId)
  if (contextSource(order.build.context ?? '.').kind === 'url') return undefined
  throw notSent(order.service, 'the build context')
}

const notSent = (service: string, what: string): Problem =>
  new Problem('build-failed', `${what} of service ${service} was not sent`, {
    hint: 'bring the stack up with --build: the client sends it then',
  })

interface Dockerfile {
  readonly tree: FileTree
  readonly name: string
}

/** Undefined where the Engine fetches it with the context. */
async function dockerfileOf(order: BuildOrder, context: FileTree | undefined): Promise<Dockerfile | undefined> {
  const { dockerfile_inline: inline, dockerfile = 'Dockerfile' } = order.build
  if (inline !== undefined) return { tree: treeOfTexts({ Dockerfile: inline }), name: 'Dockerfile' }
  if (context === undefined) return undefined
  const outside = find(context, INLINE_DOCKERFILE)
  if (outside === undefined) {
    return { tree: below(context, posix.dirname(posix.normalize(dockerfile))), name: posix.basename(dockerfile) }
  }
  const ignore = find(context, `${INLINE_DOCKERFILE}.dockerignore`)
  const texts = {
    Dockerfile: await textOf(context, outside),
    ...(ignore === undefined ? {} : { 'Dockerfile.dockerignore': await textOf(context, ignore) }),
  }
  return { tree: treeOfTexts(texts), name: 'Dockerfile' }
}

async function hasSyntaxLine({ tree, name }: Dockerfile): Promise<boolean> {
  const entry = find(tree, name)
  if (entry?.kind !== 'file') return false
  for (const line of (await textOf(tree, entry)).split('\n')) {
    if (/^#\s*syntax\s*=\s*\S/i.test(line)) return true
    // Directives stand before anything else.
    if (!/^#\s*\w+\s*=/.test(line)) return false
  }
  return false
}
