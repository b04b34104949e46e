import { join } from 'node:path'
import { projectFolder, runProgram, startDaemon, temporaryFolder, until, writeStack } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'
import { interleaved, median, spreadOf } from './statistics.mjs'

const raw = join(projectFolder, 'test/bench/raw.mjs')

/** The raw limit: its own time, from the first call to the last answer, without Node's start. */
async function rawMs(engine, operation, stack, services, more = []) {
  const args = [
    raw,
    '--socket',
    engine.replace('unix://', ''),
    operation,
    '--stack',
    stack,
    '--services',
    String(services),
    ...more,
  ]
  const result = await runProgram(process.execPath, args)
  if (result.code !== 0) throw new Error(`raw ${operation}: ${result.stderr}`)
  return JSON.parse(result.stdout.trim().split('\n').at(-1)).ms
}

/** Without the variable that has Node read certificates at each start, as our launcher starts the client. */
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env
export const launchersEnvironment = environment

/** What no client on Node can do without: its start, and one request to a daemon. */
const LEAST_CLIENT = `require('http').get({ socketPath: process.argv[1], path: '/v1/version' }, (answer) => {
  answer.resume().on('end', () => process.exit(answer.statusCode === 200 ? 0 : 1))
})`

async function leastClientMs(socket) {
  const { code, ms } = await runProgram(process.execPath, ['-e', LEAST_CLIENT, socket], { env: launchersEnvironment })
  if (code !== 0) throw new Error('the least client has no answer')
  return ms
}

export async function hasCompose() {
  return (await runProgram('docker', ['compose', 'version']).catch(() => ({ code: 1 }))).code === 0
}

function composeMs(engine, cwd, args) {
  return runProgram('docker', ['compose', ...args], { cwd, env: { ...process.env, DOCKER_HOST: engine } }).then(
    (result) => {
      if (result.code !== 0) throw new Error(`docker compose ${args.join(' ')}: ${result.stderr}`)
      return result.ms
    },
  )
}

/** Ours, Compose and the raw calls in turn, each on a stack of its own name, taken down again after each. */
async function contest(engine, { services, service, rounds, up, rawUp, rawMore = [], compose = true }) {
  for (const project of ['ek-ours', 'ek-compose', 'ek-raw']) await sweep(engine, project)
  const folders = { ours: temporaryFolder('t-ours'), compose: temporaryFolder('t-compose') }
  const daemon = await startDaemon(engine, 'times')
  const top = (name) => ({ name })
  writeStack(folders.ours.path, { services, service, image: 'ek-lab/sleep:1', top: top('ek-ours') })
  writeStack(folders.compose.path, { services, service, image: 'ek-lab/sleep:1', top: top('ek-compose') })
  const down = { ours: [], compose: [], raw: [] }
  const client = []
  try {
    const times = await interleaved(rounds, {
      raw: async () => {
        const ms = await rawMs(engine, rawUp, 'ek-raw', services, ['--image', 'ek-lab/sleep:1', ...rawMore])
        down.raw.push(await rawMs(engine, 'down', 'ek-raw', services))
        client.push(await leastClientMs(daemon.socket))
        return ms
      },
      ours: async () => {
        const { ms } = await daemon.must(up, { cwd: folders.ours.path })
        down.ours.push((await daemon.must(['down', '-t', '0'], { cwd: folders.ours.path })).ms)
        return ms
      },
      ...(compose
        ? {
            compose: async () => {
              const ms = await composeMs(
                engine,
                folders.compose.path,
                [...up, '-d'].filter((word, index, all) => all.indexOf(word) === index),
              )
              down.compose.push(await composeMs(engine, folders.compose.path, ['down', '-t', '0']))
              return ms
            },
          }
        : {}),
    })
    return { times, down, client }
  } finally {
    await daemon.ek(['down', '-t', '0'], { cwd: folders.ours.path })
    await daemon.remove()
    for (const folder of Object.values(folders)) folder.remove()
  }
}

const ratio = (a, b) => median(a) / median(b)

/** The least that could be had beside Compose. */
const least = ({ raw, compose }, client) =>
  `raw and a client on Node that asks once (${median(client).toFixed(0)} ms) together ${((median(raw) + median(client)) / median(compose)).toFixed(2)}`

export const timeUp = {
  name: 'time-up',
  shows: '`up` <= 1.05 x the raw API at 30 services and <= 0.9 x `docker compose up -d` at 1 to 5',
  async run({ engine, show, note }) {
    const compose = await hasCompose()
    for (const [services, rounds] of [
      [1, 11],
      [3, 9],
      [5, 9],
    ]) {
      if (!compose) {
        note('docker compose is not here: only the raw limit is compared')
        break
      }
      const { times, client } = await contest(engine, { services, rounds, up: ['up'], rawUp: 'up' })
      const value = ratio(times.ours, times.compose)
      show(
        `up of ${services}, ours / compose`,
        value.toFixed(2),
        '<= 0.90',
        value <= 0.9,
        `ours ${spreadOf(times.ours)}; compose ${spreadOf(times.compose)}; raw ${spreadOf(times.raw)}; ${least(times, client)}`,
      )
    }
    const { times } = await contest(engine, { services: 30, rounds: 7, up: ['up'], rawUp: 'up', compose })
    const value = ratio(times.ours, times.raw)
    show(
      'up of 30, ours / raw',
      value.toFixed(2),
      '<= 1.05',
      value <= 1.05,
      `ours ${spreadOf(times.ours)}; raw ${spreadOf(times.raw)}${compose ? `; compose ${spreadOf(times.compose)}` : ''}`,
    )
  },
}

const healthcheck = (seconds) => ({ test: ['CMD', 'true'], interval: `${seconds}s`, timeout: '5s', retries: 5 })

export const timeHealthy = {
  name: 'time-healthy',
  shows: 'chains of `service_healthy` and `up --wait` <= 1.05 x the raw API, which waits upon /events',
  async run({ engine, show }) {
    const compose = await hasCompose()
    const chain = await contest(engine, {
      services: 5,
      rounds: 5,
      compose,
      up: ['up', '--wait'],
      rawUp: 'up-healthy',
      rawMore: ['--chain', '--health-cmd', 'true', '--health-interval-ms', '1000'],
      service: (number) => ({
        healthcheck: healthcheck(1),
        ...(number > 1 ? { depends_on: { [`s${number - 1}`]: { condition: 'service_healthy' } } } : {}),
      }),
    })
    const chained = ratio(chain.times.ours, chain.times.raw)
    show(
      'chain of 5 by service_healthy, ours / raw',
      chained.toFixed(2),
      '<= 1.05',
      chained <= 1.05,
      `ours ${spreadOf(chain.times.ours)}; raw ${spreadOf(chain.times.raw)}${compose ? `; compose ${spreadOf(chain.times.compose)}` : ''}`,
    )
    const wait = await contest(engine, {
      services: 10,
      rounds: 5,
      compose,
      up: ['up', '--wait'],
      rawUp: 'up-healthy',
      rawMore: ['--health-cmd', 'true', '--health-interval-ms', '1000'],
      service: () => ({ healthcheck: healthcheck(1) }),
    })
    const waited = ratio(wait.times.ours, wait.times.raw)
    show(
      'up --wait of 10, ours / raw',
      waited.toFixed(2),
      '<= 1.05',
      waited <= 1.05,
      `ours ${spreadOf(wait.times.ours)}; raw ${spreadOf(wait.times.raw)}${compose ? `; compose ${spreadOf(wait.times.compose)}` : ''}`,
    )
  },
}

export const timeNoOp = {
  name: 'time-no-op',
  shows: "a no-op `up` of 30 services: the daemon's part <= 25 ms",
  async run({ engine, show }) {
    await sweep(engine, 'ek-noop')
    const folder = temporaryFolder('noop')
    const daemon = await startDaemon(engine, 'noop')
    writeStack(folder.path, { services: 30, top: { name: 'ek-noop' } })
    try {
      await daemon.must(['up'], { cwd: folder.path })
      await until('steady', async () => (await daemon.must(['ls', '--format', 'json'])).stdout.includes('"steady"'))
      const client = []
      const part = []
      for (let round = 0; round < 21; round += 1) {
        client.push((await daemon.must(['up'], { cwd: folder.path })).ms)
        const [latest] = JSON.parse(
          (await daemon.must(['history', '--deployments', '-n', '1', '--format', 'json'], { cwd: folder.path })).stdout,
        )
        part.push(Date.parse(latest.endedAt) - Date.parse(latest.createdAt))
      }
      show("the daemon's part, request taken to deployment ended", spreadOf(part), '<= 25 ms', median(part) <= 25)
      show('the whole command', spreadOf(client), 'none; for information', true)
    } finally {
      await daemon.ek(['down', '-t', '0'], { cwd: folder.path })
      await daemon.remove()
      folder.remove()
    }
  },
}

export const timeDown = {
  name: 'time-down',
  shows: '`down` <= 0.85 x `docker compose down`',
  async run({ engine, show, note }) {
    if (!(await hasCompose())) {
      note('docker compose is not here: nothing to compare with')
      return
    }
    for (const [services, rounds] of [
      [1, 9],
      [10, 7],
      [30, 5],
    ]) {
      const { down, client } = await contest(engine, { services, rounds, up: ['up'], rawUp: 'up' })
      const value = ratio(down.ours, down.compose)
      show(
        `down -t 0 of ${services}, ours / compose`,
        value.toFixed(2),
        '<= 0.85',
        value <= 0.85,
        `ours ${spreadOf(down.ours)}; compose ${spreadOf(down.compose)}; raw ${spreadOf(down.raw)}; ${least(down, client)}`,
      )
    }
  },
}
