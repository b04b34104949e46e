import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram, temporaryFolder } from '../lab/daemon.mjs'
import { BOMBS, writeBomb } from './bombs.mjs'
import { median, spreadOf } from './statistics.mjs'

const LIMIT_MS = 1000
const LIMIT_MIB = 256
const ROUNDS = 3

/** Loaded into the client before all else: it says at the end what the process needed at most. */
const GAUGE = `
const { writeFileSync } = require('node:fs')
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()
  writeFileSync(process.env.EK_GAUGE, JSON.stringify({ mib: maxRSS / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 }))
})
`

export const limits = {
  name: 'limits',
  shows: `bombs, endless and huge files: \`ek config\` answers within ${LIMIT_MS} ms and ${LIMIT_MIB} MiB, a refusal at its place`,
  needsEngine: false,
  async run({ show, note }) {
    const tools = temporaryFolder('gauge')
    const gauge = join(tools.path, 'gauge.cjs')
    writeFileSync(gauge, GAUGE)
    try {
      for (const [what, files, expected] of BOMBS) {
        const folder = temporaryFolder('bomb')
        try {
          writeBomb(folder.path, files)
          const runs = []
          for (let round = 0; round < ROUNDS; round += 1) runs.push(await measured(folder.path, gauge))
          const ms = runs.map((run) => run.ms)
          const mib = Math.max(...runs.map((run) => run.mib))
          const [{ code, stderr }] = runs
          const isRight =
            expected === 'loaded' ? code === 0 : code === 1 && stderr !== '' && !/\n\s+at |bug in evenkeel/.test(stderr)
          show(
            what,
            `${code === 0 ? 'loaded' : `exit ${code}`} in ${median(ms).toFixed(0)} ms, ${mib.toFixed(0)} MiB`,
            `${expected}, <= ${LIMIT_MS} ms, <= ${LIMIT_MIB} MiB`,
            isRight && median(ms) <= LIMIT_MS && mib <= LIMIT_MIB,
            `${spreadOf(ms)}; CPU ${spreadOf(runs.map((run) => run.cpuMs))}`,
          )
          if (stderr !== '') note(stderr.split('\n')[0].replaceAll(`${folder.path}/`, '').slice(0, 140))
        } finally {
          folder.remove()
        }
      }
    } finally {
      tools.remove()
    }
  },
}

async function measured(cwd, gauge) {
  const report = `${gauge}.json`
  writeFileSync(report, JSON.stringify({ mib: Number.POSITIVE_INFINITY, cpuMs: Number.NaN }))
  const result = await runProgram(join(projectFolder, 'dist/bin/ek'), ['config', '-q'], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: `--require=${gauge}`, EK_GAUGE: report },
    timeoutMs: 30_000,
  })
  const { mib, cpuMs } = JSON.parse(readFileSync(report, 'utf8'))
  return { ...result, mib: mib ?? Number.POSITIVE_INFINITY, cpuMs: cpuMs ?? Number.NaN }
}
