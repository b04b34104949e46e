import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type Header, type Pack, pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import type { Api } from '../../../client/api.ts'
import { sendBundles } from '../../../client/bundles.ts'
import { BundleStore } from '../../../daemon/build/bundle-store.ts'
import { ContextStore } from '../../../daemon/build/context-store.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { problemOf, rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** The stores of a daemon, and a client that reaches them. */
function aDaemon(way: 'https' | 'unix' = 'https') {
  const state = temporaryFolder()
  const contexts = new ContextStore(state)
  const bundles = new BundleStore(state, contexts)
  const uploads: string[] = []
  const api = {
    address: { way: { kind: way } },
    report: () => {},
    call: async (name: string, { id }: { id: string }) =>
      name === 'hasBundle'
        ? { present: await bundles.has(id) }
        : { present: await contexts.has(id), receivedBytes: await contexts.receivedBytes(id) },
    upload: async (_: string, { id }: { id: string }, tar: Readable) => {
      uploads.push(id)
      await contexts.put(id, tar)
    },
  } as unknown as Api
  return { state, contexts, bundles, api, uploads }
}

const modelOf = (...sources: string[]): Model => ({
  name: 'shop',
  services: {
    web: { image: 'web', volumes: sources.map((source, index) => ({ type: 'bind', source, target: `/${index}` })) },
  },
})

async function uploaded(contexts: ContextStore, tar: Pack): Promise<string> {
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  const id = createHash('sha256').update(bytes).digest('hex')
  await contexts.put(id, Readable.from([bytes]))
  return id
}

describe('bound files of a client', () => {
  test('are at the daemon what they are here: bytes, modes, links; a file is a file', async () => {
    const { api, bundles } = aDaemon()
    const here = temporaryFolder()
    const conf = join(here, 'conf')
    mkdirSync(join(conf, 'deep'), { recursive: true })
    writeFileSync(join(conf, 'deep/run.sh'), '#!/bin/sh\n', { mode: 0o750 })
    symlinkSync('deep/run.sh', join(conf, 'link'))
    symlinkSync('/etc/passwd', join(conf, 'out'))
    chmodSync(join(conf, 'deep'), 0o555)
    chmodSync(conf, 0o711)
    writeFileSync(join(here, 'one.conf'), 'alone')
    const sources = [conf, join(here, 'one.conf')]
    const sent = await sendBundles(api, { model: modelOf(...sources), localBinds: sources })
    for (const bundle of Object.values(sent)) await bundles.place(bundle)
    const [folder, file] = sources.map((source) => bundles.pathOf(sent[source]!)) as [string, string]
    expect(readFileSync(file, 'utf8')).toBe('alone')
    expect(readdirSync(folder)).toEqual(['deep', 'link', 'out'])
    expect(readlinkSync(join(folder, 'out'))).toBe('/etc/passwd')
    const modes = ['', 'deep', 'deep/run.sh'].map((name) => statSync(join(folder, name)).mode & 0o777)
    expect(modes).toEqual([0o711, 0o555, 0o750])
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
    expect(statSync(join(folder, 'deep/run.sh')).uid).toBe(process.getuid?.())
  })

  test('go once: what the daemon has is not sent again, also when its tar is gone', async () => {
    const { api, bundles, contexts, uploads } = aDaemon()
    const here = temporaryFolder()
    writeFileSync(join(here, 'a'), 'x')
    const send = () => sendBundles(api, { model: modelOf(here), localBinds: [here] })
    const { [here]: bundle } = await send()
    await bundles.place(bundle!)
    await contexts.sweep(new Set(), -1)
    expect(await send()).toEqual({ [here]: bundle })
    expect(uploads).toHaveLength(1)
  })

  test('stay where the daemon is on this machine, and absolute paths are the daemon’s', async () => {
    const here = temporaryFolder()
    const model = modelOf(here)
    expect(await sendBundles(aDaemon('unix').api, { model, localBinds: [here] })).toEqual({})
    expect(await sendBundles(aDaemon().api, { model, localBinds: [] })).toEqual({})
  })

  test('that are not there are told by the place that names them', async () => {
    const path = join(temporaryFolder(), 'nowhere')
    const problem = await rejectionOf(sendBundles(aDaemon().api, { model: modelOf(path), localBinds: [path] }))
    expect(problem.message).toBe(`services.web.volumes[0]: there is no ${path} here to send to the daemon's machine`)
  })
})

describe('a bundle that does not come from a client of ours', () => {
  async function placed(...entries: (Partial<Header> & { name: string })[]) {
    const { state, contexts, bundles } = aDaemon()
    const tar = pack()
    for (const entry of entries) tar.entry(entry as Header, entry.type === undefined ? 'data' : '')
    const id = await uploaded(contexts, tar)
    return { state, problem: await rejectionOf(bundles.place({ id, kind: 'folder' })) }
  }

  test.each<[string, (Partial<Header> & { name: string })[]]>([
    ['climbs', [{ name: '../evil' }]],
    ['climbs from within', [{ name: 'a', type: 'directory' }, { name: 'a/../../evil' }]],
    ['is absolute', [{ name: '/tmp/evil-of-a-bundle' }]],
    ['goes through a link', [{ name: 'a', type: 'symlink', linkname: '/tmp' }, { name: 'a/evil-of-a-bundle' }]],
    ['takes the place of a link', [{ name: 'a', type: 'symlink', linkname: '/tmp/evil-of-a-bundle' }, { name: 'a' }]],
    ['is a second name of a file', [{ name: 'a', type: 'link', linkname: '/etc/passwd' }]],
    ['is a device', [{ name: 'a', type: 'block-device', devmajor: 8, devminor: 0 }]],
  ])('is refused, and leaves nothing, where an entry %s', async (_, entries) => {
    const { state, problem } = await placed(...entries)
    expect(problem.code).toBe('bad-request')
    expect(readdirSync(join(state, 'bundles'))).toEqual([])
    expect(existsSync(join(state, 'evil'))).toBe(false)
    expect(existsSync('/tmp/evil-of-a-bundle')).toBe(false)
  })

  test('runs nothing with the rights of another user', async () => {
    const { contexts, bundles } = aDaemon()
    const tar = pack()
    tar.entry({ name: 'su', mode: 0o4755 }, 'x')
    const id = await uploaded(contexts, tar)
    await bundles.place({ id, kind: 'folder' })
    expect(statSync(join(bundles.pathOf({ id, kind: 'folder' }), 'su')).mode & 0o7777).toBe(0o755)
  })
})

test('a bundle that is gone is told, and no empty folder is mounted in its place', () => {
  const { bundles } = aDaemon()
  expect(problemOf(() => bundles.pathOf({ id: 'a'.repeat(64), kind: 'folder' }))).toMatchObject({
    code: 'conflict',
    hint: expect.stringContaining('evenkeel up'),
  })
})

test('bundles that no revision names go after a while, others stay', async () => {
  const { bundles } = aDaemon()
  for (const name of ['a', 'b']) mkdirSync(join(bundles.folder, name.repeat(64)), { recursive: true })
  expect(await bundles.sweep(new Set(['a'.repeat(64)]), 60_000)).toBe(0)
  expect(await bundles.sweep(new Set(['a'.repeat(64)]), -1)).toBe(1)
  expect(readdirSync(bundles.folder)).toEqual(['a'.repeat(64)])
})
