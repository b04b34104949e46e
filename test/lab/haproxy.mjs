// The ingress's image, ek-lab/haproxy:1: Debian's haproxy package, unpacked and not installed, with what it loads.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeArchive, makeLayer } from './archive.mjs'
import { programEntries } from './binaries.mjs'
import { findCommand, run } from './commands.mjs'
import { engineCall, engineJson } from './engine-call.mjs'

export const ingressImage = 'ek-lab/haproxy:1'

/** Makes it on the Engine at `engineUrl`, unless it is there. */
export async function ensureIngressImage(engineUrl, { log = () => {} } = {}) {
  const { status } = await engineCall(engineUrl, 'GET', `/images/${ingressImage}/json`, { accept: [404] })
  if (status === 200) return ingressImage
  log(`making the image ${ingressImage}`)
  const { entries, folder } = await haproxy()
  try {
    const { Arch } = await engineJson(engineUrl, 'GET', '/version')
    const layer = await makeLayer('haproxy', [...entries, { path: '/run' }, { path: '/tmp', mode: 0o1777 }])
    const image = {
      tag: ingressImage,
      layers: [layer],
      config: { Env: ['PATH=/usr/sbin:/usr/bin'], Entrypoint: ['haproxy'], WorkingDir: '/' },
    }
    const body = makeArchive([image], { architecture: Arch })
    const { text } = await engineCall(engineUrl, 'POST', '/images/load?quiet=1', { body, timeoutMs: 120_000 })
    const problem = text.split('\n').find((line) => line.includes('"error"'))
    if (problem) throw new Error(`The Engine did not take ${ingressImage}: ${problem}`)
    return ingressImage
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** The installed one, else the package with those it depends on that are not installed. */
async function haproxy() {
  const installed = findCommand('haproxy')
  if (installed) return { entries: await programEntries('/usr/sbin/haproxy', installed) }
  if (!findCommand('apt-get') || !findCommand('dpkg-deb'))
    throw new Error('The ingress needs haproxy: install it (on Debian and Ubuntu the package haproxy).')
  const folder = mkdtempSync(join(tmpdir(), 'ek-haproxy-'))
  const [packages, root] = [join(folder, 'packages'), join(folder, 'root')]
  mkdirSync(join(packages, 'partial'), { recursive: true })
  const options = ['-o', `Dir::Cache::archives=${packages}`, '-o', 'DPkg::Lock::Timeout=120']
  const download = ['install', '--download-only', '--no-install-recommends', '-y', ...options, 'haproxy']
  await run('apt-get', download, { timeoutMs: 120_000 })
  for (const file of readdirSync(packages).filter((name) => name.endsWith('.deb')))
    await run('dpkg-deb', ['-x', join(packages, file), root])
  const libraries = readdirSync(join(root, 'usr/lib'))
    .map((name) => join(root, 'usr/lib', name))
    .filter((path) => existsSync(path))
  const entries = await programEntries('/usr/sbin/haproxy', join(root, 'usr/sbin/haproxy'), { libraries })
  return { entries, folder }
}
