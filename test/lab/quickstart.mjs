// `npm run quickstart`: from a fresh clone to a running example stack. Run again, it changes nothing and says so.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../..', import.meta.url))
const example = join(folder, 'test/fixtures/example')
const client = join(folder, 'dist/bin/evenkeel')
const address = 'http://127.0.0.1:8088/'
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
let changed = false

const say = (text) => console.log(`> ${text}`)

function fail(text) {
  console.error(`quickstart: ${text}`)
  process.exit(1)
}

if (major < 20 || (major === 20 && minor < 19))
  fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed`)

if (process.argv.includes('--stop-daemon')) {
  const info = existsSync(client) ? ek(['info', '--format', 'json']) : undefined
  if (info?.code === 0 || info?.text.includes('"pid"')) process.kill(JSON.parse(info.text).pid, 'SIGTERM')
  process.exit(0)
}

install()
build()
const engine = await findOrStartEngine()
await startDaemon(engine)
await bringUp()

function npm(args) {
  execFileSync('npm', [...args, '--loglevel=error'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}

function install() {
  const native = join(folder, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node')
  // What was installed is told by the lock file that it was installed from; by hand, whoever did it knows.
  const stamp = join(folder, 'node_modules/.evenkeel-installed')
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex')
  if (existsSync(native) && (!existsSync(stamp) || readFileSync(stamp, 'utf8') === lock)) return
  say('installing packages: npm ci')
  try {
    npm(['ci', '--no-audit', '--no-fund'])
  } catch {
    fail(
      'npm ci failed (see above). Where no prebuilt better-sqlite3 can be fetched, it is compiled: apt-get install python3 make g++',
    )
  }
  writeFileSync(stamp, lock)
  changed = true
}

function build() {
  const newest = (path) =>
    Math.max(
      statSync(path).mtimeMs,
      ...(statSync(path).isDirectory() ? readdirSync(path).map((name) => newest(join(path, name))) : []),
    )
  const built = join(folder, 'dist/evenkeel.cjs')
  const sources = ['protocol', 'daemon', 'client', 'esbuild.config.mjs', 'package.json'].map((name) =>
    newest(join(folder, name)),
  )
  if (existsSync(built) && statSync(built).mtimeMs >= Math.max(...sources)) return
  say('building: npm run build')
  npm(['run', '--silent', 'build'])
  changed = true
}

async function findOrStartEngine() {
  const { ensureEngine, findEngine } = await import('./engine.mjs')
  const found = await findEngine()
  if (found === undefined) changed = true
  const url = found ?? (await ensureEngine({ log: say }).catch((error) => fail(error.message)))
  const { engineJson } = await import('./engine-call.mjs')
  const { Version } = await engineJson(url, 'GET', '/version')
  say(`Docker Engine ${Version} answers at ${url}`)
  const { ensureImages } = await import('./images.mjs')
  await ensureImages(url, { log: say })
  return url
}

async function startDaemon(engineUrl) {
  const running = ek(['info', '--format', 'json'])
  if (running.text.includes('"pid"')) {
    const info = JSON.parse(running.text)
    say(`evenkeeld ${info.version} is running already (pid ${info.pid}, Engine at ${info.engine.address})`)
    return
  }
  changed = true
  const isRoot = process.getuid?.() === 0
  const log = process.env.EVENKEEL_STATE
    ? join(dirname(process.env.EVENKEEL_STATE), 'evenkeeld.log')
    : isRoot
      ? '/var/log/evenkeeld.log'
      : join(process.env.XDG_STATE_HOME || join(process.env.HOME ?? '/tmp', '.local/state'), 'evenkeeld.log')
  mkdirSync(dirname(log), { recursive: true })
  const file = openSync(log, 'a')
  const child = spawn(join(folder, 'dist/bin/evenkeeld'), ['--engine', engineUrl], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', file, file],
  })
  child.unref()
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  for (let tries = 0; tries < 100; tries += 1) {
    await delay(100)
    if (ended)
      fail(
        `evenkeeld ended at once; its log ${log} says:\n${readFileSync(log, 'utf8').split('\n').slice(-6).join('\n')}`,
      )
    if (ek(['version', '--format', 'json']).text.includes('"daemon": "')) {
      say(`started evenkeeld in the background (pid ${child.pid}, log ${log})`)
      return
    }
  }
  fail(`evenkeeld did not answer within 10 s; its log is ${log}`)
}

async function bringUp() {
  const { actions } = JSON.parse(must(['plan', '--format', 'json']).text)
  if (actions.length > 0) {
    changed = true
    say(`evenkeel up   (in ${example})`)
    execFileSync(client, ['up', '--wait'], { cwd: example, stdio: 'inherit', env: process.env })
  }
  say(`GET ${address}`)
  console.log(await answer())
  say('evenkeel logs --tail 3 web')
  process.stdout.write(must(['logs', '--tail', '3', 'web']).text)
  console.log(changed ? '\nThe example stack is up.' : '\nNothing was changed: all of this was as it should be.')
  console.log(`
Next, type:
  export PATH="${join(folder, 'dist/bin')}:$PATH"
  cd ${example}
  ek ps                     # its containers
  ek logs -f                # its logs, live
  ek scale worker=3         # more of one service
  ek plan                   # what \`ek up\` would do; try it after you changed compose.yaml
  ek down                   # take it down`)
}

async function answer() {
  let problem
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      const response = await fetch(address, { signal: AbortSignal.timeout(2000) })
      return `HTTP/1.1 ${response.status} ${await response.text()}`.trimEnd()
    } catch (error) {
      problem = error
      await delay(100)
    }
  }
  return fail(`the example does not answer at ${address}: ${problem?.cause?.message ?? problem?.message}`)
}

function ek(args) {
  try {
    return {
      code: 0,
      text: execFileSync(client, args, { cwd: example, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
      errors: '',
    }
  } catch (error) {
    return { code: error.status ?? 1, text: String(error.stdout ?? ''), errors: String(error.stderr ?? error.message) }
  }
}

function must(args) {
  const result = ek(args)
  if (result.code !== 0) fail(`evenkeel ${args.join(' ')} failed:\n${result.errors}`)
  return result
}
