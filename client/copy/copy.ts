/** `cp`: between this machine and the containers of a service. */
import { lstatSync, readlinkSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import type { PathInfo } from '../../protocol/resources/files.ts'
import type { CopyTarget } from '../../protocol/resources/session.ts'
import type { CopyPlace, DaemonFrame } from '../../protocol/session.ts'
import type { Api } from '../api.ts'
import { rawInput } from '../cli/raw-input.ts'
import { RawOutput } from '../cli/raw-output.ts'
import type { Session, SessionHandlers, SessionOpen } from '../session.ts'
import { tarOfEntries } from '../tar.ts'
import { entriesBelow, localSource } from './pack.ts'
import { type CopyEnd, copyEnd, meansFolder, nameOf, placeOf, type TargetPath } from './places.ts'
import { Unpacker } from './unpack.ts'

export interface Copying {
  readonly api: Api
  readonly stack: () => Promise<string>
  readonly warn: (message: string) => void
  readonly say: (line: string) => void
}

export interface CopyWish {
  readonly source: string
  readonly target: string
  /** Containers that `run` made count as well. */
  readonly all: boolean
  readonly owners: 'default' | 'keep'
  readonly links: 'follow' | 'keep'
  readonly index: number | undefined
}

type ServiceEnd = Extract<CopyEnd, { kind: 'service' }>
type LocalEnd = Exclude<CopyEnd, { kind: 'service' }>
type Started = Extract<DaemonFrame, { type: 'started' }>

export async function copy(copying: Copying, wish: CopyWish): Promise<void> {
  const from = copyEnd(wish.source)
  const to = copyEnd(wish.target)
  if (from.kind === 'service' && to.kind === 'service') {
    throw new Problem('bad-request', 'copying between services is not supported', {
      hint: 'copy by way of this machine',
    })
  }
  if (from.kind === 'service') await new Copy(copying, wish, await copying.stack()).out(from, to as LocalEnd)
  else if (to.kind === 'service') await new Copy(copying, wish, await copying.stack()).into(from, to)
  else throw new Problem('bad-request', 'unknown copy direction', { hint: 'one side is to be SERVICE:PATH' })
}

/** Takes the bytes of a tar; a promise is waited for. */
type Take = (pieces: readonly Uint8Array[]) => Promise<void> | undefined

class Copy {
  readonly #copying: Copying
  readonly #wish: CopyWish
  readonly #stack: string

  constructor(copying: Copying, wish: CopyWish, stack: string) {
    this.#copying = copying
    this.#wish = wish
    this.#stack = stack
  }

  async out(from: ServiceEnd, to: LocalEnd): Promise<void> {
    if (to.kind === 'local') mustHaveParent(to.path)
    const { links, target: here } = this.#wish
    let taking: { readonly take: Take; readonly finish: () => void; readonly close: () => void } | undefined
    let what = ''
    const session = await this.#session(
      'copyOut',
      { type: 'copy-out', target: this.#target(from), path: from.path, links },
      {
        data: (_, pieces) => taking?.take(pieces),
        started: ({ container, copy: place }) => {
          what = this.#say(container, `copy ${container}:${from.path} to ${here}`)
          taking = to.kind === 'stream' ? toStream() : this.#toFiles(from.path, to.path, place!.info!)
        },
      },
    )
    try {
      await session.exitCode
      taking?.finish()
    } finally {
      taking?.close()
      session.close()
    }
    this.#copying.say(`${what} Copied`)
  }

  #toFiles(source: string, path: string, info: PathInfo) {
    // A path that ends in a slash has been followed by the Engine.
    const kind = info.kind === 'folder' || (info.kind === 'link' && meansFolder(source)) ? 'folder' : 'other'
    const place = placeOf({ kind, name: nameOf(source) }, localTarget(path))
    const owners = this.#wish.owners === 'keep' ? 'keep' : 'mine'
    const unpacker = new Unpacker({ ...place, owners, warn: this.#copying.warn })
    const take: Take = (pieces) => {
      for (const bytes of pieces) unpacker.feed(bytes)
      return undefined
    }
    return { take, finish: () => unpacker.finish(), close: () => unpacker.close() }
  }

  /** Into each container of the service. The first one's session tells of the others. */
  async into(from: LocalEnd, to: ServiceEnd): Promise<void> {
    let others: Promise<unknown> | undefined
    await this.#intoOne(from, to, this.#target(to), ({ others: ids }) => {
      if (ids.length === 0) return
      // Input can be read only once, so that there is one container for it or none.
      if (from.kind === 'stream') {
        throw new Problem(
          'bad-request',
          `service "${to.service}" has ${ids.length + 1} containers, and one stream serves one`,
          { hint: 'name one with --index' },
        )
      }
      others = Promise.all(ids.map((container) => this.#intoOne(from, to, { container }, () => {})))
      others.catch(() => {})
    })
    await others
  }

  async #intoOne(
    from: LocalEnd,
    { path, service }: ServiceEnd,
    target: CopyTarget,
    begun: (place: CopyPlace) => void,
  ): Promise<void> {
    const owners = this.#wish.owners === 'keep' ? 'container' : 'archive'
    let hasStarted: (frame: Started) => void = () => {}
    const started = new Promise<Started>((resolve) => {
      hasStarted = resolve
    })
    const session = await this.#session(
      'copyIn',
      { type: 'copy-in', target, path, owners },
      { data: () => undefined, started: hasStarted },
    )
    try {
      // A refusal comes instead.
      const { container, copy: place } = await Promise.race([started, session.exitCode.then(neverBegan)])
      begun(place!)
      const { folder, tar } = this.#source(from, place!, `${container}:${path}`, service)
      const what = this.#say(container, `copy ${this.#wish.source} to ${container}:${path}`)
      session.send({ type: 'into', path: folder })
      // The next chunk is read while the last one goes.
      let sent: Promise<boolean> | undefined
      for await (const chunk of tar) {
        if ((await sent) === false) break
        sent = session.write(chunk)
      }
      await sent
      session.send({ type: 'stdin-end' })
      await session.exitCode
      this.#copying.say(`${what} Copied`)
    } finally {
      session.close()
    }
  }

  /** The folder that the tar is for, and the tar. */
  #source(from: LocalEnd, { path, info }: CopyPlace, where: string, service: string) {
    const kind = info === null ? 'missing' : info.kind === 'folder' ? 'folder' : 'other'
    if (from.kind === 'stream') {
      if (kind === 'folder') return { folder: path, tar: rawInput() }
      throw new Problem('bad-request', `destination "${where}" must be a directory`, {
        hint: `make it: evenkeel exec ${service} mkdir -p ${where.slice(where.indexOf(':') + 1)}`,
      })
    }
    const source = localSource(from.path, this.#wish.links)
    const place = placeOf(source, { path, kind })
    const entries = entriesBelow(source.path, place.name, this.#copying.warn)
    return { folder: place.folder, tar: tarOfEntries(entries, 'until the next but one') }
  }

  #target({ service }: ServiceEnd): CopyTarget {
    const { all, index } = this.#wish
    return { service, all, ...(index === undefined ? {} : { index }) }
  }

  #session(name: 'copyOut' | 'copyIn', open: SessionOpen, handlers: SessionHandlers): Promise<Session> {
    return this.#copying.api.session(name, { stack: this.#stack }, open, handlers)
  }

  /** Answers what it says, for the end. */
  #say(container: string, what: string): string {
    const line = `${container} ${what}`
    this.#copying.say(`${line} Copying`)
    return line
  }
}

function neverBegan(): never {
  throw new Problem('internal', 'the copy ended before it began')
}

function toStream() {
  const output = new RawOutput(1)
  return { take: (pieces: readonly Uint8Array[]) => output.write(pieces), finish: () => {}, close: () => {} }
}

function mustHaveParent(path: string): void {
  const folder = dirname(resolve(path))
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  throw new Problem('bad-request', `invalid output path: directory "${folder}" does not exist`, {
    hint: 'make it first',
  })
}

/** Links that the caller has here are the caller's own, and are followed: also one that leads to nothing yet. */
function localTarget(path: string, depth = 0): TargetPath {
  const absolute = resolve(path)
  const end = meansFolder(path) && absolute !== '/' ? `${absolute}/` : absolute
  const stats = statSync(absolute, { throwIfNoEntry: false })
  if (stats?.isDirectory() === true) return { path: absolute, kind: 'folder' }
  const isLink = lstatSync(absolute, { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (isLink && depth < LINKS_LIMIT) {
    return localTarget(resolve(dirname(absolute), readlinkSync(absolute)), depth + 1)
  }
  return { path: stats === undefined ? end : absolute, kind: stats === undefined ? 'missing' : 'other' }
}

const LINKS_LIMIT = 10
