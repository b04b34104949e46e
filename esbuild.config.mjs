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

// A shell starts it, so that Node does not read the certificates of NODE_EXTRA_CA_CERTS, which costs 70 ms, before the
// program can say whether it needs them.
const LAUNCHER = (file, runtime) => `#!/bin/sh
":" //; self=$0; while [ -h "$self" ]; do link=$(readlink "$self"); case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac; done; exec ${runtime} "$(dirname "$self")/../${file}" "$@"
`
writeFileSync('dist/bin/evenkeeld', LAUNCHER('evenkeeld.mjs', 'node'))
chmodSync('dist/bin/evenkeeld', 0o755)
