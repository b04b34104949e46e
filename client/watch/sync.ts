/** Brings changed files into the containers of a service, and takes away there what is gone here. */
import { lstatSync, readlinkSync } from 'node:fs'
import { Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'
import type { Container } from '../../protocol/resources/container.ts'
import type { Api } from '../api.ts'
import { type TarEntry, tarOfEntries } from '../tar.ts'

/** The containers of a service that are not one-offs, whatever their state. */
export async function containersOf(api: Api, stack: string, service: string): Promise<Container[]> {
  const { containers } = await api.call('containers', { stack })
  return containers.filter((container) => container.service === service && !container.oneOff)
}

/** `files`: by their place in the container. All containers are served; what went wrong in any is one Problem. */
export async function syncFiles(
  api: Api,
  stack: string,
  service: string,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const gone = [...files].filter(([, path]) => lstatSync(path, { throwIfNoEntry: false }) === undefined)
  const removed = gone.map(([target]) => target)
  const isSent = removed.length < files.size
  const failures: string[] = []
  const attempt = async (what: string, work: Promise<void>) => {
    await work.catch((error: unknown) => {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    })
  }
  await Promise.all(
    (await containersOf(api, stack, service)).map(async (container) => {
      if (removed.length > 0 && container.state === 'running') {
        await attempt(`deleting paths in ${container.name}`, remove(api, stack, container, removed))
      }
      if (!isSent) return
      const tar = Readable.from(tarOfEntries(entriesOf(files)), { objectMode: false })
      const params = { stack, container: container.id }
      await attempt(
        `copying files to ${container.name}`,
        api.upload('putFiles', params, tar, { query: { path: '/', owners: 'container' } }),
      )
    }),
  )
  if (failures.length > 0) throw new Problem('conflict', failures.join('; '))
}

/** A folder comes by itself: what is in it was told by name. */
function* entriesOf(files: ReadonlyMap<string, string>): Generator<TarEntry> {
  for (const [target, path] of files) {
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined) continue
    const { mode, mtimeMs, uid, gid } = stats
    const common = { path: target.slice(1), mode: mode & 0o7777, mtimeMs, uid, gid }
    if (stats.isFile()) yield { ...common, kind: 'file', from: path }
    else if (stats.isSymbolicLink()) yield { ...common, kind: 'link', target: readlinkSync(path) }
    else if (stats.isDirectory() && common.path !== '') yield { ...common, kind: 'folder' }
  }
}

/** With the container's own `rm`, as Compose does it: the Engine has no other way. */
async function remove(api: Api, stack: string, container: Container, paths: readonly string[]): Promise<void> {
  const code = await runIn(api, stack, container, { command: ['rm', '-rf', ...paths] }, () => {})
  if (code !== 0) throw new Error(`exit code ${code}`)
}

export interface Command {
  readonly command: readonly string[]
  readonly user?: string | undefined
  readonly workingDir?: string | undefined
  readonly privileged?: boolean | undefined
  readonly environment?: readonly string[] | undefined
}

/** Runs a command in one container without input; answers its exit code. */
export async function runIn(
  api: Api,
  stack: string,
  { service, replica }: Pick<Container, 'service' | 'replica'>,
  { command, user, workingDir, privileged, environment }: Command,
  output: (channel: 'stdout' | 'stderr', pieces: readonly Uint8Array[]) => Promise<void> | void,
): Promise<number> {
  const session = await api.session(
    'exec',
    { stack },
    {
      type: 'exec',
      service,
      index: replica,
      command: [...command],
      environment: [...(environment ?? [])],
      privileged: privileged === true,
      ...(user === undefined ? {} : { user }),
      ...(workingDir === undefined ? {} : { workingDir }),
    },
    {
      data: (channel, pieces) => (channel === 'stdin' ? undefined : (output(channel, pieces) ?? undefined)),
      started: () => {},
    },
  )
  try {
    return await session.exitCode
  } finally {
    session.close()
  }
}
