import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'
import { interleaved, median, spreadOf } from './statistics.mjs'

const LINES = 1_000_000
const ROUNDS = 5
const BOUND = 1.1
const STACK = 'ek-logs-speed'
const CONTAINER = `${STACK}-web-1`

export const logsSpeed = {
  name: 'logs-speed',
  shows: '`ek logs` of 1,000,000 lines <= 1.1 x `docker logs`, and the same bytes',
  async run({ engine, show, note }) {
    await sweep(engine, STACK)
    const folder = temporaryFolder('logs-speed')
    const daemon = await startDaemon(engine, 'logs-speed')
    const ours = { command: join(projectFolder, 'dist/bin/ek'), env: { EVENKEEL_HOST: `unix://${daemon.socket}` } }
    const docker = { command: 'docker', env: { DOCKER_HOST: engine } }
    const ek = (...args) => runProgram(ours, ['-p', STACK, 'logs', ...args, 'web'])
    try {
      const environment = { LINES: `${LINES}`, RATE: '0', STDERR_EVERY: '0' }
      const web = { image: 'ek-lab/chatty:1', network_mode: 'none', stop_grace_period: '1s', environment }
      writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
      await daemon.must(['up'], { cwd: folder.path })
      const last = String(LINES).padStart(10, '0')
      await until(
        'all lines are written',
        async () => (await daemon.must(['-p', STACK, 'logs', '--tail', '1'])).stdout.includes(last),
        { deadlineMs: 120_000, everyMs: 1000 },
      )
      const cpu = []
      const times = await interleaved(ROUNDS, {
        docker: async () => (await runProgram(docker, ['logs', CONTAINER])).ms,
        ours: async () => {
          const before = daemon.cpuSeconds()
          const { ms } = await ek()
          cpu.push(daemon.cpuSeconds() - before)
          return ms
        },
      })
      const ratio = median(times.ours) / median(times.docker)
      const spread = `ours ${spreadOf(times.ours)}; docker ${spreadOf(times.docker)}`
      show(`${LINES} lines, ours / docker logs`, ratio.toFixed(2), `<= ${BOUND}`, ratio <= BOUND, spread)
      note(`CPU of the daemon: ${median(cpu).toFixed(2)} s each time`)
      const sums = [await ek('--no-log-prefix'), await runProgram(docker, ['logs', CONTAINER])].map(({ sum }) => sum)
      show('the same bytes', sums[0] === sums[1] ? 'yes' : 'no', 'yes', sums[0] === sums[1])
    } finally {
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      folder.remove()
    }
  },
}

/** Runs to its end with a pipe that is read as fast as bytes come: its time, and what its output sums to. */
function runProgram({ command, env }, args) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint()
    const child = spawn(command, args, {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const hash = createHash('md5')
    child.stdout.on('data', (chunk) => hash.update(chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      const ms = Number(process.hrtime.bigint() - started) / 1e6
      if (code === 0) resolve({ ms, sum: hash.digest('hex') })
      else reject(new Error(`${command} ${args.join(' ')} exited with ${code}`))
    })
  })
}
