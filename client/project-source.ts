/** The files that a project of Docker Compose was started from, as its containers' labels tell. */
import { Problem } from '../protocol/problems.ts'
import type { Container } from '../protocol/resources/container.ts'
import type { LoadedStack } from '../protocol/stackfile/load.ts'
import { loadFromDisk, nodeFiles, type StackSelection } from './stack-source.ts'

const LABEL = {
  files: 'com.docker.compose.project.config_files',
  workingDir: 'com.docker.compose.project.working_dir',
  envFiles: 'com.docker.compose.project.environment_file',
} as const

/** What the command line says wins. Profiles of services that have a container are on, whatever it says. */
export function loadProject(stack: string, containers: readonly Container[], given: StackSelection): LoadedStack {
  const chosen: StackSelection = { ...selectionOf(stack, containers, given), projectName: stack }
  const present = new Set(containers.filter(({ oneOff }) => !oneOff).map(({ service }) => service))
  const loaded = loadFromDisk(chosen)
  const off = loaded.disabledServices.filter((service) => present.has(service))
  if (off.length === 0) return loaded
  const { services } = loadFromDisk({ ...chosen, profiles: ['*'] }).model
  const profiles = off.flatMap((service) => services[service]?.profiles ?? [])
  return loadFromDisk({ ...chosen, profiles: [...new Set([...chosen.profiles, ...profiles])] })
}

function selectionOf(stack: string, containers: readonly Container[], given: StackSelection): StackSelection {
  if (given.files.length > 0) return given
  const sources = new Set(containers.map(({ labels }) => labels[LABEL.files] ?? ''))
  const newest = [...containers].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))[0]
  const files = listed(newest?.labels[LABEL.files])
  const absent = files.find((file) => file === '-' || nodeFiles.read(file) === undefined)
  if (files.length === 0 || absent !== undefined || sources.size > 1) {
    const why =
      absent !== undefined
        ? `the containers of ${stack} were started from ${absent}, which is not here`
        : sources.size > 1
          ? `the containers of ${stack} were started from different files: ${[...sources].join('; ')}`
          : `the containers of ${stack} do not say which file they were started from`
    throw new Problem('stack-file-not-found', why, { hint: 'name the file: evenkeel -f FILE adopt ...' })
  }
  return {
    ...given,
    files,
    projectDirectory: given.projectDirectory ?? newest?.labels[LABEL.workingDir],
    envFiles: given.envFiles.length > 0 ? given.envFiles : listed(newest?.labels[LABEL.envFiles]),
  }
}

const listed = (label: string | undefined): string[] => (label ?? '').split(',').filter((part) => part !== '')
