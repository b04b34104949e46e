/**
 * Reaches into a volume through a container that is created and never started: the Engine's archive calls work on one,
 * so that its image needs no tool at all. Whatever happens, the container is removed.
 */
import { randomUUID } from 'node:crypto'
import { finished, type Readable } from 'node:stream'
import { extract, type Header, pack } from 'tar-stream'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import { OURS } from '../stack/labels.ts'

const FOLDER = '.evenkeel-volume'
const LABEL = 'dev.evenkeel.helper'
const REMOVE_MS = 60_000

export interface HelperOrder {
  readonly volume: string
  readonly access: 'read' | 'write'
  /** Ids or references of images that may be here, the best first. */
  readonly images: readonly string[]
  readonly instance: string
}

export class VolumeHelper {
  readonly #engine: Engine
  readonly #id: string

  private constructor(engine: Engine, id: string) {
    this.#engine = engine
    this.#id = id
  }

  static async create(engine: Engine, order: HelperOrder): Promise<VolumeHelper> {
    for (const image of order.images) {
      const name = `evenkeel-volume-${randomUUID().slice(0, 13)}`
      try {
        await engine.containers.create({ name }, bodyOf(image, order))
        return new VolumeHelper(engine, name)
      } catch (error) {
        // The answer may be what was lost: the container may be there.
        await removeHelper(engine, name)
        if (error instanceof Problem && error.engine?.status === 404) continue
        throw error
      }
    }
    throw new Problem('image-missing', 'the Engine has no image at all, and a volume is reached through a container', {
      hint: 'have any image there, such as that of the stack: evenkeel up, or docker pull busybox',
    })
  }

  /** All that the volume holds, as `./PATH`. */
  async read(): Promise<Readable> {
    return (await this.#engine.containers.getArchive(this.#id, `/${FOLDER}/.`)).tar
  }

  async isEmpty(): Promise<boolean> {
    const tar = await this.read()
    const entries = extract()
    finished(tar, () => {
      // What we have no more use for may end as it likes.
    })
    tar.pipe(entries)
    try {
      for await (const entry of entries) {
        const name = entry.header.name.replace(/^\.?\/*|\/+$/g, '')
        // What a file system of its own begins with.
        if (name !== '' && name !== '.' && name !== 'lost+found') return false
        entry.resume()
      }
      return true
    } finally {
      tar.destroy()
    }
  }

  async write(tar: Readable): Promise<void> {
    await this.#engine.containers.putArchive(this.#id, { path: `/${FOLDER}` }, tar)
  }

  /** The Engine leaves the folder that it unpacks into as it was: owner, mode and time of a volume's root come by themselves. */
  async setRoot({ mode, uid, gid, mtime }: RootAttributes): Promise<void> {
    const tar = pack()
    tar.entry({ name: `${FOLDER}/`, type: 'directory', mode, uid, gid, ...(mtime === undefined ? {} : { mtime }) })
    tar.finalize()
    await this.#engine.containers.putArchive(this.#id, { path: '/' }, tar as unknown as Readable)
  }

  async remove(): Promise<void> {
    await removeHelper(this.#engine, this.#id)
  }
}

export type RootAttributes = Required<Pick<Header, 'mode' | 'uid' | 'gid'>> & Pick<Header, 'mtime'>

/** Helpers that a daemon left which was killed before this one began. */
export async function sweepHelpers(engine: Engine, instance: string, startedAt: Date): Promise<void> {
  const label = [`${LABEL}=volume`, `${OURS.instance}=${instance}`]
  for (const { Id, Created } of await engine.containers.list({ all: true, filters: { label } }))
    if (Created * 1000 < startedAt.getTime() - 1000) await removeHelper(engine, Id)
}

async function removeHelper(engine: Engine, id: string): Promise<void> {
  try {
    await engine.containers.remove(id, { force: true, volumes: 'anonymous' }, { timeoutMs: REMOVE_MS })
  } catch (error) {
    // 404: it is gone, which is what was wanted. 409: its removal is under way.
    if (!(error instanceof Problem && (error.engine?.status === 404 || error.engine?.status === 409))) throw error
  }
}

/** `NoCopy`, or the Engine would fill an empty volume with what the image has there. */
function bodyOf(image: string, { volume, access, instance }: HelperOrder) {
  return {
    Image: image,
    Entrypoint: ['evenkeel'],
    Cmd: ['volume'],
    NetworkDisabled: true,
    Labels: { [LABEL]: 'volume', [OURS.instance]: instance },
    HostConfig: {
      NetworkMode: 'none',
      Mounts: [
        {
          Type: 'volume',
          Source: volume,
          Target: `/${FOLDER}`,
          ReadOnly: access === 'read',
          VolumeOptions: { NoCopy: true },
        },
      ],
    },
  }
}

/** How much of an archive is looked at for its first entry: names and attributes of any length that people use. */
const LOOK_BYTES = 64 * 1024

/** Reads the attributes of a volume's root off the first entry of a tar that goes by, where that is `./`. */
export class RootEntry {
  readonly #entries = extract()
  #left = LOOK_BYTES
  #attributes: RootAttributes | undefined

  constructor() {
    this.#entries.on('entry', ({ name, type, mode, uid, gid, mtime }, body) => {
      this.#left = 0
      body.resume()
      if (type !== 'directory' || name.replace(/\/+$/, '') !== '.') return
      this.#attributes = { mode: (mode ?? 0o755) & 0o7777, uid: uid ?? 0, gid: gid ?? 0, ...(mtime && { mtime }) }
    })
    // A compressed archive shows nothing here; what is wrong with one is told by whoever unpacks it.
    this.#entries.on('error', () => {
      this.#left = 0
    })
  }

  /** Undefined where the archive says nothing of it. */
  get attributes(): RootAttributes | undefined {
    return this.#attributes
  }

  see(chunk: Buffer): void {
    if (this.#left <= 0) return
    this.#left -= chunk.length
    this.#entries.write(chunk.subarray(0, LOOK_BYTES))
  }
}
