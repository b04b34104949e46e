// Image archives as `docker save` writes them (manifest.json, a config and layers), made from files of this machine.
import { createHash } from 'node:crypto'
import tar from 'tar-stream'

const anyTime = new Date('2025-01-01T00:00:00Z') // the same content gives the same image id, on every Engine

/** A layer: `entries` of `{ path, content, mode }`, `{ path, link }` or `{ path }` (a folder). Parent folders come by themselves. */
export async function makeLayer(name, entries) {
  const pack = tar.pack()
  const bytes = collect(pack)
  const folders = new Set()
  const addFolders = (path) => {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) addFolder(path.slice(0, end), 0o755)
  }
  const addFolder = (path, mode) => {
    if (folders.has(path)) return
    folders.add(path)
    pack.entry({ name: `${path}/`, type: 'directory', mode, mtime: anyTime })
  }
  for (const { path, content, mode, link } of entries) {
    const inside = path.replace(/^\//, '')
    addFolders(inside)
    if (link) pack.entry({ name: inside, type: 'symlink', linkname: link, mtime: anyTime })
    else if (content === undefined) addFolder(inside, mode ?? 0o755)
    else pack.entry({ name: inside, mode: mode ?? 0o644, mtime: anyTime }, content)
  }
  pack.finalize()
  const content = await bytes
  return { name, content, diffId: `sha256:${sha256(content)}` }
}

/** The archive of several images, as a stream for POST /images/load: each `{ tag, layers, config }`. Shared layers are sent once. */
export function makeArchive(images, { architecture }) {
  const pack = tar.pack()
  const layers = new Set(images.flatMap((image) => image.layers))
  for (const layer of layers) pack.entry({ name: `${layer.name}/layer.tar`, mtime: anyTime }, layer.content)
  const manifest = images.map(({ tag, layers: own, config }) => {
    const text = JSON.stringify({
      architecture,
      os: 'linux',
      created: anyTime.toISOString(),
      config,
      rootfs: { type: 'layers', diff_ids: own.map((layer) => layer.diffId) },
      history: own.map((layer) => ({ created: anyTime.toISOString(), created_by: `ek-lab: ${layer.name}` })),
    })
    const file = `${sha256(text)}.json`
    pack.entry({ name: file, mtime: anyTime }, text)
    return { Config: file, RepoTags: [tag], Layers: own.map((layer) => `${layer.name}/layer.tar`) }
  })
  pack.entry({ name: 'manifest.json', mtime: anyTime }, JSON.stringify(manifest))
  pack.finalize()
  return pack
}

export const sha256 = (content) => createHash('sha256').update(content).digest('hex')

async function collect(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
