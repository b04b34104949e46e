// Shows what the issues ask to be shown: `npm run prove -- NAME`. Without a name it lists the proofs.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import { projectFolder } from '../lab/daemon.mjs'
import { ensureEngine } from '../lab/engine.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { proofs } from './proofs.mjs'

const [name, ...rest] = process.argv.slice(2)
const proof = proofs.find((candidate) => candidate.name === name)
if (proof === undefined) {
  if (name !== undefined) console.error(`There is no proof ${name}.\n`)
  console.log('npm run prove -- NAME\n')
  for (const { name, shows } of proofs) console.log(`  ${name.padEnd(16)} ${shows}`)
  process.exit(name === undefined ? 0 : 2)
}

if (!existsSync(`${projectFolder}/dist/evenkeel.cjs`))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: projectFolder, stdio: 'inherit' })
const seed = Number(
  rest[rest.indexOf('--seed') + 1] && rest.includes('--seed')
    ? rest[rest.indexOf('--seed') + 1]
    : Date.now() % 1_000_000,
)
const needsEngine = proof.needsEngine !== false
const engine = needsEngine
  ? (process.env.EVENKEEL_TEST_ENGINE ?? (await ensureEngine({ log: console.error })))
  : undefined
const { Version, ApiVersion } = needsEngine ? await engineJson(engine, 'GET', '/version') : {}
if (needsEngine) await ensureImages(engine)
console.log(`# ${name}: ${proof.shows}`)
console.log(
  `machine: ${os.cpus().length} x ${os.cpus()[0]?.model}, ${(os.totalmem() / 1024 ** 3).toFixed(0)} GiB, ${os.type()} ${os.release()}, Node ${process.version}`,
)
const where = needsEngine ? `engine:  ${Version} (API ${ApiVersion}) at ${engine}` : 'engine:  none is needed'
console.log(`${where}; seed ${seed}; ${new Date().toISOString()}`)

const results = []
await proof.run({
  engine,
  seed,
  random: randomOf(seed),
  /** What else stands on the command line. */
  args: rest,
  /** One line of the answer: what was seen, what it is held against. */
  show(what, figure, bound, holds, spread = '') {
    results.push(holds)
    console.log(`${holds ? 'holds ' : 'FAILS '} ${what}: ${figure} (bound: ${bound})${spread ? `; ${spread}` : ''}`)
  },
  note: (text) => console.log(`       ${text}`),
})
const failed = results.filter((holds) => !holds).length
if (results.length === 0) {
  console.log('not run')
  process.exit(0)
}
console.log(
  failed === 0
    ? `proved: ${results.length} of ${results.length}`
    : `NOT proved: ${failed} of ${results.length} fall short`,
)
process.exit(failed === 0 ? 0 : 1)

/** mulberry32 */
function randomOf(start) {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
