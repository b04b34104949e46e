/** A file system in memory, for tests of the loader. */

import type { Finding } from '../../../protocol/problems.ts'
import { Problem } from '../../../protocol/problems.ts'
import { type LoadedStack, type LoadOptions, loadStack } from '../../../protocol/stackfile/load.ts'

export interface TestLoad {
  readonly files?: readonly string[]
  readonly environment?: Record<string, string>
  readonly profiles?: readonly string[]
  readonly services?: readonly string[]
  readonly projectName?: string
  readonly options?: LoadOptions
}

/** Loads from `/p`, where the given files lie; a path that begins with `/` is taken as it is. */
export function load(files: Readonly<Record<string, string>>, request: TestLoad = {}): LoadedStack {
  const disk = new Map(Object.entries(files).map(([path, text]) => [absolute(path), text]))
  return loadStack({
    files: (request.files ?? []).map(absolute),
    profiles: request.profiles ?? [],
    environment: { HOME: '/home/user', PWD: '/p', ...request.environment },
    source: {
      read: (path) => disk.get(path),
      isDirectory: (path) => !disk.has(path) && [...disk.keys()].some((file) => file.startsWith(`${path}/`)),
    },
    ...(request.services === undefined ? {} : { services: request.services }),
    ...(request.projectName === undefined ? {} : { projectName: request.projectName }),
    ...(request.options === undefined ? {} : { options: request.options }),
  })
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/p/${path}`)

/** What the loader finds wrong. */
export function findingsOf(files: Readonly<Record<string, string>>, request: TestLoad = {}): readonly Finding[] {
  try {
    load(files, request)
  } catch (error) {
    if (error instanceof Problem) return error.findings ?? [{ message: error.message }]
    throw error
  }
  return []
}

/** `file:line:column message`, one a finding. */
export function errorsOf(files: Readonly<Record<string, string>>, request: TestLoad = {}): string[] {
  return findingsOf(files, request).map(({ place, message }) =>
    place === undefined ? message : `${place.file.replace('/p/', '')}:${place.line}:${place.column} ${message}`,
  )
}
