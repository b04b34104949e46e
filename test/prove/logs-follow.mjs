import { spawn } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { projectFolder, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const STACK = 'ek-logs-follow'
const ROTATIONS = 10
const REPLACEMENTS = 5
const RESTARTS = 3
const P99_MS = 50
/** Lines that were written while the daemon was away, or just back, are late by nature: they are only to be there. */
const AWAY_MARGIN_MS = 2000

/** Since the machine started: the same for all that runs on it, also in containers, and nobody sets it. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6

/** Writes 1,000 lines a second, each with its number and its time, and says when it ends. */
const WRITER = `
const nowMs = ${nowMs}
let n = 0, begun = performance.now()
const fill = 'x'.repeat(60)
const line = (what) => process.stdout.write(process.env.ROUND + ' ' + what + ' ' + nowMs().toFixed(3) + ' ' + fill + '\\n')
setInterval(() => { const due = performance.now() - begun; while (n < due) line(++n) }, 5)
process.on('SIGTERM', () => { line('end' + n); process.exit(0) })
`

export const logsFollow = {
  name: 'logs-follow',
  shows:
    'follow: p99 <= 50 ms at 1,000 lines/s; order and every line over 10 rotations, 5 replacements, 3 daemon restarts',
  async run({ engine, show, note }) {
    await sweep(engine, STACK)
    const folder = temporaryFolder('logs-follow')
    const daemon = await startDaemon(engine, 'logs-follow')
    const declare = (round) => {
      const web = {
        image: 'ek-lab/app:1',
        network_mode: 'none',
        init: true,
        stop_grace_period: '10s',
        entrypoint: ['/usr/bin/node', '-e', WRITER.replaceAll('$', '$$$$')],
        environment: { ROUND: `${round}` },
        logging: { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '10' } },
      }
      writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
    }
    const up = async (round) => {
      declare(round)
      await daemon.must(['up'], { cwd: folder.path })
    }
    const container = async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
      const [{ Id }] = await engineJson(engine, 'GET', `/containers/json?filters=${filters}`)
      return engineJson(engine, 'GET', `/containers/${Id}/json`)
    }
    let ours
    let raw
    try {
      await up(0)
      const { Id, LogPath } = await container()
      ours = new Follower(join(projectFolder, 'dist/bin/ek'), ['-p', STACK, 'logs', '-f', '--no-log-prefix'], {
        EVENKEEL_HOST: `unix://${daemon.socket}`,
        NO_COLOR: '1',
      })
      raw = new Follower('docker', ['logs', '-f', Id], { DOCKER_HOST: engine })
      let rotations = 0
      let inode = inodeOf(LogPath)
      await until(
        `${ROTATIONS} rotations`,
        () => {
          const now = inodeOf(LogPath)
          if (now !== inode) rotations += 1
          inode = now
          return rotations >= ROTATIONS
        },
        { deadlineMs: 300_000, everyMs: 100 },
      )
      await raw.stop()
      for (let round = 1; round <= REPLACEMENTS; round += 1) {
        await up(round)
        await until(`lines of round ${round}`, () => (ours.seen.get(round)?.length ?? 0) > 2000, { deadlineMs: 60_000 })
      }
      const away = []
      for (let restart = 1; restart <= RESTARTS; restart += 1) {
        const from = nowMs()
        await (restart % 2 === 0 ? daemon.kill() : daemon.stop())
        // While it is away there is a moment in which lines are only the Engine's.
        await delay(500)
        await daemon.start()
        away.push([from - 100, nowMs() + AWAY_MARGIN_MS])
        const before = ours.seen.get(REPLACEMENTS).length
        await until(`lines after restart ${restart}`, () => ours.seen.get(REPLACEMENTS).length > before + 4000)
      }
      await daemon.must(['-p', STACK, 'stop'])
      await until('the follower has the last line', () => ours.ends.has(REPLACEMENTS))
      report({ show, note }, ours, raw, away, rotations)
    } finally {
      await ours?.stop()
      await raw?.stop()
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      folder.remove()
    }
  },
}

function report({ show, note }, ours, raw, away, rotations) {
  const isCalm = ({ writtenMs }) => !away.some(([from, to]) => writtenMs >= from && writtenMs <= to)
  const lines = [...ours.seen.values()].flat()
  const calm = lines.filter(isCalm).map((line) => line.lateMs)
  const p = (values, share) => values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
  const p99 = p(calm, 0.99)
  const spread = `p50 ${p(calm, 0.5).toFixed(1)}, max ${p(calm, 1 - 1e-9).toFixed(0)} ms, n=${calm.length}`
  show('latency, line written to line printed, p99', `${p99.toFixed(1)} ms`, `<= ${P99_MS} ms`, p99 <= P99_MS, spread)
  const rawMs = [...raw.seen.values()].flat().map((line) => line.lateMs)
  note(
    `docker logs -f beside it: p50 ${p(rawMs, 0.5).toFixed(1)}, p99 ${p(rawMs, 0.99).toFixed(1)} ms, n=${rawMs.length}`,
  )
  const faults = { disorder: 0, missing: 0, ends: 0 }
  const rawFaults = faultsOf(raw.seen.get(0) ?? [], undefined)
  for (const [round, seen] of ours.seen) {
    const found = faultsOf(seen, ours.ends.get(round))
    faults.disorder += found.disorder
    faults.missing += found.missing
    if (ours.ends.has(round)) faults.ends += 1
  }
  const span = `${lines.length} lines, ${rotations} rotations, ${REPLACEMENTS} replacements, ${RESTARTS} restarts`
  show('lines out of order or twice', `${faults.disorder}`, '0', faults.disorder === 0, span)
  const marked = ours.notes.filter((text) => /missing|missed|kept/.test(text))
  // The Engine holds the last minute, and nobody is away for that long.
  show('lines missing, told or not', `${faults.missing}`, '0', faults.missing === 0)
  note(`gaps told ${marked.length}; docker logs -f missed ${rawFaults.missing} lines`)
  for (const text of new Set(marked)) note(text)
  const all = REPLACEMENTS + 1
  show('last lines of each container there', `${faults.ends} of ${all}`, `${all}`, faults.ends === all)
}

function faultsOf(seen, end) {
  let disorder = 0
  let missing = 0
  let last = seen[0]?.number ?? 0
  for (const { number } of seen.slice(1)) {
    if (number <= last) disorder += 1
    else missing += number - last - 1
    last = Math.max(last, number)
  }
  if (end !== undefined) missing += end - last
  return { disorder, missing }
}

const inodeOf = (path) => statSync(path, { throwIfNoEntry: false })?.ino

/** A program that prints lines of the writer: what it printed, and when. */
class Follower {
  #child
  /** By round, in the order printed. */
  seen = new Map()
  /** By round, the last number. */
  ends = new Map()
  notes = []

  constructor(command, args, env) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.ended = new Promise((resolve) => this.#child.once('close', resolve))
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const readMs = nowMs()
      const [round, what, time] = line.split(' ')
      if (what.startsWith('end')) this.ends.set(Number(round), Number(what.slice(3)))
      else {
        if (!this.seen.has(Number(round))) this.seen.set(Number(round), [])
        const writtenMs = Number(time)
        this.seen.get(Number(round)).push({ number: Number(what), writtenMs, lateMs: readMs - writtenMs })
      }
    })
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.notes.push(line))
  }

  async stop() {
    this.#child.kill('SIGKILL')
    await this.ended
  }
}
