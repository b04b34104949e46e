/** Where a program of this machine lies that a stack file names: a plugin of Docker's, or one of the PATH. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { dockerFolder, readDockerConfig } from '../docker-config.ts'

type Environment = Readonly<Record<string, string | undefined>>

const SYSTEM_FOLDERS = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
]

/** `docker-NAME`, in the order in which Docker looks for it. */
export function pluginPath(name: string): string | undefined {
  if (name.includes('/')) return undefined
  const folders = [...(readDockerConfig()?.cliPluginsExtraDirs ?? []), join(dockerFolder(), 'cli-plugins')]
  return firstProgram([...folders, ...SYSTEM_FOLDERS].map((folder) => join(folder, `docker-${name}`)))
}

/** A name is looked for in the PATH; with a slash it is a path, from the present folder. */
export function programPath(name: string, environment: Environment, cwd: string): string | undefined {
  if (name.includes('/')) return firstProgram([resolve(cwd, name)])
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'))
  return firstProgram(folders.map((folder) => join(folder, name)))
}

const firstProgram = (paths: readonly string[]): string | undefined => paths.find(isProgram)

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // Not there, or not for us to run: the next one may be.
    return false
  }
}
