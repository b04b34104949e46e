/**
 * Tells what changes below some paths, as Linux tells it: one watch for each folder, for Node's own recursive watch keeps
 * one for each file as well, and looks into folders that nobody asked about. Links to folders are not followed.
 */
import { type FSWatcher, lstatSync, readdirSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

export interface FolderWatchHandlers {
  /** Whether a folder is looked into. */
  isWorth(folder: string): boolean
  /** Something happened to it: it is new, other, or gone. */
  changed(path: string): void
  failed(error: unknown): void
}

export class FolderWatch {
  readonly #handlers: FolderWatchHandlers
  readonly #folders = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>()

  /** A path that is a file, or is not there yet, is watched from the nearest folder above. */
  constructor(paths: readonly string[], handlers: FolderWatchHandlers) {
    this.#handlers = handlers
    try {
      for (const path of paths) this.#add(nearestFolder(path), 'silent')
    } catch (error) {
      // Those that were made keep the process alive.
      this.close()
      throw error
    }
  }

  close(): void {
    for (const { watcher } of this.#folders.values()) watcher.close()
    this.#folders.clear()
  }

  /** `told`: what is in it came with it, and is told as new. */
  #add(folder: string, contents: 'told' | 'silent'): void {
    const inode = lstatSync(folder, { throwIfNoEntry: false })?.ino
    if (inode === undefined || this.#folders.get(folder)?.inode === inode) return
    this.#drop(folder)
    const watcher = this.#watch(folder)
    if (watcher === undefined) return
    this.#folders.set(folder, { watcher, inode })
    // After the watch is there: what comes from now on is told by it.
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name)
      if (contents === 'told') this.#handlers.changed(path)
      if (entry.isDirectory() && this.#handlers.isWorth(path)) this.#add(path, contents)
    }
  }

  #watch(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, (_, name) => this.#happened(folder, name))
      // A folder that goes ends its watch; what is in the one above tells that it went.
      watcher.on('error', () => this.#drop(folder))
      return watcher
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Gone since it was listed.
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw watchRefused(folder, error as NodeJS.ErrnoException)
    }
  }

  #happened(folder: string, name: string | null): void {
    try {
      const path = name === null ? folder : join(folder, name)
      const stats = lstatSync(path, { throwIfNoEntry: false })
      this.#handlers.changed(path)
      if (stats === undefined) this.#drop(path)
      else if (stats.isDirectory() && path !== folder && this.#handlers.isWorth(path)) this.#add(path, 'told')
    } catch (error) {
      this.#handlers.failed(error)
    }
  }

  #drop(folder: string): void {
    for (const [path, { watcher }] of this.#folders) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue
      watcher.close()
      this.#folders.delete(path)
    }
  }
}

function nearestFolder(path: string): string {
  let folder = path
  while (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true && folder !== '/')
    folder = dirname(folder)
  return folder
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // Gone, or not ours to read: it has nothing that we could send.
    return []
  }
}

function watchRefused(folder: string, error: NodeJS.ErrnoException): Problem {
  const limit = error.code === 'EMFILE' ? 'max_user_instances' : 'max_user_watches'
  return new Problem('unsupported', `cannot watch ${folder}: ${error.code ?? error.message}`, {
    hint:
      error.code === 'ENOSPC' || error.code === 'EMFILE'
        ? `there are as many watches as this machine allows: sudo sysctl fs.inotify.${limit}=524288, or ignore large folders`
        : 'it must be readable by this user',
    cause: error,
  })
}
