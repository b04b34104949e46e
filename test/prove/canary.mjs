import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { ensureIngressImage, ingressImage } from '../lab/haproxy.mjs'
import { sweep } from '../lab/sweep.mjs'
import { ensureTrafficImage, trafficImage } from '../lab/traffic-image.mjs'
import { numberOf, wordOf } from './args.mjs'
import { Load } from './deploys/clients.mjs'
import { containersOf } from './many-stacks.mjs'
import { spreadOf } from './statistics.mjs'

const STACK = 'ek-canary'
const ROUTES_PORT = 18_225
const REPLICAS = 2
const DRAIN_MS = 1500
/** Between the first answer after a switch and the first look at what drains. */
const SLACK_MS = 250
/** For how long a slow upload of the clients goes on. */
const SLOW_MS = 2000
/** Of a share that is drawn for each request by chance, 999 measurements in 1000 are within so many standard deviations. */
const DEVIATIONS = 3.29

/** `--seconds N`: for how long a share is measured (8); `--kills N` (8); `--netns NAME`: the network namespace of the Engine. */
export const canary = {
  name: 'canary',
  shows:
    'canary and blue-green under load: the share is what was asked for, no request fails over promote, abort, switch and switch back, nor with `kill -9` of the daemon amid it',
  async run({ engine, args, random, show, note }) {
    const seconds = numberOf(args, '--seconds', 8)
    const kills = numberOf(args, '--kills', 8)
    const netns = wordOf(args, '--netns')
    await ensureIngressImage(engine)
    await ensureTrafficImage(engine)
    await sweep(engine, STACK)
    const folder = temporaryFolder('canary')
    const daemon = new LabDaemon({ engine, folder: folder.path })
    const load = new Load(netns)
    const trial = new Trials({ engine, daemon, folder: folder.path, load, seconds })
    try {
      await trial.start()
      await trial.up()
      await load.start({ kind: 'http', port: ROUTES_PORT, headers: { Host: 'shop.test' } })
      await delay(2000)
      await load.ask()
      await shares(trial, show)
      await blueGreen(trial, show)
      await killed(trial, { kills, random, show, note })
      trial.tell(show)
    } finally {
      load.stop()
      await daemon.ek(['-p', STACK, 'down', '-t', '0'])
      await daemon.remove()
      await sweep(engine, STACK)
    }
  },
}

async function shares(trial, show) {
  const version = trial.next()
  for (const percent of [10, 50, 1]) {
    await trial.must(['deploy', '--canary', `${percent}%`])
    trial.share(show, percent, version, await trial.measure())
  }
  await trial.must(['abort'])
  await trial.only(show, 'after abort', trial.serving)
  const promoted = trial.next()
  await trial.must(['deploy', '--canary', '25%'])
  trial.share(show, 25, promoted, await trial.measure())
  await trial.must(['promote'])
  trial.serving = promoted
  await trial.only(show, 'after promote', promoted)
}

async function blueGreen(trial, show) {
  const version = trial.next()
  await trial.must(['deploy', '--blue-green', '--by-hand'])
  await trial.only(show, 'while the new version stands by', trial.serving)
  await trial.must(['promote'])
  await trial.only(show, 'after the switch', version)
  await trial.must(['abort'])
  await trial.only(show, 'after the switch back', trial.serving)
  await trial.must(['deploy', '--blue-green'])
  await trial.must(['promote'])
  trial.serving = version
  await trial.only(show, 'after switch and promote', version)
}

async function killed(trial, { kills, random, show, note }) {
  const convergedMs = []
  const at = { canary: 0, promote: 0, abort: 0 }
  let converged = 0
  for (let run = 1; run <= kills; run += 1) {
    const version = trial.next()
    const decision = run % 2 === 0 ? 'abort' : 'promote'
    const which = run % 4 < 2 ? 'canary' : decision
    at[which] += 1
    const share = ['deploy', '--canary', '40%']
    try {
      if (which === 'canary') convergedMs.push(await trial.killDuring(share, random))
      // What was not acknowledged before the crash is not known: whoever sees that asks again.
      await trial.must(share)
      const { answers } = await trial.measure()
      if (!isWithin(40, version, answers).holds) throw new Error(`the share is ${JSON.stringify(answers)}`)
      if (which === decision) convergedMs.push(await trial.killDuring([decision], random))
      if (await trial.isUnderWay()) await trial.must([decision])
      if (decision === 'promote') trial.serving = version
      await until('only what was decided upon is there', () => trial.isSettled(), { deadlineMs: 60_000, everyMs: 200 })
      converged += 1
    } catch (error) {
      note(`kill ${run}, in the ${which}: ${error.message.slice(0, 300)}`)
      throw error
    }
  }
  show(
    'trials that came to their end with the daemon killed amid them',
    `${converged} of ${kills}`,
    `${kills}`,
    converged === kills && kills > 0,
    `in the canary ${at.canary}, in its promotion ${at.promote}, in its abort ${at.abort}; killed ${spreadOf(convergedMs)} after the request`,
  )
}

class Trials {
  #parts
  #version = 0
  serving = '0'
  #total = { requests: 0, failed: 0, errors: {}, early: 0, cuts: 0, gapMs: 0 }
  #decidedMs = Number.POSITIVE_INFINITY

  constructor(parts) {
    this.#parts = parts
  }

  start() {
    return this.#parts.daemon.start({
      more: ['--ingress-image', ingressImage, '--ingress-http', `0.0.0.0:${ROUTES_PORT}`],
    })
  }

  async up() {
    this.#write('0')
    await this.must(['up', '-d'])
  }

  /** The file is of another version from now on. */
  next() {
    this.#version += 1
    this.#write(String(this.#version))
    return String(this.#version)
  }

  #write(version) {
    writeFileSync(this.#path, JSON.stringify({ name: STACK, services: { app: app(version) } }))
  }

  get #path() {
    return join(this.#parts.folder, 'compose.json')
  }

  async must(args) {
    if (args[0] === 'abort' || args[0] === 'promote') this.#decidedMs = Math.min(this.#decidedMs, Date.now())
    const result = await this.#parts.daemon.must(['-f', this.#path, ...args])
    await this.look()
    return result
  }

  /** Answers how long after the request the daemon was killed. */
  async killDuring(args, random) {
    const { daemon } = this.#parts
    if (args[0] !== 'deploy') this.#decidedMs = Math.min(this.#decidedMs, Date.now())
    const sinceMs = performance.now()
    const asked = daemon.ek(['-f', this.#path, ...args])
    await delay(100 + Math.floor(random() * 4000))
    const killedMs = performance.now() - sinceMs
    await daemon.kill()
    await asked
    await delay(Math.floor(random() * 1000))
    await this.start()
    await until('nothing is under way', async () => !(await this.#isBusy()), { deadlineMs: 60_000, everyMs: 200 })
    return killedMs
  }

  async #deployments(path) {
    const { stdout } = await this.#parts.daemon.must(['-p', STACK, ...path, '--format', 'json'])
    return JSON.parse(stdout)
  }

  async #isBusy() {
    const states = await this.#deployments(['history', '--deployments', '-n', '3'])
    return states.some(({ state }) => state === 'queued' || state === 'running')
  }

  async isUnderWay() {
    const revisions = await this.#deployments(['history'])
    return revisions.some(({ trial }) => trial !== undefined)
  }

  async isSettled() {
    const containers = await containersOf(this.#parts.engine, [STACK])
    const names = containers.map(({ Names }) => Names[0]).sort()
    const wanted = Array.from({ length: REPLICAS }, (_, index) => `/${STACK}-app-${index + 1}`)
    if (JSON.stringify(names) !== JSON.stringify(wanted)) return false
    const { answers } = await this.look()
    return Object.keys(answers).every((version) => version === this.serving)
  }

  /** What the clients have seen since the last look. */
  async look() {
    const seen = await this.#parts.load.ask()
    const { requests, failed, errors, cuts, gapMs } = seen
    const total = this.#total
    total.requests += requests
    total.failed += failed
    total.gapMs = Math.max(total.gapMs, gapMs)
    for (const [error, times] of Object.entries(errors)) total.errors[error] = (total.errors[error] ?? 0) + times
    total.cuts += cuts.length
    total.early += cuts.filter(({ atMs }) => atMs < this.#decidedMs + DRAIN_MS - SLACK_MS).length
    if (cuts.length > 0) this.#decidedMs = Number.POSITIVE_INFINITY
    return seen
  }

  async measure() {
    await this.look()
    await delay(this.#parts.seconds * 1000)
    return this.look()
  }

  share(show, percent, version, { answers }) {
    const { words, bound, holds, spread } = isWithin(percent, version, answers)
    show(`a canary of ${percent} %: its part of the requests`, words, bound, holds, spread)
  }

  async only(show, when, version) {
    // What had begun before is answered by whom it had come to.
    await delay(SLOW_MS)
    await this.look()
    await delay(1500)
    const { answers } = await this.look()
    const others = Object.entries(answers).filter(([of]) => of !== version)
    const strange = others.reduce((sum, [, count]) => sum + count, 0)
    const all = strange + (answers[version] ?? 0)
    show(`${when}: requests answered by another version`, `${strange} of ${all}`, '0', strange === 0 && all > 0)
  }

  tell(show) {
    const { requests, failed, errors, early, cuts, gapMs } = this.#total
    const words = Object.entries(errors).map(([error, times]) => `${times} x ${error}`)
    show(
      'requests that failed over all of it',
      `${failed} of ${requests}`,
      '0',
      failed === 0 && requests > 0,
      `longest time without an answer ${gapMs} ms${words.length === 0 ? '' : `; ${words.join('; ')}`}`,
    )
    show(
      'WebSockets cut before their time',
      `${early} of ${cuts} cut`,
      '0',
      early === 0,
      `the time: ${DRAIN_MS} ms from promote or abort`,
    )
  }
}

/** Against what chance alone would do to a share that is right. */
function isWithin(percent, version, answers) {
  const all = Object.values(answers).reduce((sum, count) => sum + count, 0)
  const part = (answers[version] ?? 0) / Math.max(all, 1)
  const [share, deviation] = [percent / 100, Math.sqrt(((percent / 100) * (1 - percent / 100)) / Math.max(all, 1))]
  const slack = DEVIATIONS * deviation
  return {
    words: `${(100 * part).toFixed(2)} % of ${all}`,
    bound: `${percent} % +- ${(100 * slack).toFixed(2)}`,
    holds: all > 0 && Math.abs(part - share) <= slack,
    spread: `binomial standard deviation ${(100 * deviation).toFixed(2)} %`,
  }
}

const app = (version) => ({
  image: trafficImage,
  scale: REPLICAS,
  environment: { VERSION: version, READY_AFTER_MS: '300' },
  restart: 'always',
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/health'],
    interval: '500ms',
    start_period: '20s',
  },
  'x-evenkeel': { routes: [{ host: 'shop.test', port: 8080 }], drain: `${DRAIN_MS}ms` },
})
