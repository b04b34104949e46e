// The fuzzer of the stack-file loader: `npm run fuzz -- --inputs 50000 [--seed N] [--jobs 2] [--corpus DIR] [--json]`.
// Bundles it, plays inputs side by side in processes, and prints what broke with the input that is left of it.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    batch: { type: 'string', default: '1000' },
    failures: { type: 'string', default: '5' },
    corpus: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

/** Of a worker: an input that needs more ends it, and counts as broken. */
const HEAP_MIB = 512
const TOLD_EVERY = 25_000

const folder = mkdtempSync(join(tmpdir(), 'ek-fuzz-'))
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
  define: { 'import.meta.dirname': JSON.stringify(here) },
})

const jobs = Number(values.jobs)
const share = Math.ceil(Number(values.inputs) / jobs)
const started = performance.now()
const sum = { accepted: 0, refused: 0, residentKiB: 0 }
const failures = []
let told = 0

function work(index) {
  const order = {
    // Far apart, so that no two jobs come to the same seed.
    seed: Number(values.seed) * 1_000_000 + index * 500_000,
    inputs: share,
    batch: Number(values.batch),
    failuresLimit: Number(values.failures),
    corpus: values.corpus,
  }
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', `--max-old-space-size=${HEAP_MIB}`, bundle, JSON.stringify(order)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line)
      if (said.failure !== undefined) {
        failures.push(said.failure)
        if (!values.json) print(said.failure)
        return
      }
      sum.accepted += said.accepted
      sum.refused += said.refused
      sum.residentKiB = Math.max(sum.residentKiB, said.residentKiB)
      if (!values.json) tellProgress()
    })
    child.on('close', (code, signal) => {
      if (code !== 0) failures.push({ seed: order.seed, broken: `the worker ended with ${signal ?? code}`, input: {} })
      resolve()
    })
  })
}

/** On a terminal all the time; elsewhere once in a while, so that a long run that is cut short has said how far it came. */
function tellProgress() {
  const played = sum.accepted + sum.refused
  if (process.stderr.isTTY) process.stderr.write(`\r${played} of ${values.inputs} `)
  else if (played - told >= TOLD_EVERY) {
    told = played
    process.stderr.write(`${played} of ${values.inputs} after ${((performance.now() - started) / 1000).toFixed(0)} s\n`)
  }
}

function print({ seed, broken, input }) {
  console.log(`\nseed ${seed}: ${broken}`)
  for (const [path, text] of Object.entries(input.files ?? {})) console.log(`--- ${path}\n${text}`)
  console.log(`--- ${JSON.stringify({ environment: input.environment, options: input.options })}`)
}

await Promise.all(Array.from({ length: jobs }, (_, index) => work(index)))
rmSync(folder, { recursive: true, force: true })
const seconds = (performance.now() - started) / 1000
const inputs = sum.accepted + sum.refused
const result = { ...sum, inputs, seconds, seed: Number(values.seed), jobs, failures }
if (values.json) console.log(JSON.stringify(result))
else {
  console.log(
    `\n${inputs} inputs from seed ${values.seed} in ${seconds.toFixed(0)} s (${(inputs / seconds).toFixed(0)}/s, ${jobs} jobs): ` +
      `${sum.accepted} accepted, ${sum.refused} refused, ${failures.length} broken; ` +
      `${(sum.residentKiB / 1024).toFixed(0)} MiB at most`,
  )
}
process.exit(failures.length === 0 ? 0 : 1)
