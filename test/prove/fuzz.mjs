import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectFolder } from '../lab/daemon.mjs'
import { numberOf } from './args.mjs'

const INPUTS = 50_000
const BOUND_MIB = 600

export const fuzz = {
  name: 'fuzz',
  shows: `${INPUTS.toLocaleString('en')} inputs (--inputs N --seed N): each loads, and loads again the same, or is refused with a place`,
  needsEngine: false,
  async run({ show, seed, args }) {
    const wanted = numberOf(args, '--inputs', INPUTS)
    const runner = join(projectFolder, 'test/fuzz/run.mjs')
    const result = await played(runner, ['--inputs', String(wanted), '--seed', String(seed), '--json'])
    const { inputs, accepted, refused, failures, seconds, residentKiB, jobs } = result
    for (const { seed: of, broken, input } of failures) {
      console.log(`       seed ${of}: ${broken}\n${JSON.stringify(input, undefined, 1)}`)
    }
    show(
      'broken',
      String(failures.length),
      '0',
      failures.length === 0 && inputs >= wanted,
      `${inputs} inputs, ${accepted} accepted, ${refused} refused, ${(inputs / seconds).toFixed(0)}/s in ${jobs} processes`,
    )
    const mib = residentKiB / 1024
    show('memory of a process', `${mib.toFixed(0)} MiB`, `<= ${BOUND_MIB} MiB`, mib <= BOUND_MIB)
  },
}

/** The runner's exit code says whether something broke, and so does what it prints. */
async function played(runner, args) {
  const { stdout } = await promisify(execFile)(process.execPath, [runner, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error) => {
    if (typeof error.stdout !== 'string' || error.stdout === '') throw error
    return error
  })
  return JSON.parse(stdout)
}
