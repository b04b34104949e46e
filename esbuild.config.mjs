/**
 * Bundles daemon and client into one file each, so that a start reads one file. Rarely used parts of the client are run
 * only on demand.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const define = { EVENKEEL_VERSION: JSON.stringify(version) }

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist/bin', { recursive: true })

await build({
  entryPoints: { evenkeeld: 'daemon/main.ts' },
  outdir: 'dist',
  bundle: true,
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  // A native module cannot be bundled; the others are optional accelerators of ws.
  external: ['better-sqlite3', 'bufferutil', 'utf-8-validate'],
  define,
})

await build({
  entryPoints: { evenkeel: 'client/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  // Optional accelerators of ws, which finds out by itself that they are not there.
  external: ['bufferutil', 'utf-8-validate'],
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  define: { ...define, 'import.meta.url': 'importMetaUrl' },
})

// A shell starts it, so that Node does not read the certificates of NODE_EXTRA_CA_CERTS, which costs 70 ms, before the
// program can say whether it needs them.
const LAUNCHER = (file, runtime) => `#!/bin/sh
":" //; self=$0; while [ -h "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac; done; exec ${runtime} "$(dirname "$self")/../${file}" "$@"
`
// A daemon rests most of the time: one malloc arena and a small young generation keep 15 MB from being held for nothing.
const DAEMON_RUNTIME = 'env MALLOC_ARENA_MAX=1 node --max-semi-space-size=1 --single-threaded-gc'

const launchers = {
  evenkeel: LAUNCHER('evenkeel.cjs', 'env -u NODE_EXTRA_CA_CERTS node'),
  evenkeeld: LAUNCHER('evenkeeld.cjs', DAEMON_RUNTIME),
}
for (const [name, text] of Object.entries(launchers)) {
  writeFileSync(`dist/bin/${name}`, text)
  chmodSync(`dist/bin/${name}`, 0o755)
}
