/** Files in a stack's containers: looked at, taken out, put in. */
import type { Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'
import type { PathAnswer, PathInfo, PathQuery, PutFilesQuery } from '../../protocol/resources/files.ts'
import type { ArchiveWriter, Engine, PathStat, PutArchiveQuery } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { Caller } from './control.ts'
import { isStatus } from './perform/engine-answers.ts'

export class ContainerFiles {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async look(stack: string, container: string, { path }: PathQuery, caller: Caller): Promise<PathAnswer> {
    const id = await this.#ofStack(stack, container, caller)
    try {
      return { path, info: infoOf(await this.#engine.containers.statPath(id, path)) }
    } catch (error) {
      if (isStatus(error, 404)) return { path, info: null }
      throw error
    }
  }

  /** A tar, as fast as it is read. */
  async get(stack: string, container: string, { path }: PathQuery, caller: Caller): Promise<Readable> {
    const id = await this.#ofStack(stack, container, caller)
    return (await this.#engine.containers.getArchive(id, path)).tar
  }

  /** As {@link get}: each chunk is there until the next one is asked for. */
  async read(
    stack: string,
    container: string,
    { path }: PathQuery,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    return this.#engine.containers.readArchive(await this.#ofStack(stack, container, caller), path, { signal })
  }

  /** As {@link put}. */
  async write(
    stack: string,
    container: string,
    { path, owners }: PutFilesQuery,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<ArchiveWriter> {
    const id = await this.#ofStack(stack, container, caller)
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
    const id = await this.#ofStack(stack, container, caller)
    await this.#engine.containers.putArchive(id, archiveQuery(path, owners), tar)
    return { path, info: infoOf(await this.#engine.containers.statPath(id, path)) }
  }

  /** Who may reach into one stack may not reach into another's containers by naming them. */
  async #ofStack(stack: string, container: string, { policy }: Caller): Promise<string> {
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
    return found.Id
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
