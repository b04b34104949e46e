/**
 * Bundles daemon and client, so that a start reads one file. The daemon keeps its native and larger packages outside;
 * the client is one self-contained file whose rarely used parts are loaded on demand.
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
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  outExtension: { '.js': '.mjs' },
  sourcemap: true,
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
const launchers = {
  evenkeel: LAUNCHER('evenkeel.cjs', 'env -u NODE_EXTRA_CA_CERTS node'),
  evenkeeld: LAUNCHER('evenkeeld.mjs', 'node'),
}
for (const [name, text] of Object.entries(launchers)) {
  writeFileSync(`dist/bin/${name}`, text)
  chmodSync(`dist/bin/${name}`, 0o755)
}
