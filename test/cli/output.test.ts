/** What commands print reaches whoever reads it, whole, however slowly it is read; no daemon is asked for it. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { projectFolder, runProgram, temporaryFolder } from '../lab/daemon.mjs'

const EK = join(projectFolder, 'dist/bin/ek')
const PIPE_BYTES = 64 * 1024
const SERVICES = 2500

const folder = temporaryFolder('output')
const file = join(folder.path, 'compose.yaml')
// A line of the answer for each, and a warning: its variable is not set.
const services = Array.from({ length: SERVICES }, (_, at) => [`s${at}`, { image: `ek-lab/sleep:$\{TAG_${at}}` }])
writeFileSync(file, JSON.stringify({ services: Object.fromEntries(services) }))
afterAll(() => folder.remove())

const LATE = {
  stdout: '"$@" | { sleep 1; cat; }',
  stderr: '"$@" 2>&1 >/dev/null | { sleep 1; cat; }',
}

test.each(['stdout', 'stderr'] as const)('%s is whole for a reader that comes late', async (stream) => {
  const args = ['-f', file, 'config']
  const prompt = await runProgram(EK, args)
  expect(prompt.code).toBe(0)
  expect(prompt[stream].length).toBeGreaterThan(2 * PIPE_BYTES)
  const late = await runProgram('sh', ['-c', LATE[stream], 'sh', EK, ...args])
  expect(late.stdout).toBe(prompt[stream])
})

test('a reader that goes away ends the command as a signal would', async () => {
  const child = spawn(EK, ['-f', file, 'config'], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.destroy()
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(141)
})
