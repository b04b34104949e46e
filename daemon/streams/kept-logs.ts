/**
 * The last lines of containers that are no more: taken from the Engine just before it removes them, one file each, within
 * limits of size and age for each stack. Nothing is read of a container while it is there.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { LogCursor } from '../../protocol/log-cursor.ts'
import { RecordReader } from '../../protocol/log-records.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Engine } from '../engine/types.ts'
import { readLog } from './log-reading.ts'
import { sourceOf } from './log-source.ts'

export interface KeptLogLimits {
  /** Of each stack. */
  readonly bytes: number
  readonly days: number
}

/** What is taken of one container at most, from its end. */
const LAST_LINES = 20_000
const LAST_BYTES = 4 * 1024 ** 2
/** A removal does not wait longer than this for what is only kept. */
const TAKE_MS = 5000
const DAY_MS = 86_400_000
const EVERY_MS = 10 * 60_000
const LINE_FEED = 0x0a
/** How the name of a file ends that is being written. */
const UNFINISHED = '.new'
/** A container's names are shorter than this by far. */
const HEADER_BYTES = 4096

export interface RemovedContainer {
  readonly stack: string
  readonly container: string
  readonly name: string
  readonly service: string
  readonly replica: number
}

export interface KeptLog extends RemovedContainer {
  readonly removedAt: string
  /** Where its file is. */
  readonly path: string
}

interface Log {
  warn(fields: object, message: string): void
}

export class KeptLogs {
  readonly #folder: string
  readonly #engine: Engine
  readonly #limits: KeptLogLimits
  readonly #now: () => Date
  readonly #log: Log
  /** Bytes by stack, at least those that are there. Whoever is not here has not been counted yet. */
  readonly #bytes = new Map<string, number>()

  constructor(options: { folder: string; engine: Engine; limits: KeptLogLimits; now: () => Date; log: Log }) {
    this.#folder = join(options.folder, 'logs')
    this.#engine = options.engine
    this.#limits = options.limits
    this.#now = options.now
    this.#log = options.log
  }

  /** Takes the end of its log. Never rejects: a container is removed with or without it. */
  async keep(removed: RemovedContainer): Promise<void> {
    try {
      const blocks = await this.#lastBlocks(removed.container)
      if (blocks.length === 0) return
      const removedAt = this.#now().toISOString()
      const folder = join(this.#folder, removed.stack)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      // A removal that failed is tried again: what was kept the first time is in what is kept now.
      const earlier = this.find(removed.stack, removed.container)
      const path = join(folder, `${Date.parse(removedAt)}-${idIn(removed.container)}.log`)
      const header = Buffer.from(`${JSON.stringify({ ...removed, removedAt })}\n`)
      writeFileSync(`${path}${UNFINISHED}`, Buffer.concat([header, ...blocks]), { mode: 0o600 })
      renameSync(`${path}${UNFINISHED}`, path)
      if (earlier !== undefined && earlier.path !== path) rmSync(earlier.path, { force: true })
      const size = blocks.reduce((total, { length }) => total + length, header.length)
      const known = this.#bytes.get(removed.stack)
      // To count what is there takes as long as there is much of it. What is too old goes every ten minutes.
      if (known === undefined || known + size > this.#limits.bytes) this.#prune(removed.stack)
      else this.#bytes.set(removed.stack, known + size)
    } catch (err) {
      this.#log.warn({ err, container: removed.name }, 'the log of a removed container is not kept')
    }
  }

  /** The oldest first. */
  list(stack: string): KeptLog[] {
    return this.#paths(stack).flatMap(keptIn)
  }

  find(stack: string, container: string): KeptLog | undefined {
    const named = this.#paths(stack).filter((path) => path.endsWith(`-${idIn(container)}.log`))
    return named.flatMap(keptIn).find((kept) => kept.container === container)
  }

  /** Its records, at most those of {@link LAST_BYTES}; none where it has gone in the meantime. */
  records({ path }: KeptLog): Uint8Array {
    const bytes = contentOf(path)
    return bytes === undefined ? Buffer.alloc(0) : bytes.subarray(bytes.indexOf(LINE_FEED) + 1)
  }

  /**
   * Removes what is too old, what a crash left unfinished, and all of stacks that are not known any more; at once, then every
   * ten minutes. Never rejects: what cannot be removed is told, and tried again.
   */
  async keepWithinLimits(
    isKnown: (stack: string) => boolean,
    clock: { sleep(ms: number, signal: AbortSignal): Promise<void> },
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const stack of namesIn(this.#folder)) this.#tidy(stack, isKnown)
      } catch (err) {
        this.#log.warn({ err, folder: this.#folder }, 'the folder of kept logs cannot be read')
      }
      await clock.sleep(EVERY_MS, signal)
    }
  }

  /** One stack that cannot be tidied keeps no other from it. */
  #tidy(stack: string, isKnown: (stack: string) => boolean): void {
    const folder = join(this.#folder, stack)
    try {
      if (!isKnown(stack)) {
        rmSync(folder, { recursive: true, force: true })
        this.#bytes.delete(stack)
      } else {
        for (const name of namesIn(folder)) if (name.endsWith(UNFINISHED)) rmSync(join(folder, name), { force: true })
        this.#prune(stack)
      }
    } catch (err) {
      this.#log.warn({ err, folder }, 'kept logs cannot be tidied')
    }
  }

  async #lastBlocks(id: string): Promise<Uint8Array[]> {
    const signal = AbortSignal.timeout(TAKE_MS)
    const blocks: Uint8Array[] = []
    let bytes = 0
    try {
      const { Config, State } = await this.#engine.containers.inspect(id, { signal })
      if (State.Status === 'created') return []
      const reading = { source: sourceOf(id), tty: Config.Tty, stamped: true, cursor: new LogCursor() }
      for await (const block of readLog(this.#engine, id, { ...reading, query: { tail: LAST_LINES } }, signal)) {
        blocks.push(block)
        bytes += block.length
        while (bytes > LAST_BYTES) bytes -= blocks.shift()!.length
      }
    } catch (error) {
      // What was read until then is worth keeping; a container that is gone, or whose log cannot be read, has none.
      if (!(error instanceof Problem) && !signal.aborted) throw error
    }
    return blocks
  }

  #prune(stack: string): void {
    const before = this.#now().getTime() - this.#limits.days * DAY_MS
    const files = this.#paths(stack).map((path) => ({
      path,
      bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    }))
    let bytes = files.reduce((total, file) => total + file.bytes, 0)
    for (const { path, bytes: size } of files) {
      if (bytes <= this.#limits.bytes && removedMsOf(path) >= before) break
      rmSync(path, { force: true })
      bytes -= size
    }
    this.#bytes.set(stack, bytes)
  }

  /** The oldest first. */
  #paths(stack: string): string[] {
    const folder = join(this.#folder, stack)
    return namesIn(folder)
      .filter((name) => name.endsWith('.log'))
      .sort((a, b) => removedMsOf(a) - removedMsOf(b))
      .map((name) => join(folder, name))
  }
}

const removedMsOf = (path: string): number => Number(basename(path).split('-')[0])

/** As the names of files tell a container. */
const idIn = (container: string): string => container.slice(0, 12)

function keptIn(path: string): KeptLog[] {
  const header = headerOf(path)
  return header === undefined ? [] : [{ ...header, path }]
}

/** The last so many lines of records. */
export function lastLines(records: Uint8Array, lines: number | 'all'): Uint8Array {
  if (lines === 'all') return records
  const begins: number[] = []
  const reader = new RecordReader(records)
  while (reader.advance()) begins.push(reader.at)
  return records.subarray(lines === 0 ? records.length : (begins.at(-lines) ?? 0))
}

function headerOf(path: string): (RemovedContainer & { removedAt: string }) | undefined {
  const bytes = Buffer.alloc(HEADER_BYTES)
  try {
    const file = openSync(path, 'r')
    readSync(file, bytes)
    closeSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(bytes.toString('utf8', 0, bytes.indexOf(LINE_FEED))) as RemovedContainer & { removedAt: string }
  } catch {
    // A file that a crash of the machine left half written tells nothing.
    return undefined
  }
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
