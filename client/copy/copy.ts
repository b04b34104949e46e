/** `cp`: between this machine and the containers of a service. */
import { lstatSync, readlinkSync, statSync } from 'node:fs'
import { dirname, posix, resolve } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import type { Container } from '../../protocol/resources/container.ts'
import type { PathInfo } from '../../protocol/resources/files.ts'
import type { Api } from '../api.ts'
import { rawInput } from '../cli/raw-input.ts'
import { tarOfEntries } from '../tar.ts'
import { entriesBelow, localSource } from './pack.ts'
import { type CopyEnd, type CopyTarget, copyEnd, meansFolder, nameOf, placeOf } from './places.ts'
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

export async function copy(copying: Copying, wish: CopyWish): Promise<void> {
  const from = copyEnd(wish.source)
  const to = copyEnd(wish.target)
  if (from.kind === 'service' && to.kind === 'service') {
    throw new Problem('bad-request', 'copying between services is not supported', {
      hint: 'copy by way of this machine',
    })
  }
  if (from.kind !== 'service' && to.kind !== 'service') {
    throw new Problem('bad-request', 'unknown copy direction', { hint: 'one side is to be SERVICE:PATH' })
  }
  const stack = await copying.stack()
  const { service } = from.kind === 'service' ? from : (to as ServiceEnd)
  const containers = await containersOf(copying.api, stack, service, wish)
  const told = async (container: Container, what: string, work: Promise<void>) => {
    copying.say(`${container.name} ${what} Copying`)
    await work
    copying.say(`${container.name} ${what} Copied`)
  }
  if (from.kind === 'service') {
    const [container] = containers
    const what = `copy ${container!.name}:${from.path} to ${wish.target}`
    await told(container!, what, new Outward(copying, stack, container!, wish).copy(from.path, to as LocalEnd))
    return
  }
  const target = to as ServiceEnd
  // Input can be read only once, so that there is one container for it or none.
  if (from.kind === 'stream' && containers.length > 1) {
    throw new Problem(
      'bad-request',
      `service "${service}" has ${containers.length} containers, and one stream serves one`,
      {
        hint: 'name one with --index',
      },
    )
  }
  await Promise.all(
    containers.map((container) =>
      told(
        container,
        `copy ${wish.source} to ${container.name}:${target.path}`,
        new Inward(copying, stack, container, wish).copy(from as LocalEnd, target.path),
      ),
    ),
  )
}

/** The containers that Compose would take: one to read from, all of them to write to. */
async function containersOf(api: Api, stack: string, service: string, { all, index }: CopyWish): Promise<Container[]> {
  const { containers } = await api.call('containers', { stack }).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'stack-not-found') return { containers: [] }
    throw error
  })
  const found = containers
    .filter((container) => container.service === service && (!container.oneOff || (all && index === undefined)))
    .filter((container) => index === undefined || container.replica === index)
    .sort((a, b) => Number(a.oneOff) - Number(b.oneOff) || a.replica - b.replica)
  if (found.length > 0) return found
  throw new Problem(
    'container-not-found',
    index === undefined
      ? `no container found for service "${service}"`
      : `service "${service}" is not running container #${index}`,
    { hint: 'see what is there: evenkeel ps -a' },
  )
}

/** What the two directions share: looking at a path in a container. */
class InContainer {
  readonly copying: Copying
  readonly params: { readonly stack: string; readonly container: string }
  readonly container: Container
  readonly wish: CopyWish

  constructor(copying: Copying, stack: string, container: Container, wish: CopyWish) {
    this.copying = copying
    this.params = { stack, container: container.id }
    this.container = container
    this.wish = wish
  }

  async look(path: string): Promise<PathInfo | null> {
    return (await this.copying.api.call('lookAtPath', this.params, undefined, { path })).info
  }

  /** Where a link leads; any other path as it is. */
  async followed(path: string): Promise<{ path: string; info: PathInfo | null }> {
    const info = await this.look(path)
    if (info?.kind !== 'link') return { path, info }
    const target = posix.resolve(posix.dirname(posix.normalize(path)), info.linkTarget)
    return { path: target, info: await this.look(target) }
  }
}

class Outward extends InContainer {
  async copy(path: string, to: LocalEnd): Promise<void> {
    if (to.kind === 'local') mustHaveParent(to.path)
    const source = this.wish.links === 'follow' ? await this.followed(path) : { path, info: await this.look(path) }
    if (source.info === null) {
      throw new Problem('bad-request', `Could not find the file ${path} in container ${this.container.name}`, {
        hint: `see what is there: evenkeel exec ${this.container.service} ls ${posix.dirname(path)}`,
      })
    }
    if (to.kind === 'stream') {
      const { RawOutput } = await import('../cli/raw-output.ts')
      const output = new RawOutput(1)
      await this.#take(source.path, (pieces) => output.write(pieces))
      return
    }
    // A path that ends in a slash has been followed by the Engine.
    const kind =
      source.info.kind === 'folder' || (source.info.kind === 'link' && meansFolder(path)) ? 'folder' : 'other'
    const place = placeOf({ kind, name: nameOf(path) }, localTarget(to.path))
    const { warn } = this.copying
    const owners = this.wish.owners === 'keep' ? 'keep' : 'mine'
    const unpacker = new Unpacker({ ...place, owners, warn })
    try {
      await this.#take(source.path, (pieces) => {
        for (const bytes of pieces) unpacker.feed(bytes)
        return undefined
      })
      unpacker.finish()
    } finally {
      unpacker.close()
    }
  }

  async #take(path: string, data: (pieces: readonly Uint8Array[]) => Promise<void> | undefined): Promise<void> {
    const session = await this.copying.api.session(
      'copyOut',
      this.params,
      { type: 'copy-out', path },
      { data: (_, pieces) => data(pieces), started: () => {} },
    )
    try {
      await session.exitCode
    } finally {
      session.close()
    }
  }
}

class Inward extends InContainer {
  async copy(from: LocalEnd, path: string): Promise<void> {
    const target = await this.#target(path)
    if (from.kind === 'stream') {
      if (target.kind !== 'folder') {
        throw new Problem('bad-request', `destination "${this.container.name}:${path}" must be a directory`, {
          hint: `make it: evenkeel exec ${this.container.service} mkdir -p ${path}`,
        })
      }
      await this.#give(target.path, rawInput())
      return
    }
    const source = localSource(from.path, this.wish.links)
    const place = placeOf(source, target)
    const entries = entriesBelow(source.path, place.name, this.copying.warn)
    await this.#give(place.folder, tarOfEntries(entries, 'until the next but one'))
  }

  async #give(path: string, tar: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const owners = this.wish.owners === 'keep' ? 'container' : 'archive'
    let begun = (): void => {}
    const started = new Promise<void>((resolve) => {
      begun = resolve
    })
    const session = await this.copying.api.session(
      'copyIn',
      this.params,
      { type: 'copy-in', path, owners },
      { data: () => undefined, started: begun },
    )
    try {
      // A refusal comes instead.
      await Promise.race([started, session.exitCode])
      // The next chunk is read while the last one goes.
      let sent: Promise<boolean> | undefined
      for await (const chunk of tar) {
        if ((await sent) === false) break
        sent = session.write(chunk)
      }
      await sent
      session.send({ type: 'stdin-end' })
      await session.exitCode
    } finally {
      session.close()
    }
  }

  async #target(path: string): Promise<CopyTarget> {
    const { path: found, info } = await this.followed(path)
    if (info === null) return { path: found, kind: 'missing' }
    return { path: found, kind: info.kind === 'folder' ? 'folder' : 'other' }
  }
}

function mustHaveParent(path: string): void {
  const folder = dirname(resolve(path))
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return
  throw new Problem('bad-request', `invalid output path: directory "${folder}" does not exist`, {
    hint: 'make it first',
  })
}

/** Links that the caller has here are the caller's own, and are followed: also one that leads to nothing yet. */
function localTarget(path: string, depth = 0): CopyTarget {
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
