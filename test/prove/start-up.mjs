import { execFileSync } from 'node:child_process'
import os from 'node:os'
import { join } from 'node:path'
import { projectFolder, runProgram, startDaemon, temporaryFolder, writeStack } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'
import { interleaved, median, spreadOf } from './statistics.mjs'
import { hasCompose, launchersEnvironment } from './times.mjs'

const ROUNDS = 20
const OVER_NODE_MS = 15
const OF_COMPOSE = 1.5
const SERVICES = 30
const STACK = 'ek-start'
const ek = join(projectFolder, 'dist/bin/ek')

export const startUp = {
  name: 'start-up',
  shows: `\`ek --version\` <= \`node -e 0\` + ${OVER_NODE_MS} ms; \`ek ps\` of ${SERVICES} services <= ${OF_COMPOSE} x \`docker compose ps\``,
  async run({ engine, show, note }) {
    const timed = async (command, args, options = {}) => {
      const result = await runProgram(command, args, { env: launchersEnvironment, ...options })
      if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`)
      return result.ms
    }
    note(`load of the machine: ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} cores, nice ${os.getPriority()}`)
    const starts = await interleaved(ROUNDS, {
      node: () => timed(process.execPath, ['-e', '0']),
      ours: () => timed(ek, ['--version']),
    })
    const over = median(starts.ours) - median(starts.node)
    show(
      'ek --version, over node -e 0',
      `${over.toFixed(1)} ms`,
      `<= ${OVER_NODE_MS} ms`,
      over <= OVER_NODE_MS,
      `ours ${spreadOf(starts.ours)}; node ${spreadOf(starts.node)}`,
    )
    if (!(await hasCompose())) {
      note('docker compose is not here: nothing to compare ps with')
      return
    }
    await sweep(engine, STACK)
    const folder = temporaryFolder('start')
    const daemon = await startDaemon(engine, 'start')
    writeStack(folder.path, { services: SERVICES, top: { name: STACK }, service: () => ({ stop_grace_period: '1s' }) })
    const cwd = folder.path
    try {
      await daemon.must(['up'], { cwd })
      // Compose sees the containers by their labels: one stack, asked after by both.
      const env = { ...launchersEnvironment, DOCKER_HOST: engine, EVENKEEL_HOST: `unix://${daemon.socket}` }
      const asked = await interleaved(ROUNDS, {
        compose: () => timed('docker', ['compose', 'ps'], { cwd, env }),
        ours: () => timed(ek, ['ps'], { cwd, env }),
      })
      const lines = async (command, args) =>
        (await runProgram(command, args, { cwd, env })).stdout.trim().split('\n').length
      const shown = { ours: await lines(ek, ['ps', '-q']), compose: await lines('docker', ['compose', 'ps', '-q']) }
      show(
        'containers that both show',
        `${shown.ours} and ${shown.compose}`,
        `${SERVICES}`,
        shown.ours === SERVICES && shown.compose === SERVICES,
      )
      const ratio = median(asked.ours) / median(asked.compose)
      show(
        `ek ps of ${SERVICES} services, ours / compose`,
        ratio.toFixed(2),
        `<= ${OF_COMPOSE}`,
        ratio <= OF_COMPOSE,
        `ours ${spreadOf(asked.ours)}; compose ${spreadOf(asked.compose)}`,
      )
      note(execFileSync('docker', ['compose', 'version']).toString().trim())
      note(`load of the machine at the end: ${os.loadavg()[0].toFixed(1)}`)
    } finally {
      await daemon.ek(['down', '-t', '0'], { cwd })
      await daemon.remove()
      folder.remove()
    }
  },
}
