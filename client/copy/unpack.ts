/**
 * An archive from a container becomes files here. What is in a container is not to be trusted: links are made as they are,
 * and nothing is ever written through one. Every folder on the way to a file is looked at, and must be a folder itself.
 */
import { constants, writeSync, writevSync } from 'node:fs'
import { chmod, chown, lchown, link, lstat, lutimes, mkdir, open, symlink, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { extract, type Header } from 'tar-stream'
import { Problem } from '../../protocol/problems.ts'
import { ArchiveNames, type Place } from './places.ts'

export interface Unpacking extends Place {
  /** `keep`: files get the owners that they have in the container, and their setuid bits, which takes root. */
  readonly owners: 'mine' | 'keep'
  readonly warn: (message: string) => void
}

export async function unpack(tar: Readable, how: Unpacking): Promise<void> {
  const reader = extract()
  tar.once('error', (error) => reader.destroy(error))
  tar.pipe(reader)
  const unpacker = new Unpacker(how)
  for await (const entry of reader) {
    await unpacker.entry(entry.header, entry as unknown as Readable)
    // Read to its end, whatever it was, or the next one never comes.
    entry.resume()
  }
  await unpacker.finish()
}

class Unpacker {
  readonly #how: Unpacking
  readonly #names = new ArchiveNames()
  /** Folders that are known to be such, all the way from the target. */
  readonly #folders = new Set<string>()
  /** Folders get modes and times when all in them is written. */
  readonly #later: (readonly [path: string, header: Header])[] = []

  constructor(how: Unpacking) {
    this.#how = how
  }

  async entry(header: Header, content: Readable): Promise<void> {
    const path = this.#path(this.#names.below(header.name))
    if (path === undefined) return
    await this.#parents(path)
    switch (header.type) {
      case 'directory':
        return this.#folder(this.#join(path), header)
      case 'file':
      case 'contiguous-file':
        await this.#makeRoom(path)
        return this.#file(this.#join(path), header, content)
      case 'symlink':
        await this.#makeRoom(path)
        return this.#symlink(this.#join(path), header)
      case 'link':
        return this.#link(path, header)
      default:
        this.#how.warn(`${header.name} is a ${header.type}, which is not copied`)
    }
  }

  async finish(): Promise<void> {
    for (const [path, header] of this.#later.reverse()) {
      if (this.#how.owners === 'keep') await chown(path, header.uid ?? 0, header.gid ?? 0)
      await chmod(path, this.#mode(header))
      await utimes(path, new Date(), header.mtime ?? new Date())
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

  async #parents(parts: readonly string[]): Promise<void> {
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = this.#join(parts.slice(0, depth))
      if (this.#folders.has(path)) continue
      const there = await look(path)
      if (there === undefined) await mkdir(path)
      else if (!there.isDirectory()) {
        throw new Problem('conflict', `${this.#join(parts)} would be written through ${path}, which is no folder`, {
          hint: 'nothing was written there; copy into an empty folder',
        })
      }
      this.#folders.add(path)
    }
  }

  async #folder(path: string, header: Header): Promise<void> {
    const there = await look(path)
    if (there === undefined) await mkdir(path, 0o700)
    else if (!there.isDirectory()) {
      throw new Problem('conflict', `cannot overwrite non-directory "${path}" with directory "${header.name}"`, {
        hint: 'remove it first, or copy to another place',
      })
    }
    this.#folders.add(path)
    this.#later.push([path, header])
  }

  /** What is there goes, whatever it is linked to; a folder does not. */
  async #makeRoom(parts: readonly string[]): Promise<void> {
    const path = this.#join(parts)
    const there = await look(path)
    if (there === undefined) return
    if (there.isDirectory()) {
      throw new Problem('conflict', `cannot overwrite directory "${path}" with non-directory`, {
        hint: 'remove it first, or copy to another place',
      })
    }
    await unlink(path)
  }

  async #file(path: string, header: Header, content: Readable): Promise<void> {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    try {
      await written(file.fd, content)
      if (this.#how.owners === 'keep') await file.chown(header.uid ?? 0, header.gid ?? 0)
      await file.chmod(this.#mode(header))
      await file.utimes(new Date(), header.mtime ?? new Date())
    } finally {
      await file.close()
    }
  }

  async #symlink(path: string, header: Header): Promise<void> {
    await symlink(header.linkname ?? '', path)
    if (this.#how.owners === 'keep') await lchown(path, header.uid ?? 0, header.gid ?? 0)
    await lutimes(path, new Date(), header.mtime ?? new Date())
  }

  /** A second name for a file of this very archive. */
  async #link(parts: readonly string[], header: Header): Promise<void> {
    const first = this.#path(this.#names.below(header.linkname ?? ''))
    if (first === undefined) throw new Problem('conflict', `${header.name} is a second name of a folder`)
    await this.#parents(first)
    if ((await look(this.#join(first)))?.isFile() !== true) {
      throw new Problem('conflict', `${header.name} is a second name of ${header.linkname}, which is no file`)
    }
    await this.#makeRoom(parts)
    await link(this.#join(first), this.#join(parts))
  }

  /** A program that runs as its owner is made only where owners were asked for. */
  #mode({ mode = 0o644 }: Header): number {
    return mode & (this.#how.owners === 'keep' ? 0o7777 : 0o1777)
  }
}

/** What is written in one go: chunks come in the sizes that the Engine and HTTP made of them, some of a few bytes. */
const WRITE_BYTES = 262_144

/** At once, as the chunks come: a thread that writes would cost more than the writing. */
function written(descriptor: number, content: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    let waiting: Buffer[] = []
    let waitingBytes = 0
    const flush = () => {
      if (waitingBytes === 0) return
      writeAll(descriptor, waiting, waitingBytes)
      waiting = []
      waitingBytes = 0
    }
    const attempt = (work: () => void) => {
      try {
        work()
      } catch (error) {
        reject(error)
        content.destroy()
      }
    }
    const brokenOff = () =>
      reject(new Problem('daemon-unreachable', 'the archive broke off before all of it was there'))
    // It may have ended while the file was made.
    if (content.destroyed) brokenOff()
    content.on('data', (chunk: Buffer) => {
      waiting.push(chunk)
      waitingBytes += chunk.length
      if (waitingBytes >= WRITE_BYTES) attempt(flush)
    })
    content.once('end', () => {
      attempt(flush)
      resolve()
    })
    content.once('error', reject)
    content.once('close', brokenOff)
  })
}

function writeAll(descriptor: number, chunks: readonly Buffer[], bytes: number): void {
  const count = writevSync(descriptor, chunks)
  if (count === bytes) return
  // A file takes less than it is given only where the disk is about to be full: the rest says so.
  const rest = Buffer.concat(chunks).subarray(count)
  for (let at = 0; at < rest.length; ) at += writeSync(descriptor, rest, at)
}

async function look(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
