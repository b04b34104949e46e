/** Files of the ingress's folder, which HAProxy may be about to read: whole, as they were or as they are to be. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

export function replaceFile(path: string, text: string): void {
  if (readOrNothing(path) === text) return
  writeFileSync(`${path}.next`, text, { mode: 0o600 })
  renameSync(`${path}.next`, path)
}

/** Undefined where there is none. */
export function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
