/** The bytes of configs and secrets, by digest, in the state folder. They belong to revisions, so they never change. */
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileContent } from '../../protocol/resources/stack.ts'
import type { FileRef } from '../store/revisions.ts'

export class FileStore {
  readonly folder: string

  constructor(stateFolder: string) {
    this.folder = join(stateFolder, 'files')
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
  }

  /**
   * Mode and owner are part of the digest: a container sees them through its bind mount, as it would see those of the
   * file that the client read. The folder above is closed to all but us; a mount does not pass through it.
   */
  put(file: FileContent): FileRef {
    const bytes = Buffer.from(file.base64, 'base64')
    const reference = this.refOf(file)
    if (!existsSync(this.pathOf(reference.digest))) this.#write(reference.digest, bytes, file.mode ?? 0o444, file)
    return reference
  }

  /** The same without writing anything: for a preview. */
  refOf(file: FileContent): FileRef {
    const digest = createHash('sha256')
      .update(`${file.mode ?? 0o444} ${file.uid ?? ''} ${file.gid ?? ''}\n`)
      .update(Buffer.from(file.base64, 'base64'))
      .digest('hex')
    return {
      kind: file.kind,
      name: file.name,
      digest,
      delivery: file.delivery,
      mode: file.mode,
      uid: file.uid,
      gid: file.gid,
    }
  }

  pathOf(digest: string): string {
    return join(this.folder, digest)
  }

  read(digest: string): Buffer {
    return readFileSync(this.pathOf(digest))
  }

  #write(
    digest: string,
    bytes: Buffer,
    mode: number,
    owner: { uid?: number | undefined; gid?: number | undefined },
  ): void {
    const temporary = `${this.pathOf(digest)}.${process.pid}`
    writeFileSync(temporary, bytes, { mode: 0o600, flush: true })
    if (owner.uid !== undefined && owner.gid !== undefined && process.getuid?.() === 0) {
      chownSync(temporary, owner.uid, owner.gid)
    }
    chmodSync(temporary, mode & 0o777)
    renameSync(temporary, this.pathOf(digest))
  }
}
