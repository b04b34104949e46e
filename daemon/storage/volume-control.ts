/** Volumes of stacks, beside the loop: listed, removed by name, protected, carried away as a tar and brought back. */

import { pipeline, type Readable } from 'node:stream'
import { pipeline as piped } from 'node:stream/promises'
import { formatBytes } from '../../protocol/bytes.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Volume, VolumeImport, VolumeImportOptions } from '../../protocol/resources/volume.ts'
import type { ContainerSummary, VolumeInfo } from '../engine/types.ts'
import type { Caller } from '../reconcile/control.ts'
import type { Core } from '../reconcile/core.ts'
import { makeVolume } from '../reconcile/perform/volumes.ts'
import { containerName } from '../stack/container-name.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import { TarWatch } from './tar-watch.ts'
import { RootEntry, VolumeHelper } from './volume-helper.ts'

/** Reading for a person who waits: no longer than this. */
const READ_MS = 20_000

/** What it needs of the core. */
type VolumeCore = Pick<Core, 'engine' | 'store' | 'observer' | 'desired' | 'recorder' | 'clock' | 'log'>

export class VolumeControl {
  readonly #core: VolumeCore
  readonly #importing = new Set<string>()

  constructor(core: VolumeCore) {
    this.#core = core
  }

  /** By stack and name. */
  async list(stack: string | undefined): Promise<Volume[]> {
    const { engine, observer } = this.#core
    const signal = AbortSignal.timeout(READ_MS)
    const label = [stack === undefined ? COMPOSE.project : `${COMPOSE.project}=${stack}`]
    const [infos, containers, sizes] = await Promise.all([
      engine.volumes.list({ filters: { label } }, { signal }),
      engine.containers.list({ all: true }, { signal }),
      observer.sizes(signal),
    ])
    const marks = new Set(this.#core.store.memory.keys('protected'))
    return infos
      .filter((info) => this.#isOfStack(info))
      .map((info) => volumeOf(info, { containers, sizes, marks }))
      .sort((a, b) => order(a.stack, b.stack) || order(a.name, b.name))
  }

  async inspect(name: string): Promise<Volume> {
    const info = await this.#mustFind(name)
    const signal = AbortSignal.timeout(READ_MS)
    const [containers, sizes] = await Promise.all([this.#users(name), this.#core.observer.sizes(signal)])
    return volumeOf(info, { containers, sizes, marks: new Set(this.#core.store.memory.keys('protected')) })
  }

  /** The stack that it belongs to, or that declares it where it is missing. */
  async stackOf(name: string): Promise<string | undefined> {
    try {
      const info = await this.#find(name)
      return info === undefined ? this.#declaration(name)?.stack : stackOf(info)
    } catch (error) {
      if (error instanceof Problem && error.code === 'volume-not-found') return undefined
      throw error
    }
  }

  /** With its data, for good. */
  async remove(name: string, caller: Caller): Promise<void> {
    const { engine, store } = this.#core
    const info = await this.#mustFind(name)
    if (store.memory.keys('protected').includes(name)) {
      throw new Problem('volume-protected', `volume ${name} is protected`, {
        hint: `if its data may go: evenkeel volume unprotect ${name}`,
      })
    }
    const stack = stackOf(info)
    const users = await this.#users(name)
    if (users.length > 0 || this.#importing.has(name)) throw inUse(name, stack, users)
    try {
      await engine.volumes.remove(name, {})
    } catch (error) {
      if (error instanceof Problem && error.engine?.status === 409) throw inUse(name, stack, await this.#users(name))
      throw error
    }
    // Somebody named it: that it is gone holds the stack up no more.
    store.memory.forget(stack, 'volume', name)
    this.#say(stack, 'volume.removed', `volume ${name} was removed by ${caller.name}`)
  }

  async protect(name: string, caller: Caller): Promise<Volume> {
    const { store } = this.#core
    const stack = stackOf(await this.#mustFind(name))
    store.transaction(() => store.memory.set(stack, 'protected', name, 'command'))
    this.#say(stack, 'volume.protected', `volume ${name} was protected by ${caller.name}`)
    return this.inspect(name)
  }

  async unprotect(name: string, caller: Caller): Promise<Volume> {
    const { store } = this.#core
    const stack = stackOf(await this.#mustFind(name))
    store.transaction(() => {
      // Another stack that uses it may be the one whose file says so.
      for (const { name: other } of store.stacks.all()) store.memory.forget(other, 'protected', name)
      store.memory.forget(stack, 'protected', name)
    })
    this.#say(stack, 'volume.unprotected', `volume ${name} was unprotected by ${caller.name}`)
    return this.inspect(name)
  }

  /** A tar of what it holds. Whoever stops reading ends it. */
  async export(name: string): Promise<Readable> {
    const helper = await this.#helper(await this.#mustFind(name), 'read')
    const watch = new TarWatch()
    try {
      pipeline(await helper.read(), watch, () => void this.#putAway(helper))
    } catch (error) {
      await this.#putAway(helper)
      throw error
    }
    return watch
  }

  async import(name: string, tar: Readable, options: VolumeImportOptions, caller: Caller): Promise<VolumeImport> {
    if (this.#importing.has(name)) {
      throw new Problem('volume-in-use', `something is brought into volume ${name} already`, { hint: 'wait for it' })
    }
    this.#importing.add(name)
    try {
      return await this.#import(name, tar, options, caller)
    } finally {
      this.#importing.delete(name)
    }
  }

  async #import(name: string, tar: Readable, options: VolumeImportOptions, caller: Caller): Promise<VolumeImport> {
    const found = await this.#find(name)
    const info = found ?? (await this.#make(name))
    const stack = stackOf(info)
    try {
      const running = (await this.#users(name)).filter(({ State }) => State === 'running' || State === 'paused')
      if (running.length > 0) {
        throw new Problem('volume-in-use', `volume ${name} is in use by what runs: ${namesOf(running)}`, {
          hint: `stop it first: evenkeel -p ${stack} stop`,
        })
      }
      const written = await this.#write(info, tar, options)
      this.#say(stack, 'volume.imported', `${written.bytes} bytes were brought into volume ${name} by ${caller.name}`)
      return { volume: name, ...written, created: found === undefined }
    } catch (error) {
      if (found === undefined) await this.#core.engine.volumes.remove(name, {}).catch(() => this.#leftBehind(name))
      throw error
    }
  }

  async #write(info: VolumeInfo, tar: Readable, { sha256, into }: VolumeImportOptions) {
    const helper = await this.#helper(info, 'write')
    try {
      if (into === 'empty' && !(await helper.isEmpty())) {
        throw new Problem('conflict', `volume ${info.Name} is not empty`, {
          hint: `for a volume that holds just the archive: evenkeel -p ${stackOf(info)} down; evenkeel volume rm ${info.Name}; then import again. To write over what is there: --merge`,
        })
      }
      const root = new RootEntry()
      const watch = new TarWatch((chunk) => root.see(chunk))
      await unpack(helper, tar, watch, into)
      if (root.attributes !== undefined) await helper.setRoot(root.attributes)
      if (sha256 !== undefined && sha256 !== watch.sha256) {
        throw new Problem('archive-damaged', `the archive is not the one you named: its SHA-256 is ${watch.sha256}`, {
          hint: `volume ${info.Name} holds what came, unless it was made for this: do not use it as it is`,
        })
      }
      return { bytes: watch.bytes, sha256: watch.sha256 }
    } finally {
      await this.#putAway(helper)
    }
  }

  /** Images that are surely here come first: those of containers that use the volume, then the stack's, then any. */
  async #helper(info: VolumeInfo, access: 'read' | 'write'): Promise<VolumeHelper> {
    const { engine, store, observer } = this.#core
    const [users, siblings, all] = await Promise.all([
      this.#users(info.Name),
      observer.containers(stackOf(info)),
      engine.images.list({}),
    ])
    const images = [
      ...[...users, ...siblings].map((container) => container.ImageID),
      ...all.map((image) => String(image.Id)),
    ]
    return VolumeHelper.create(engine, {
      volume: info.Name,
      access,
      images: [...new Set(images)],
      instance: store.instance,
    })
  }

  /** Never rejects: what it was for has ended, one way or the other. */
  async #putAway(helper: VolumeHelper): Promise<void> {
    try {
      await helper.remove()
    } catch (error) {
      this.#core.log.warn({ err: error }, 'the container through which a volume was reached stays until the next start')
    }
  }

  #leftBehind(name: string): void {
    this.#core.log.warn({ volume: name }, 'a volume that was made for an import which failed stays')
  }

  /** As its stack declares it, where one does. */
  async #make(name: string): Promise<VolumeInfo> {
    const { store, engine } = this.#core
    const declaration = this.#declaration(name)
    if (declaration === undefined) throw notFound(name)
    const { stack, declared, models } = declaration
    await makeVolume(stack, declared, models, { engine, store }, AbortSignal.timeout(READ_MS))
    return engine.volumes.inspect(name)
  }

  #declaration(name: string) {
    const { store, desired } = this.#core
    for (const row of store.stacks.all()) {
      const numbers = new Set([row.revision, ...store.stacks.services(row.name).map(({ revision }) => revision)])
      const models = [...numbers].flatMap((number) => store.revisions.find(row.name, number)?.model ?? [])
      // One whose definition was lost declares nothing.
      if (models.length < numbers.size) continue
      const declared = desired.read(row.name)?.volumes.find((volume) => volume.name === name && !volume.external)
      if (declared !== undefined) return { stack: row.name, declared, models }
    }
    return undefined
  }

  #users(name: string): Promise<ContainerSummary[]> {
    return this.#core.engine.containers.list({ all: true, filters: { volume: [name] } })
  }

  async #mustFind(name: string): Promise<VolumeInfo> {
    const info = await this.#find(name)
    if (info === undefined) throw notFound(name)
    return info
  }

  /** Undefined where there is none. One that is nobody's here is not touched. */
  async #find(name: string): Promise<VolumeInfo | undefined> {
    let info: VolumeInfo
    try {
      info = await this.#core.engine.volumes.inspect(name)
    } catch (error) {
      if (error instanceof Problem && error.engine?.status === 404) return undefined
      throw error
    }
    if (this.#isOfStack(info)) return info
    throw new Problem('volume-not-found', `volume ${name} is of no stack of this daemon`, {
      hint: `see: evenkeel volume ls. What others made is theirs: docker volume inspect ${name}`,
    })
  }

  /** Ours, or made by Compose for a project that is a stack of ours now. */
  #isOfStack({ Labels }: VolumeInfo): boolean {
    if (Labels?.[COMPOSE.volume] === undefined || Labels[COMPOSE.project] === undefined) return false
    const maker = Labels[OURS.instance]
    if (maker !== undefined) return maker === this.#core.store.instance
    return this.#core.store.stacks.find(Labels[COMPOSE.project]!) !== undefined
  }

  #say(stack: string, type: string, message: string): void {
    const { recorder, clock } = this.#core
    recorder.record({ at: clock.now().toISOString(), stack, type, message, attributes: {} })
  }
}

/** What was wrong with the archive counts, not what the Engine said when it got no more of it. */
async function unpack(helper: VolumeHelper, tar: Readable, watch: TarWatch, into: 'empty' | 'merge'): Promise<void> {
  const flow = piped(tar, watch)
  const written = helper.write(watch)
  const [came, unpacked] = await Promise.allSettled([
    flow,
    written.catch((error: unknown) => {
      watch.destroy(error as Error)
      throw error
    }),
  ])
  const failed = [unpacked, came].find((part) => part.status === 'rejected')
  const reason: unknown = watch.problem ?? failed?.reason
  if (reason === undefined) return
  if (watch.bytes === 0 || !(reason instanceof Problem)) throw reason
  throw new Problem(reason.code, reason.message, {
    hint: `${reason.hint === undefined ? '' : `${reason.hint}. `}The volume may hold a part of it${into === 'empty' ? '' : ', over what was there'} (${formatBytes(watch.bytes)} came)`,
    engine: reason.engine,
    cause: reason,
  })
}

function volumeOf(
  info: VolumeInfo,
  known: {
    readonly containers: readonly ContainerSummary[]
    readonly sizes: ReadonlyMap<string, number>
    readonly marks: ReadonlySet<string>
  },
): Volume {
  const sizeBytes = known.sizes.get(info.Name)
  return {
    name: info.Name,
    stack: stackOf(info),
    key: info.Labels?.[COMPOSE.volume] ?? '',
    driver: info.Driver,
    ...(info.CreatedAt === undefined ? {} : { createdAt: info.CreatedAt }),
    mountpoint: info.Mountpoint,
    options: { ...info.Options },
    labels: { ...info.Labels },
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    protected: known.marks.has(info.Name),
    usedBy: known.containers
      .filter(({ Mounts }) => Mounts.some((mount) => mount.Type === 'volume' && mount.Name === info.Name))
      .map((container) => ({ container: containerName(container), state: container.State })),
  }
}

const stackOf = (info: VolumeInfo): string => info.Labels?.[COMPOSE.project] ?? ''
const namesOf = (containers: readonly ContainerSummary[]): string => containers.map(containerName).join(', ')
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const notFound = (name: string) =>
  new Problem('volume-not-found', `there is no volume ${name}`, { hint: 'see: evenkeel volume ls' })

function inUse(name: string, stack: string, users: readonly ContainerSummary[]): Problem {
  const by = users.length === 0 ? '' : ` by ${namesOf(users)}`
  return new Problem('volume-in-use', `volume ${name} is in use${by}`, {
    hint: `remove what uses it first: evenkeel -p ${stack} down`,
  })
}
