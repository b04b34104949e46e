// Programs of this machine, ready to be laid into an image: with the libraries they load.
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { findCommand, run } from './commands.mjs'

/** The entries of a program at `path` in an image, taken from `source`, with what ldd says it loads, each where it is here. */
export async function programEntries(path, source, { libraries = [] } = {}) {
  const entries = [{ path, content: readFileSync(source), mode: 0o755 }]
  for (const library of await librariesOf(source, libraries)) {
    // One of a package that is not installed is to be where the loader looks for it.
    const folder = libraries.find((one) => library.startsWith(`${one}/`))
    const inside = folder === undefined ? library : `/usr/lib${library.slice(dirname(folder).length)}`
    entries.push({ path: inside, content: readFileSync(library), mode: 0o755 })
  }
  return entries
}

/** Node itself. Debian's own build reads parts of its standard library from /usr/share/nodejs as it starts: these come along. */
export async function nodeEntries() {
  const source = realpathSync(process.execPath)
  const entries = await programEntries('/usr/bin/node', source)
  const libnode = entries.find(({ path }) => path.includes('/libnode.so'))
  if (libnode) {
    for (const path of pathsNamedIn(libnode.content, '/usr/share/nodejs/'))
      if (existsSync(path)) entries.push({ path, content: readFileSync(path) })
  }
  return entries
}

/** Busybox and the names of its applets: the installed one, else the one of Debian's package, unpacked and not installed. */
export async function busybox() {
  const installed = findCommand('busybox')
  if (installed) return describe(installed)
  if (!findCommand('apt-get') || !findCommand('dpkg-deb'))
    throw new Error('The lab images need busybox: install it (on Debian and Ubuntu the package busybox-static).')
  const folder = mkdtempSync(join(tmpdir(), 'ek-busybox-'))
  try {
    await run('apt-get', ['download', 'busybox-static'], { cwd: folder, timeoutMs: 120_000 })
    const [archive] = (await run('ls', [folder])).split('\n')
    await run('dpkg-deb', ['-x', join(folder, archive), folder])
    const unpacked = ['bin/busybox', 'usr/bin/busybox']
      .map((path) => join(folder, path))
      .find((path) => existsSync(path))
    return await describe(unpacked)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function describe(source) {
  const applets = (await run(source, ['--list'])).split('\n').filter(Boolean)
  return { entries: await programEntries('/bin/busybox', source), applets }
}

async function librariesOf(source, libraries) {
  const env = libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') }
  const report = await run('ldd', [source], { env }).catch((error) => {
    // glibc says so of a static program on stderr, with an exit code; musl says `Not a valid dynamic program`.
    if (/not a dynamic|Not a valid dynamic/i.test(error.message)) return ''
    throw error
  })
  // `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)` and, for the loader, `/lib64/ld-linux-x86-64.so.2 (0x...)`
  const paths = [...report.matchAll(/(?:^|=>)\s*(\/\S+)\s+\(0x/gm)].map(([, path]) => path)
  return [...new Set(paths)]
}

function pathsNamedIn(content, prefix) {
  const paths = new Set()
  for (let at = content.indexOf(prefix); at >= 0; at = content.indexOf(prefix, at + 1))
    paths.add(content.subarray(at, content.indexOf(0, at)).toString('latin1'))
  return paths
}
