// The simulator: `npm run sim -- --runs 100000 [--seed N] [--minutes N] [--jobs 2] [--bug NAME] [--one SEED] [--store file] [--json]`.
// Bundles it, plays schedules side by side in processes, and prints what broke: seed, rule, shrunk schedule, last calls.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { MUTATIONS } from './mutations.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const sqlite = join(here, '../../node_modules/better-sqlite3/lib/index.js')
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    bug: { type: 'string' },
    one: { type: 'string' },
    schedule: { type: 'string' },
    store: { type: 'string', default: 'memory' },
    failures: { type: 'string', default: '5' },
    profile: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

/** Edits of the source by which the named bug is planted; one that no longer fits its file is an error. */
const edits = MUTATIONS[values.bug] ?? []
const planted = new Set()
const folder = mkdtempSync(join(tmpdir(), 'ek-sim-bundle-'))
const bundle = join(folder, 'worker.cjs')
await build({
  entryPoints: [join(here, 'worker.ts')],
  outfile: bundle,
  bundle: true,
  sourcemap: 'inline',
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  logLevel: 'error',
  plugins: [
    {
      name: 'simulated-sqlite',
      setup(bundler) {
        bundler.onResolve({ filter: /^better-sqlite3$/ }, ({ importer }) =>
          importer.endsWith('test/sim/sqlite.ts')
            ? { path: sqlite, external: true }
            : { path: join(here, 'sqlite.ts') },
        )
        if (edits.length > 0) {
          bundler.onLoad({ filter: /daemon\/.*\.ts$/ }, ({ path }) => {
            const fitting = edits.filter(({ file }) => file.test(path))
            if (fitting.length === 0) return undefined
            let contents = readFileSync(path, 'utf8')
            for (const edit of fitting) {
              if (!contents.includes(edit.from)) continue
              contents = contents.replace(edit.from, edit.to)
              planted.add(edit)
            }
            return { contents, loader: 'ts' }
          })
        }
        // The language has tests of its own; reading each model through it would cost a tenth of the time.
        bundler.onResolve({ filter: /check-model\.ts$/ }, () => ({ path: join(here, 'unchecked-model.ts') }))
      },
    },
  ],
})

if (planted.size < edits.length) throw new Error(`${values.bug} cannot be planted: the source has changed`)

const single = values.one !== undefined || values.schedule !== undefined
const runs = single ? 1 : Number(values.runs)
const jobs = single ? 1 : Math.min(Number(values.jobs), runs)
const first = Number(values.one ?? values.seed)
const share = Math.ceil(runs / jobs)
const started = performance.now()
const failures = []
const sum = { runs: 0, simulatedMs: 0, deaths: 0, cpuSeconds: 0 }
const progress = new Map()
const children = []
let enough = false

/** Nothing heard for so long: a schedule that never ends. */
const SILENCE_MS = 600_000

function work(index) {
  const from = first + index * share
  const count = Math.min(share, runs - index * share)
  if (count <= 0) return Promise.resolve()
  const order = {
    from,
    count,
    failuresLimit: Number(values.failures),
    ...(values.minutes === undefined ? {} : { minutes: Number(values.minutes) }),
    bug: edits.length > 0 ? undefined : values.bug,
    store: values.store,
    trace: values.one !== undefined || values.schedule !== undefined,
    shrink: !values['no-shrink'] && !single,
    ...(values.schedule === undefined ? {} : { schedule: JSON.parse(readFileSync(values.schedule, 'utf8')) }),
  }
  return new Promise((resolve) => {
    let at = from
    const profile = values.profile ? ['--cpu-prof', '--cpu-prof-dir=/tmp/ek-sim-profile'] : []
    const child = spawn(process.execPath, ['--enable-source-maps', ...profile, bundle, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    let timer
    const heard = () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        failures.push({ failure: at, rule: 'ends', message: 'it never ends' })
        child.kill('SIGKILL')
      }, SILENCE_MS)
    }
    heard()
    createInterface({ input: child.stdout }).on('line', (line) => {
      heard()
      let said
      try {
        said = JSON.parse(line)
      } catch {
        console.error(line)
        return
      }
      if (said.failure !== undefined) {
        failures.push(said)
        if (!values.json) print(said)
        if (failures.length >= Number(values.failures)) {
          enough = true
          for (const other of children) other.kill()
        }
      } else if (said.at !== undefined) {
        at = said.at
        progress.set(index, at - from)
        if (!values.json && process.stderr.isTTY && at % 500 === 0) {
          const done = [...progress.values()].reduce((a, b) => a + b, 0)
          process.stderr.write(`\r${done} of ${runs}, ${Math.round((performance.now() - started) / 1000)} s `)
        }
      } else if (said.done !== undefined) {
        sum.runs += said.done
        sum.simulatedMs += said.simulatedMs
        sum.deaths += said.deaths
        sum.cpuSeconds += said.cpuSeconds
      } else if (said.crashed !== undefined) failures.push({ failure: from, rule: 'ends', message: said.crashed })
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== 0 && !enough)
        failures.push({ failure: at, rule: 'ends', message: `the worker ended with ${signal ?? code}` })
      resolve()
    })
  })
}

function print({ failure, rule, message, schedule, steps = [], trace = [] }) {
  console.log(`\nseed ${failure}: ${rule}: ${message}`)
  if (schedule !== undefined) console.log(`  API ${schedule.apiVersion}, stacks ${schedule.stacks.join(', ')}`)
  for (const step of steps) console.log(`  > ${step}`)
  for (const line of trace) console.log(`  | ${line}`)
}

await Promise.all(Array.from({ length: jobs }, (_, index) => work(index)))
rmSync(folder, { recursive: true, force: true })
const seconds = (performance.now() - started) / 1000
const result = { ...sum, seconds, seed: first, jobs, failures }
if (values.json) console.log(JSON.stringify(result))
else {
  for (const failure of failures) if (failure.rule === 'ends') print(failure)
  const hours = (sum.simulatedMs / 3_600_000).toFixed(0)
  console.log(
    `\n${sum.runs} schedules from seed ${first} in ${seconds.toFixed(1)} s (${(sum.runs / seconds).toFixed(0)}/s, ${jobs} jobs): ` +
      `${failures.length} broken; ${hours} h of simulated time, the daemon died ${sum.deaths} times`,
  )
}
process.exit(failures.length === 0 ? 0 : 1)
