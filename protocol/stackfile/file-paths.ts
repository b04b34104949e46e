/** Paths as Go's `filepath` has them on a Unix machine. */
import { posix } from 'node:path'

/** Shortest equal path, without a slash at its end. */
export function cleanPath(path: string): string {
  if (path === '') return '.'
  const clean = posix.normalize(path)
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}

/** Joins and cleans; nothing and nothing is nothing. */
export function joinPath(base: string, path: string): string {
  const joined = [base, path].filter((part) => part !== '').join('/')
  return joined === '' ? '' : cleanPath(joined)
}

export const isAbsolute = (path: string): boolean => path.startsWith('/')

export const parentOf = (path: string): string => cleanPath(posix.dirname(path))

export const baseName = (path: string): string => posix.basename(path)

/** `to` as seen from the folder `from`; `.` for the folder itself. */
export const relativePath = (from: string, to: string): string => posix.relative(from, to) || '.'

/** `C:\x`, `C:/x`, `\\host\share`: a path of a Windows client, which is left as it is. */
export const isWindowsAbsolute = (path: string): boolean =>
  /^.:[\\/]/s.test(path) || /^[\\/]{2}[^\\/]/.test(path) || /^\\\\[.?]/.test(path)
