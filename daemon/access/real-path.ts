/** Where a path leads once its links are followed: as far as it is there, the rest as it is written. */
import { realpathSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'

export function realPath(path: string): string {
  const clean = normalize(path).replace(/(?<=.)\/+$/, '')
  try {
    return realpathSync(clean)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A loop of links, or what cannot be looked at, is taken as it is written: it is within no root then but its own.
    if (code !== 'ENOENT' || clean === '/' || !clean.startsWith('/')) return clean
    return join(realPath(dirname(clean)), basename(clean))
  }
}
