// `npm test`: installs, builds, and runs every test, those on real Engines included. The last line is the sum.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('..', import.meta.url))
const only = process.argv.slice(2)

function step(name, command, args, env = {}) {
  console.log(`\n== ${name}`)
  const { status } = spawnSync(command, args, { cwd: folder, stdio: 'inherit', env: { ...process.env, ...env } })
  return status === 0
}

const native = join(folder, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node')
if (!existsSync(native) && !step('npm ci', 'npm', ['ci', '--no-audit', '--no-fund'])) {
  console.error(
    'npm ci failed. Where no prebuilt better-sqlite3 can be fetched it is compiled: apt-get install python3 make g++',
  )
  process.exit(1)
}

let passed = 0
let failed = 0
const count = (isGood) => {
  if (isGood) passed += 1
  else failed += 1
}

count(step('build', 'npm', ['run', '--silent', 'build']))
if (only.length === 0) count(step('types, lint, format, import direction', 'npm', ['run', '--silent', 'check']))

const engines = await enginesToTest()
const report = join(mkdtempSync(join(tmpdir(), 'ek-report-')), 'report.json')
step(
  'tests',
  'npx',
  ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...only],
  {
    EVENKEEL_TEST_ENGINES: engines.join(','),
  },
)
if (existsSync(report)) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  passed += numPassedTests
  // A file that does not load has no tests that could fail: it counts by itself.
  failed +=
    numFailedTests +
    testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
    ).length
  if (numPendingTests + numTodoTests > 0)
    console.log(`${numPendingTests + numTodoTests} skipped, each with its reason above`)
  rmSync(join(report, '..'), { recursive: true, force: true })
} else failed += 1

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

/** Those that EVENKEEL_TEST_ENGINES names, else the one that is there, else one that is installed and started. */
async function enginesToTest() {
  const named = (process.env.EVENKEEL_TEST_ENGINES ?? '').split(',').filter(Boolean)
  const { ensureEngine } = await import('./lab/engine.mjs')
  const { ensureImages } = await import('./lab/images.mjs')
  const { ensureIngressImage } = await import('./lab/haproxy.mjs')
  const engines = named.length > 0 ? named : [await ensureEngine({ log: console.log })]
  for (const engine of engines) {
    await ensureImages(engine, { log: console.log })
    // Many suites need it, and two of them begin at once. Where it cannot be made, they say so.
    if (only.length === 0) await ensureIngressImage(engine, { log: console.log }).catch(() => {})
  }
  return engines
}
