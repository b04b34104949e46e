/**
 * Bound files for a daemon on another machine. A path that the file names relative to itself is one of this machine, and what is
 * there goes along; an absolute one is a path of the daemon's.
 */
import { lstatSync, realpathSync, type Stats } from 'node:fs'
import { BUNDLED_FILE } from '../protocol/bundle.ts'
import { Problem } from '../protocol/problems.ts'
import type { UpRequestInput } from '../protocol/resources/stack.ts'
import type { LoadedStack } from '../protocol/stackfile/load.ts'
import type { Api } from './api.ts'
import { stateOf } from './build-known.ts'
import { commonOf, type FolderSelection, tarOf } from './build-tar.ts'
import { tarOfEntries } from './tar.ts'
import { type Packable, uploadOnce } from './upload.ts'

export async function sendBundles(
  api: Api,
  { model, localBinds }: Pick<LoadedStack, 'model' | 'localBinds'>,
): Promise<NonNullable<UpRequestInput['bundles']>> {
  if (api.address.way.kind === 'unix') return {}
  const isThere = async (id: string) => (await api.call('hasBundle', { id })).present
  const bundles: NonNullable<UpRequestInput['bundles']> = {}
  for (const [name, service] of Object.entries(model.services)) {
    for (const [index, { type, source }] of (service.volumes ?? []).entries()) {
      if (type !== 'bind' || source === undefined || !localBinds.includes(source) || source in bundles) continue
      const { kind, packable } = bundleOf(source, `services.${name}.volumes[${index}]`)
      bundles[source] = { kind, id: await uploadOnce(api, packable, isThere) }
    }
  }
  return bundles
}

function bundleOf(source: string, at: string): { readonly kind: 'folder' | 'file'; readonly packable: Packable } {
  let path: string
  try {
    path = realpathSync(source)
  } catch (cause) {
    throw new Problem('stack-file-invalid', `${at}: there is no ${source} here to send to the daemon's machine`, {
      hint: 'make it; or name a path of that machine (absolute), or a volume',
      cause,
    })
  }
  const stats = lstatSync(path)
  if (stats.isDirectory()) {
    const selection: FolderSelection = { folder: path, ignore: [], keep: new Set(), extra: {}, owners: 'kept' }
    const tar = () => tarOf(selection)
    return { kind: 'folder', packable: { name: source, key: `bind ${path}`, state: stateOf(selection), tar } }
  }
  if (stats.isFile()) {
    const tar = () => tarOfEntries([{ ...commonOf(BUNDLED_FILE, stats), kind: 'file', from: path }])
    return { kind: 'file', packable: { name: source, key: `bind ${path}`, state: stateOfFile(path, stats), tar } }
  }
  throw new Problem('unsupported', `${at}: ${source} is neither a file nor a folder`, {
    hint: 'sockets and devices stay on the machine that has them: name a path of the daemon’s machine',
  })
}

const stateOfFile = (path: string, { mode, uid, gid, size, mtimeMs, ctimeMs, ino }: Stats) => ({
  digest: `${path} ${mode} ${uid} ${gid} ${size} ${mtimeMs} ${ctimeMs} ${ino}`,
  newestMs: ctimeMs,
})
