/** Finds the stack file where none was named: in the folder or the nearest one above it. */
import { joinPath, parentOf } from './file-paths.ts'

const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const OVERRIDE_NAMES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]

export interface FoundStackFiles {
  /** The file, and its override file if there is one. */
  readonly files: readonly string[]
  readonly workingDir: string
  /** Other files that could have been meant. */
  readonly ignored: readonly string[]
}

export function findStackFiles(startDir: string, exists: (path: string) => boolean): FoundStackFiles | undefined {
  for (let folder = startDir; ; folder = parentOf(folder)) {
    const [file, ...others] = existing(folder, NAMES, exists)
    if (file !== undefined) {
      const [override, ...otherOverrides] = existing(folder, OVERRIDE_NAMES, exists)
      return {
        files: override === undefined ? [file] : [file, override],
        workingDir: folder,
        ignored: [...others, ...otherOverrides],
      }
    }
    if (parentOf(folder) === folder) return undefined
  }
}

function existing(folder: string, names: readonly string[], exists: (path: string) => boolean): string[] {
  return names.map((name) => joinPath(folder, name)).filter(exists)
}
