// `npm run bench`: ours, Docker Compose and the raw Engine API, interleaved in one run: up, no-op up, ps, down for 1, 10,
// 30, 60 services. Prints medians with their spread and ratios, and writes bench.json.
import { existsSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectFolder, runProgram, startDaemon, temporaryFolder, writeStack } from '../lab/daemon.mjs'
import { ensureEngine } from '../lab/engine.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { interleaved, median } from '../prove/statistics.mjs'
import { hasCompose } from '../prove/times.mjs'

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1,10,30,60' },
    rounds: { type: 'string', default: '5' },
    output: { type: 'string', default: 'bench.json' },
  },
})
const sizes = values.services.split(',').map(Number)
const rounds = Number(values.rounds)
if (!existsSync(join(projectFolder, 'dist/evenkeel.cjs'))) throw new Error('build first: npm run build')
const engine = process.env.EVENKEEL_TEST_ENGINE ?? (await ensureEngine({ log: console.error }))
await ensureImages(engine)
const { Version } = await engineJson(engine, 'GET', '/version')
const compose = await hasCompose()
console.log(
  `${os.cpus().length} x ${os.cpus()[0]?.model}; Engine ${Version}; Node ${process.version}; ${rounds} rounds, interleaved; ms: median (min-max)`,
)
if (!compose) console.log('docker compose was not found: compared with the raw API only')

const raw = async (operation, services) => {
  const args = [
    join(projectFolder, 'test/bench/raw.mjs'),
    '--socket',
    engine.replace('unix://', ''),
    operation,
    '--stack',
    'ek-bench-raw',
    '--services',
    String(services),
  ]
  const result = await runProgram(process.execPath, args)
  if (result.code !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout.trim().split('\n').at(-1)).ms
}

const daemon = await startDaemon(engine, 'bench')
const rows = []
try {
  for (const services of sizes) {
    const ours = temporaryFolder('bench-ours')
    const theirs = temporaryFolder('bench-compose')
    writeStack(ours.path, { services, top: { name: 'ek-bench-ours' } })
    writeStack(theirs.path, { services, top: { name: 'ek-bench-compose' } })
    const ek = async (...args) => (await daemon.must(args, { cwd: ours.path })).ms
    const dc = async (...args) => {
      const result = await runProgram('docker', ['compose', ...args], {
        cwd: theirs.path,
        env: { ...process.env, DOCKER_HOST: engine },
      })
      if (result.code !== 0) throw new Error(result.stderr)
      return result.ms
    }
    const work = {
      up: { ours: [], compose: [], raw: [] },
      'no-op up': { ours: [], compose: [], raw: [] },
      ps: { ours: [], compose: [], raw: [] },
      down: { ours: [], compose: [], raw: [] },
    }
    const cycle = (name, run) => async () => {
      for (const [what, measure] of Object.entries(run)) work[what][name].push(await measure())
      return 0
    }
    await interleaved(rounds, {
      raw: cycle('raw', {
        up: () => raw('up', services),
        ps: () => raw('ps', services),
        down: () => raw('down', services),
      }),
      ours: cycle('ours', {
        up: () => ek('up'),
        'no-op up': () => ek('up'),
        ps: () => ek('ps'),
        down: () => ek('down', '-t', '0'),
      }),
      ...(compose
        ? {
            compose: cycle('compose', {
              up: () => dc('up', '-d'),
              'no-op up': () => dc('up', '-d'),
              ps: () => dc('ps'),
              down: () => dc('down', '-t', '0'),
            }),
          }
        : {}),
    })
    for (const [what, times] of Object.entries(work)) rows.push({ services, what, ...times })
    ours.remove()
    theirs.remove()
  }
} finally {
  await daemon.remove()
}

const cell = (times) =>
  times.length === 0
    ? '-'
    : `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)}-${Math.max(...times).toFixed(0)})`
const ratio = (a, b) => (a.length === 0 || b.length === 0 ? '-' : (median(a) / median(b)).toFixed(2))
const table = [
  ['services', 'work', 'evenkeel', 'docker compose', 'raw API', 'ours/compose', 'ours/raw'],
  ...rows.map((row) => [
    String(row.services),
    row.what,
    cell(row.ours),
    cell(row.compose),
    cell(row.raw),
    ratio(row.ours, row.compose),
    ratio(row.ours, row.raw),
  ]),
]
const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)))
for (const line of table)
  console.log(
    line
      .map((text, column) => text.padEnd(widths[column] + 2))
      .join('')
      .trimEnd(),
  )
writeFileSync(
  values.output,
  `${JSON.stringify({ at: new Date().toISOString(), engine: Version, cpus: os.cpus().length, node: process.version, rows }, undefined, 1)}\n`,
)
console.log(`written to ${values.output}`)
