import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { ensureImages } from '../lab/images.mjs'
import { privateEngine, whyNoPrivateEngine } from '../lab/private-engine.mjs'
import { median } from './statistics.mjs'

const STACK = 'ek-followers'
const FOLLOWERS = 200
const SECONDS = 20
const BOUND = 1.1
/** The ring of one container, and what each follower may have under way. */
const MEMORY_BOUND_MIB = 128
const HEADER_BYTES = 16

export const followers = {
  name: 'followers',
  shows: '200 followers of one container at 1,000 lines/s: the Engine works as for one, nobody loses by who is stalled',
  async run({ show, note }) {
    const why = whyNoPrivateEngine()
    if (why !== undefined) {
      note(why)
      return
    }
    // Of its own: nobody else's work counts.
    const engine = await privateEngine('followers')
    await ensureImages(engine.socket)
    const folder = temporaryFolder('followers')
    const daemon = await startDaemon(engine.socket, 'followers')
    try {
      const environment = { LINES: '0', RATE: '1000', STDERR_EVERY: '0' }
      const web = { image: 'ek-lab/chatty:1', network_mode: 'none', stop_grace_period: '1s', environment }
      writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify({ name: STACK, services: { web } }))
      await daemon.must(['up'], { cwd: folder.path })
      const peak = { rss: 0 }
      const before = daemon.status().residentKiB / 1024
      let faults = 0
      let lines = 0
      const phases = { one: [], many: [], 'one, busy': [] }
      /** What serving and reading so many costs beside the Engine, in cores. */
      let coresOfMany = 0
      for (const phase of ['many', 'one', 'one, busy', 'one, busy', 'one', 'many']) {
        const all = await follow(daemon, phase === 'many' ? FOLLOWERS : 1)
        const work = phase === 'one, busy' ? busyWith(coresOfMany) : undefined
        await delay(3000)
        const from = { ...countersOf(engine.pid), line: all[0].last }
        const ours = daemon.cpuSeconds() + ownCpuSeconds()
        for (let second = 0; second < SECONDS; second += 1) {
          await delay(1000)
          peak.rss = Math.max(peak.rss, daemon.status().residentKiB / 1024)
        }
        const to = { ...countersOf(engine.pid), line: all[0].last }
        // A writer that had to wait for a core writes more later: what counts is the work for a line.
        const per = (figure) => ((to[figure] - from[figure]) * 1000) / (to.line - from.line)
        phases[phase].push({ cpu: per('cpu'), writes: per('writes'), reads: per('reads') })
        if (phase === 'many') coresOfMany = (daemon.cpuSeconds() + ownCpuSeconds() - ours) / SECONDS
        work?.end()
        for (const follower of all) {
          faults += follower.faults
          lines += follower.lines
          follower.close()
        }
        await delay(500)
      }
      const of = (phase, figure) => median(phases[phase].map((one) => one[figure]))
      // The same work takes longer on a core whose neighbour is busy, and finds less to read at a time: so there is one in both.
      const beside = `${FOLLOWERS} followers / one on a machine as busy (${coresOfMany.toFixed(2)} cores)`
      for (const [figure, what, unit] of [
        ['writes', 'write calls', 1],
        ['reads', 'read calls', 1],
        ['cpu', 'ms of CPU', 1000],
      ]) {
        const ratio = of('many', figure) / of('one, busy', figure)
        const words = Object.entries(phases).map(
          ([phase, all]) => `${phase}: ${all.map((one) => (one[figure] * unit).toFixed(0)).join(', ')}`,
        )
        const spread = `${words.join('; ')} for 1,000 lines`
        show(`${what} of dockerd, ${beside}`, ratio.toFixed(2), `<= ${BOUND}`, ratio <= BOUND, spread)
      }
      note(
        `CPU of dockerd, ${FOLLOWERS} / one with nothing beside: ${(of('many', 'cpu') / of('one', 'cpu')).toFixed(2)}`,
      )

      const [stalled, ...others] = await follow(daemon, FOLLOWERS)
      await until('the stalled one has begun', () => stalled.lines > 0)
      stalled.pause()
      for (let second = 0; second < 40; second += 1) {
        await delay(1000)
        peak.rss = Math.max(peak.rss, daemon.status().residentKiB / 1024)
      }
      stalled.resume()
      await until('the gap frame of the stalled one', () => stalled.gaps.length > 0)
      await delay(1000)
      const [gap] = stalled.gaps
      show(
        'the stalled follower is told what it missed',
        `${gap.lines} lines from ${gap.after} to ${gap.before}`,
        'exactly what is missing',
        stalled.missing === stalled.gaps.reduce((total, one) => total + one.lines, 0) && stalled.disorder === 0,
      )
      for (const follower of others) {
        faults += follower.faults
        lines += follower.lines
      }
      show('lines that the others missed, or had twice', `${faults}`, '0', faults === 0, `${lines} lines in all`)
      const growth = peak.rss - before
      show(
        "growth of the daemon's memory, at its peak",
        `${growth.toFixed(0)} MiB (to ${peak.rss.toFixed(0)})`,
        `<= ${MEMORY_BOUND_MIB} MiB`,
        growth <= MEMORY_BOUND_MIB,
      )
      for (const follower of [stalled, ...others]) follower.close()
    } finally {
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      await engine.remove()
      folder.remove()
    }
  },
}

async function follow(daemon, count) {
  const all = Array.from({ length: count }, () => new Follower(daemon.socket))
  await until('all follow', () => all.every((follower) => follower.lines > 0))
  return all
}

const cpuSecondsOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const ownCpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** CPU seconds, and calls to read and to write, so far. */
function countersOf(pid) {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8')
  const count = (name) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)[1])
  return { cpu: cpuSecondsOf(pid), reads: count('syscr'), writes: count('syscw') }
}

/** Uses so many cores until it is ended. */
function busyWith(cores) {
  const program =
    'const share = Number(process.argv[1]); setInterval(() => { const end = performance.now() + 10 * share; while (performance.now() < end); }, 10)'
  const workers = Math.max(Math.ceil(cores), 1)
  const children = Array.from({ length: workers }, () =>
    spawn(process.execPath, ['-e', program, String(cores / workers)], { stdio: 'ignore' }),
  )
  return { end: () => children.forEach((child) => child.kill('SIGKILL')) }
}

/** Reads binary frames by their description, and checks the numbers of the lines. */
class Follower {
  #socket
  #last
  lines = 0
  missing = 0
  disorder = 0
  gaps = []

  constructor(path) {
    this.#socket = new WebSocket(`ws+unix://${path}:/v1/stacks/${STACK}/logs?follow=true&tail=0`, {
      perMessageDeflate: false,
    })
    this.#socket.on('error', () => {})
    this.#socket.on('message', (data, isBinary) => {
      if (isBinary) this.#records(data)
      else {
        const frame = JSON.parse(data)
        if (frame.type === 'gap') this.gaps.push(frame)
      }
    })
  }

  /** The number of the last line that came. */
  get last() {
    return this.#last
  }

  get faults() {
    return this.missing + this.disorder + this.gaps.length
  }

  #records(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt16LE(at + 12)
      // `stdout 0000000042 xxx`
      const number = Number(bytes.latin1Slice(at + HEADER_BYTES + 7, at + HEADER_BYTES + 17))
      if (this.#last !== undefined && number <= this.#last) this.disorder += 1
      else if (this.#last !== undefined) this.missing += number - this.#last - 1
      this.#last = number
      this.lines += 1
      at += HEADER_BYTES + length
    }
  }

  pause() {
    this.#socket.pause()
  }

  resume() {
    this.#socket.resume()
  }

  close() {
    this.#socket.terminate()
  }
}
