/** Files in a stack's containers: looked at, taken out, put in. */
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'
import type { PathAnswer, PathInfo, PathQuery, PutFilesQuery } from '../../protocol/resources/files.ts'
import type { CopyTarget } from '../../protocol/resources/session.ts'
import type { ArchiveWriter, ContainerInspect, Engine, PathStat, PutArchiveQuery } from '../engine/types.ts'
import { chooseForCopy } from '../stack/choose-container.ts'
import { containerName } from '../stack/container-name.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { Caller } from './control.ts'
import type { Core } from './core.ts'
import { isStatus } from './perform/engine-answers.ts'

/** The container of a copy. It is the caller's to reach into: what takes one asks no more. */
export interface CopiedContainer {
  readonly id: string
  readonly name: string
  readonly service: string
  /** Ids of the target's other containers. */
  readonly others: readonly string[]
}

export class ContainerFiles {
  readonly #engine: Engine
  readonly #observer: Core['observer']

  constructor({ engine, observer }: Pick<Core, 'engine' | 'observer'>) {
    this.#engine = engine
    this.#observer = observer
  }

  async look(stack: string, container: string, { path }: PathQuery, caller: Caller): Promise<PathAnswer> {
    const { Id } = await this.#ofStack(stack, container, caller)
    return { path, info: await this.#info(Id, path) }
  }

  /** A tar, as fast as it is read. */
  async get(stack: string, container: string, { path }: PathQuery, caller: Caller): Promise<Readable> {
    const { Id } = await this.#ofStack(stack, container, caller)
    return (await this.#engine.containers.getArchive(Id, path)).tar
  }

  async choose(stack: string, target: CopyTarget, caller: Caller, signal: AbortSignal): Promise<CopiedContainer> {
    if ('container' in target) {
      const { Id, Name, Config } = await this.#ofStack(stack, target.container, caller)
      return { id: Id, name: Name.replace(/^\//, ''), service: Config.Labels[COMPOSE.service] ?? '', others: [] }
    }
    const [chosen, ...others] = chooseForCopy(await this.#observer.containers(stack, signal), target)
    // Only for who is bound by it: it takes a call more.
    caller.policy?.checkContainer(await this.#engine.containers.inspect(chosen.Id, { signal }))
    return {
      id: chosen.Id,
      name: containerName(chosen),
      service: target.service,
      others: others.map(({ Id }) => Id),
    }
  }

  /** What a path is; where it is a link, what that leads to. */
  async follow(id: string, path: string, signal: AbortSignal): Promise<PathAnswer> {
    const info = await this.#info(id, path, signal)
    if (info?.kind !== 'link') return { path, info }
    const target = posix.resolve(posix.dirname(posix.normalize(path)), info.linkTarget)
    return { path: target, info: await this.#info(id, target, signal) }
  }

  /** As {@link get}: each chunk is there until the next one is asked for. */
  async read(
    { id, name, service }: CopiedContainer,
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly info: PathInfo; readonly chunks: AsyncIterable<Uint8Array> }> {
    try {
      const { stat, chunks } = await this.#engine.containers.readArchive(id, path, { signal })
      return { info: infoOf(stat), chunks }
    } catch (error) {
      if (!isStatus(error, 404)) throw error
      throw new Problem('bad-request', `Could not find the file ${path} in container ${name}`, {
        hint: `see what is there: evenkeel exec ${service} ls ${posix.dirname(path)}`,
        cause: error,
      })
    }
  }

  /** As {@link put}. */
  async write(id: string, { path, owners }: PutFilesQuery, signal: AbortSignal): Promise<ArchiveWriter> {
    return this.#engine.containers.writeArchive(id, archiveQuery(path, owners), { signal })
  }

  /** A folder never takes the place of a file, nor a file that of a folder. */
  async put(
    stack: string,
    container: string,
    { path, owners }: PutFilesQuery,
    tar: Readable,
    caller: Caller,
  ): Promise<PathAnswer> {
    const { Id } = await this.#ofStack(stack, container, caller)
    await this.#engine.containers.putArchive(Id, archiveQuery(path, owners), tar)
    return { path, info: infoOf(await this.#engine.containers.statPath(Id, path)) }
  }

  async #info(id: string, path: string, signal?: AbortSignal): Promise<PathInfo | null> {
    try {
      return infoOf(await this.#engine.containers.statPath(id, path, { signal }))
    } catch (error) {
      if (isStatus(error, 404)) return null
      throw error
    }
  }

  /** Who may reach into one stack may not reach into another's containers by naming them. */
  async #ofStack(stack: string, container: string, { policy }: Caller): Promise<ContainerInspect> {
    const none = (cause?: unknown) =>
      new Problem('container-not-found', `stack ${stack} has no container ${container}`, {
        hint: 'see what is there: evenkeel ps -a',
        cause,
      })
    const found = await this.#engine.containers.inspect(container).catch((error: unknown) => {
      throw isStatus(error, 404) ? none(error) : error
    })
    if (found.Config.Labels[COMPOSE.project] !== stack) throw none()
    policy?.checkContainer(found)
    return found
  }
}

const archiveQuery = (path: string, owners: PutFilesQuery['owners']): PutArchiveQuery => ({
  path,
  noOverwriteDirNonDir: true,
  copyUidGid: owners === 'container',
})

/** Bits of Go's `os.FileMode`. */
const FOLDER = 2 ** 31
const LINK = 2 ** 27
const SPECIAL = 2 ** 26 + 2 ** 25 + 2 ** 24 + 2 ** 21 + 2 ** 19

function infoOf({ mode, size, linkTarget }: PathStat): PathInfo {
  const has = (bits: number) => (BigInt(mode) & BigInt(bits)) !== 0n
  const kind = has(FOLDER) ? 'folder' : has(LINK) ? 'link' : has(SPECIAL) ? 'other' : 'file'
  return { kind, size, linkTarget }
}
