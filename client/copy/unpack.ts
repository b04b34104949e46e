/**
 * An archive from a container becomes files here. What is in a container is not to be trusted: links are made as they are,
 * and nothing is ever written through one. Every folder on the way to a file is looked at, and must be a folder itself.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import { unwritable } from '../cli/unwritable.ts'
import { ArchiveNames, type Place } from './places.ts'
import { type TarHeader, TarReader } from './read-tar.ts'

export interface Unpacking extends Place {
  /** `keep`: files get the owners that they have in the container, and their setuid bits, which takes root. */
  readonly owners: 'mine' | 'keep'
  readonly warn: (message: string) => void
}

/**
 * All at once, as chunks come: to wait for a thread that writes would take longer than the writing, and there is nothing
 * else to do. Chunks may be of any size, and are used until `feed` returns.
 */
export class Unpacker {
  readonly #how: Unpacking
  readonly #tar: TarReader
  readonly #names = new ArchiveNames()
  /** Folders that are known to be such, all the way from the target. */
  readonly #folders = new Set<string>()
  /** Folders get modes and times when all in them is written. */
  readonly #later: (readonly [path: string, header: TarHeader])[] = []
  /** The file that is being written. */
  #open: { readonly descriptor: number; readonly path: string; readonly header: TarHeader } | undefined

  constructor(how: Unpacking) {
    this.#how = how
    this.#tar = new TarReader({
      entry: (header) => this.#entry(header),
      data: (bytes) => this.#data(bytes),
      entryEnd: () => this.#entryEnd(),
    })
  }

  feed(chunk: Uint8Array): void {
    this.#tar.feed(chunk)
  }

  /** The archive is all there, or it throws. */
  finish(): void {
    this.#tar.end()
    for (const [path, header] of this.#later.reverse()) {
      if (this.#how.owners === 'keep') chownSync(path, header.uid, header.gid)
      chmodSync(path, this.#mode(header))
      utimesSync(path, new Date(), timeOf(header))
    }
  }

  /** Nothing more comes. */
  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor)
    this.#open = undefined
  }

  #entry(header: TarHeader): void {
    const path = this.#path(this.#names.below(header.name))
    if (path === undefined) return
    this.#parents(path)
    switch (header.kind) {
      case 'folder':
        this.#folder(this.#join(path), header)
        return
      case 'file':
        this.#makeRoom(path)
        this.#file(this.#join(path), header)
        return
      case 'symlink':
        this.#makeRoom(path)
        this.#symlink(this.#join(path), header)
        return
      case 'link':
        this.#link(path, header)
        return
      default:
        this.#how.warn(`${header.name} is ${NOT_COPIED[header.kind]}, which is not copied`)
    }
  }

  #data(bytes: Uint8Array): void {
    if (this.#open === undefined) return
    const { descriptor, path } = this.#open
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
    } catch (error) {
      throw unwritable(error as Error, path)
    }
  }

  #entryEnd(): void {
    if (this.#open === undefined) return
    const { descriptor, header } = this.#open
    try {
      if (this.#how.owners === 'keep') fchownSync(descriptor, header.uid, header.gid)
      fchmodSync(descriptor, this.#mode(header))
      futimesSync(descriptor, new Date(), timeOf(header))
    } finally {
      this.close()
    }
  }

  /** Parts below the target folder; undefined for that folder itself, which is left as it is. */
  #path(below: readonly string[]): readonly string[] | undefined {
    const { name } = this.#how
    if (name !== '.') return [name, ...below]
    return below.length === 0 ? undefined : below
  }

  #join(parts: readonly string[]): string {
    return join(this.#how.folder, ...parts)
  }

  #parents(parts: readonly string[]): void {
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = this.#join(parts.slice(0, depth))
      if (this.#folders.has(path)) continue
      const there = look(path)
      if (there === undefined) mkdirSync(path)
      else if (!there.isDirectory()) {
        throw new Problem('conflict', `${this.#join(parts)} would be written through ${path}, which is no folder`, {
          hint: 'nothing was written there; copy into an empty folder',
        })
      }
      this.#folders.add(path)
    }
  }

  #folder(path: string, header: TarHeader): void {
    const there = look(path)
    if (there === undefined) mkdirSync(path, 0o700)
    else if (!there.isDirectory()) {
      throw new Problem('conflict', `cannot overwrite non-directory "${path}" with directory "${header.name}"`, {
        hint: 'remove it first, or copy to another place',
      })
    }
    this.#folders.add(path)
    this.#later.push([path, header])
  }

  /** What is there goes, whatever it is linked to; a folder does not. */
  #makeRoom(parts: readonly string[]): void {
    const path = this.#join(parts)
    const there = look(path)
    if (there === undefined) return
    if (there.isDirectory()) {
      throw new Problem('conflict', `cannot overwrite directory "${path}" with non-directory`, {
        hint: 'remove it first, or copy to another place',
      })
    }
    unlinkSync(path)
  }

  #file(path: string, header: TarHeader): void {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    this.#open = { descriptor: openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), path, header }
  }

  #symlink(path: string, header: TarHeader): void {
    symlinkSync(header.target, path)
    if (this.#how.owners === 'keep') lchownSync(path, header.uid, header.gid)
    lutimesSync(path, new Date(), timeOf(header))
  }

  /** A second name for a file of this very archive. */
  #link(parts: readonly string[], header: TarHeader): void {
    const first = this.#path(this.#names.below(header.target))
    if (first === undefined) throw new Problem('conflict', `${header.name} is a second name of a folder`)
    this.#parents(first)
    if (look(this.#join(first))?.isFile() !== true) {
      throw new Problem('conflict', `${header.name} is a second name of ${header.target}, which is no file`)
    }
    this.#makeRoom(parts)
    linkSync(this.#join(first), this.#join(parts))
  }

  /** A program that runs as its owner is made only where owners were asked for. */
  #mode({ mode }: TarHeader): number {
    return mode & (this.#how.owners === 'keep' ? 0o7777 : 0o1777)
  }
}

const NOT_COPIED = { device: 'a device', pipe: 'a pipe', unknown: 'of a kind that is not known' } as const

const timeOf = ({ mtime }: TarHeader): Date => new Date(mtime * 1000)

const look = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })
