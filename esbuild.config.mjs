/**
 * Bundles daemon and client into one file each, so that a start reads one file. Rarely used parts of the client are run
 * only on demand.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, transformSync } from 'esbuild'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const define = { EVENKEEL_VERSION: JSON.stringify(version) }

/** What the run that warms the cache reads: the common parts of the language, so that their code is in it. */
const WARM_UP_FILE = `
x-common: &common
  restart: unless-stopped
  environment: { LEVEL: "\${LEVEL:-info}" }
services:
  web:
    <<: *common
    image: example/web:1
    command: serve --port 80
    ports: ["8080:80", { target: 443, published: "8443" }]
    depends_on: { db: { condition: service_healthy } }
    volumes: ["data:/data", "./files:/files:ro"]
    networks: [front]
    labels: [a=b]
    deploy: { replicas: 2, resources: { limits: { memory: 64m } } }
  db:
    image: example/db:1
    environment: [A=1]
    healthcheck: { test: "true", interval: 5s }
networks: { front: {} }
volumes: { data: {} }
`

/** Node's own modules that these importers take only when something of them is used. */
function deferred(modules, importer) {
  const filter = new RegExp(`^(node:)?(${modules.join('|')})$`)
  return {
    name: 'deferred',
    setup(bundler) {
      bundler.onResolve({ filter }, (found) =>
        importer.test(found.importer) ? { path: found.path.replace('node:', ''), namespace: 'deferred' } : undefined,
      )
      bundler.onLoad({ filter: /./, namespace: 'deferred' }, async ({ path }) => ({
        // Each by its name: who imports some of them copies what there is.
        contents: `for (const name of ${JSON.stringify(Object.keys((await import(`node:${path}`)).default))})
          Object.defineProperty(exports, name, { enumerable: true, get: () => require('node:${path}')[name] })`,
      }))
    },
  }
}

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
  // A native module cannot be bundled; acme-client is read where certificates are asked for; the others are optional
  // accelerators of ws.
  external: ['better-sqlite3', 'acme-client', 'bufferutil', 'utf-8-validate'],
  define,
})

await build({
  entryPoints: { client: 'client/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  // Optional accelerators of ws, which finds out by itself that they are not there.
  external: ['bufferutil', 'utf-8-validate'],
  // `import()` of Node's own modules becomes require(): the loader below compiles the bundle outside the module system.
  supported: { 'dynamic-import': false },
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  define: { ...define, 'import.meta.url': 'importMetaUrl' },
  plugins: [
    // What a socket file never needs.
    deferred(['https', 'tls', 'zlib'], /node_modules\/ws\//),
    // Together 9 ms of each start.
    deferred(['crypto', 'child_process', 'fs/promises', 'stream/promises', 'readline'], /\/(client|protocol)\//),
  ],
})

// The client compiled ahead: reading V8's cache takes 2 ms where compiling takes 25. Another Node, or none at all, is no
// harm: V8 refuses a cache that is not its own, and the loader goes on without.
writeFileSync('dist/evenkeel.cjs', transformSync(readFileSync('client/loader.cjs', 'utf8'), { define }).code)
const warmUp = mkdtempSync(join(tmpdir(), 'evenkeel-build-'))
writeFileSync(join(warmUp, 'compose.yaml'), WARM_UP_FILE)
spawnSync(
  process.execPath,
  ['dist/evenkeel.cjs', '-f', join(warmUp, 'compose.yaml'), '-H', `unix://${warmUp}/none`, 'up'],
  {
    env: { PATH: process.env.PATH, EVENKEEL_WRITE_CODE_CACHE: '1' },
  },
)
rmSync(warmUp, { recursive: true })

// A shell starts it, so that Node does not read the certificates of NODE_EXTRA_CA_CERTS, which costs 70 ms, before the
// program can say whether it needs them.
// Nothing but the shell's own words on the usual way: each program that is started costs 2 to 4 ms.
const LAUNCHER = (file, runtime) => `#!/bin/sh
case $0 in
  */*) self=$0 ;;
  *) self=./$0 ;;
esac
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=\${self%/*}/$link ;;
  esac
done
${runtime} "\${self%/*}/../${file}" "$@"
`
// A daemon rests most of the time. One malloc arena and a small young generation keep 15 MB from being held for nothing; a
// heap that grows in small steps another 9 MB; blocks of 128 KiB and more that go back to the system when freed, 2 MB
// (glibc raises that limit by itself as soon as one large block was freed).
const DAEMON_RUNTIME = [
  'MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TRIM_THRESHOLD_=65536',
  'exec node --optimize-for-size --max-semi-space-size=1 --single-threaded-gc --expose-gc',
].join(' ')

// `--`, or Node 20 takes `--env-file` for its own, even after the name of the program.
// The variable goes on under another name, for stack files that hand it to their services.
const CLIENT_RUNTIME = `if [ -n "\${NODE_EXTRA_CA_CERTS+set}" ]; then export EVENKEEL_NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"; fi
unset NODE_EXTRA_CA_CERTS
exec node --`
const launchers = {
  evenkeel: LAUNCHER('evenkeel.cjs', CLIENT_RUNTIME),
  ek: LAUNCHER('evenkeel.cjs', CLIENT_RUNTIME),
  evenkeeld: LAUNCHER('evenkeeld.cjs', DAEMON_RUNTIME),
}
for (const [name, text] of Object.entries(launchers)) {
  writeFileSync(`dist/bin/${name}`, text)
  chmodSync(`dist/bin/${name}`, 0o755)
}
