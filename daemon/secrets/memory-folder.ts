/**
 * Files of secrets as containers mount them: in memory, in folders of the daemon's user alone. A new value is written into the
 * file that is there, which is what a container has mounted; it sees it at its next read.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

/** statfs(2): file systems that are in memory. */
const IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6]

/** The first of these that would be in memory. Undefined: none is. */
export function inMemory(candidates: readonly string[]): string | undefined {
  return candidates.find((path) => IN_MEMORY.includes(Number(statfsSync(existing(path)).type)))
}

const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)))

export class MemoryFolder {
  readonly folder: string

  /** Makes it, for this user alone. */
  constructor(root: string, instance: string) {
    this.folder = join(root, instance)
    for (const folder of [root, this.folder]) ownFolder(folder)
  }

  pathOf(stack: string, name: string): string {
    return join(this.folder, stack, name)
  }

  /** Other bytes of the same file. Whoever reads meanwhile may see a mixture: users are told afterwards. */
  write(stack: string, name: string, value: Buffer): void {
    ownFolder(join(this.folder, stack))
    const path = this.pathOf(stack, name)
    if (existsSync(path) && readFileSync(path).equals(value)) return
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
    const file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    try {
      for (let at = 0; at < value.length; ) at += writeSync(file, value, at, value.length - at, at)
      ftruncateSync(file, value.length)
      // Programs of any user in the container may read it; on this machine the folder above lets nobody in.
      fchmodSync(file, 0o444)
    } finally {
      closeSync(file)
    }
  }

  remove(stack: string, name: string): void {
    rmSync(this.pathOf(stack, name), { force: true })
  }

  /** What is in here of stacks and names that there are no more. */
  keepOnly(wanted: ReadonlySet<string>): void {
    for (const stack of readdirSync(this.folder))
      for (const name of readdirSync(join(this.folder, stack)))
        if (!wanted.has(`${stack}/${name}`)) this.remove(stack, name)
  }
}

function ownFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const { mode, uid } = lstatSync(path)
  if (lstatSync(path).isDirectory() && uid === process.getuid?.() && (mode & 0o077) === 0) return
  throw new Problem('conflict', `${path} is not a folder of the daemon's user alone: no secret is put there`, {
    hint: 'remove it, or give another one in memory: evenkeeld --secrets DIR',
  })
}
