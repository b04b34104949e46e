import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder, runProgram } from '../lab/daemon.mjs'
import { hasCompose } from './times.mjs'

export const parity = {
  name: 'parity',
  shows: 'every key of the language, made by `docker compose create` and by us on one Engine: inspect says the same',
  async run({ engine, show, note }) {
    if (!(await hasCompose())) {
      note('docker compose is not here: nothing to compare with')
      return
    }
    const folder = mkdtempSync(join(tmpdir(), 'ek-parity-'))
    const report = join(folder, 'report.json')
    try {
      const vitest = join(projectFolder, 'node_modules/vitest/vitest.mjs')
      const { stdout, stderr } = await runProgram(
        process.execPath,
        [vitest, 'run', '--project', 'engine', 'test/engine/parity', '--reporter=json', `--outputFile=${report}`],
        {
          cwd: projectFolder,
          env: { ...process.env, EVENKEEL_TEST_ENGINES: engine, NO_COLOR: '1' },
          timeoutMs: 1_800_000,
        },
      )
      const table = stdout.indexOf('Parity with Docker Compose')
      console.log(table === -1 ? stdout + stderr : stdout.slice(table).trimEnd())
      const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'))
      show(
        'cases',
        `${numPassedTests} of ${numTotalTests} pass`,
        'none fails',
        numFailedTests === 0 && numPassedTests > 0,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
