import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectFolder, startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'
import { interleaved, median, spreadOf } from './statistics.mjs'
import { launchersEnvironment } from './times.mjs'

const MIB = 1024 * 1024
const SIZE = 200 * MIB
const ROUNDS = 9
/** Ours goes through one more process than theirs, and both are started for each run. */
const BOUND = 0.7
/** More than this would mean that bytes pile up somewhere. */
const GROWTH_BOUND_MIB = 64
const STACK = 'ek-speed'
const RELAY = fileURLToPath(new URL('relay.mjs', import.meta.url))
const LEAST = fileURLToPath(new URL('least-client.mjs', import.meta.url))
const CONTAINER = `${STACK}-web-1`

export const execSpeed = {
  name: 'exec-speed',
  shows: '200 MiB through exec and cp, in and out: checksums, memory, and speed beside docker exec and docker cp',
  async run({ engine, show, note }) {
    await sweep(engine, STACK)
    const folder = temporaryFolder('speed')
    const daemon = await startDaemon(engine, 'speed')
    const here = join(folder.path, 'here')
    const back = join(folder.path, 'back')
    const programs = {
      ours: {
        command: join(projectFolder, 'dist/bin/ek'),
        env: { ...process.env, EVENKEEL_HOST: `unix://${daemon.socket}` },
        exec: (_, args) => ['exec', '-T', 'web', ...args],
        cp: (from, to) => ['cp', from.replace('@', 'web'), to.replace('@', 'web')],
      },
      docker: dockerAt(engine),
      'docker through socat': dockerAt(`unix://${join(folder.path, 'socat.sock')}`),
      'docker through Node': dockerAt(`unix://${join(folder.path, 'node.sock')}`),
      // Two processes on Node, as ours are, that do nothing but this.
      'least on Node': {
        command: process.execPath,
        env: launchersEnvironment,
        exec: (_, [program]) => [
          LEAST,
          program === 'sh' ? 'exec in' : 'exec out',
          join(folder.path, 'node.sock'),
          CONTAINER,
        ],
        cp: (from, to) => {
          const [kind, file] = from.startsWith('@') ? ['cp out', to] : ['cp in', from]
          return [LEAST, kind, join(folder.path, 'node.sock'), CONTAINER, file]
        },
      },
    }
    const { relays, ways } = startRelays(engine, folder.path, note)
    const run = (who, args, files = {}) => runProgram(programs[who], args, { cwd: folder.path, ...files })
    try {
      const pattern = Buffer.alloc(MIB)
      // Bytes that no layer could make smaller, without waiting for so many random ones.
      const key = createHash('sha256')
      for (let at = 0; at < MIB; at += 32) key.copy().update(String(at)).digest().copy(pattern, at)
      writeFileSync(here, Buffer.concat(Array.from({ length: SIZE / MIB }, () => pattern)))
      const sum = await sumOf(here)
      const web = { image: 'ek-lab/job:1', entrypoint: ['sleep', '100000'], stop_grace_period: '1s' }
      writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
      await daemon.must(['up'], { cwd: folder.path })
      await run('docker', programs.docker.cp(here, '@:/there'))
      const sums = {}
      const inside = async () => (await run('docker', ['exec', CONTAINER, 'sha256sum', '/in'])).text.split(' ')[0]
      const before = daemon.status().residentKiB
      const kinds = {
        'exec in': async (who) => {
          const { ms } = await run(who, programs[who].exec(['-i'], ['sh', '-c', 'cat > /in']), { input: here })
          sums[`exec in, ${who}`] = await inside()
          return ms
        },
        'exec out': async (who) => {
          const { ms } = await run(who, programs[who].exec([], ['cat', '/there']), { output: back })
          sums[`exec out, ${who}`] = await sumOf(back)
          return ms
        },
        'cp in': async (who) => {
          const { ms } = await run(who, programs[who].cp(here, '@:/in'))
          sums[`cp in, ${who}`] = await inside()
          return ms
        },
        'cp out': async (who) => {
          const { ms } = await run(who, programs[who].cp('@:/there', back))
          sums[`cp out, ${who}`] = await sumOf(back)
          return ms
        },
      }
      for (const [kind, once] of Object.entries(kinds)) {
        const timed = (who) => () => {
          // What the run before left to be written to the disk is not this one's to wait for.
          execFileSync('sync')
          return once(who)
        }
        const times = await interleaved(ROUNDS, {
          ours: timed('ours'),
          docker: timed('docker'),
          ...Object.fromEntries(ways.map((who) => [who, timed(who)])),
        })
        const partOf = (who) => median(times.docker) / median(times[who])
        const spread = Object.entries(times)
          .map(([who, ms]) => `${who} ${spreadOf(ms)}`)
          .join(', ')
        const limits = ways.map((who) => `; ${who} ${partOf(who).toFixed(2)}`)
        const ratio = partOf('ours')
        show(
          `${kind}: speed, as a part of docker's`,
          ratio.toFixed(2),
          `>= ${BOUND}`,
          ratio >= BOUND,
          spread + limits.join(''),
        )
      }
      const wrong = Object.entries(sums).filter(([, other]) => other !== sum)
      show('checksums that differ', `${wrong.length} of ${Object.keys(sums).length} ways`, '0', wrong.length === 0)
      const growth = (daemon.status().residentKiB - before) / 1024
      const mib = `${growth.toFixed(0)} MiB after ${((ROUNDS * 4 * SIZE) / MIB / 1024).toFixed(1)} GiB`
      show("growth of the daemon's memory", mib, `<= ${GROWTH_BOUND_MIB} MiB`, growth <= GROWTH_BOUND_MIB)
      note(`docker ${execFileSync('docker', ['--version']).toString().trim()}`)
    } finally {
      for (const relay of relays) relay.kill()
      await daemon.ek(['down', '-t', '0'], { cwd: folder.path })
      await daemon.remove()
      folder.remove()
    }
  },
}

const dockerAt = (host) => ({
  command: 'docker',
  env: { ...process.env, DOCKER_HOST: host },
  exec: (more, args) => ['exec', ...more, CONTAINER, ...args],
  cp: (from, to) => ['cp', '-q', from.replace('@', CONTAINER), to.replace('@', CONTAINER)],
})

/**
 * What one more process between docker and the Engine costs, in C (where socat is there) and on Node, and what a client on Node
 * adds: the limit of what we do.
 */
function startRelays(engine, folder, note) {
  if (!engine.startsWith('unix://')) {
    note('what one more process costs docker itself is compared on an Engine at a Unix socket')
    return { relays: [], ways: [] }
  }
  const target = engine.slice('unix://'.length)
  const start = (command, ...args) => spawn(command, args, { stdio: 'ignore', env: launchersEnvironment })
  const socat = ['-b', '262144', `UNIX-LISTEN:${join(folder, 'socat.sock')},fork`, `UNIX-CONNECT:${target}`]
  const hasSocat = spawnSync('socat', ['-V']).status === 0
  if (!hasSocat) note('socat is not here: what one more process in C costs is not compared')
  return {
    relays: [
      ...(hasSocat ? [start('socat', ...socat)] : []),
      start(process.execPath, RELAY, join(folder, 'node.sock'), target),
    ],
    ways: [...(hasSocat ? ['docker through socat'] : []), 'docker through Node', 'least on Node'],
  }
}

/** Runs to its end with files as input and output: no bytes pass through us. `text` is its output without such a file. */
function runProgram({ command, env }, args, { cwd, input, output }) {
  return new Promise((resolve, reject) => {
    const files = [
      input === undefined ? 'ignore' : openSync(input, 'r'),
      output === undefined ? 'pipe' : openSync(output, 'w'),
    ]
    const started = process.hrtime.bigint()
    const child = spawn(command, args, { cwd, env, stdio: [...files, 'pipe'] })
    for (const file of files) if (typeof file === 'number') closeSync(file)
    let text = ''
    let errors = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      errors += chunk
    })
    child.once('error', reject)
    child.once('close', (code) => {
      const ms = Number(process.hrtime.bigint() - started) / 1e6
      if (code === 0) resolve({ ms, text })
      else reject(new Error(`${command} ${args.join(' ')} exited with ${code}: ${errors}`))
    })
  })
}

async function sumOf(path) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
