import { setTimeout as delay } from 'node:timers/promises'
import { startDaemon, temporaryFolder, writeStack } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { ensureImages } from '../lab/images.mjs'
import { privateEngine, whyNoPrivateEngine } from '../lab/private-engine.mjs'
import { clockOf, numberOf, wordOf } from './args.mjs'
import { difference, whatStaysDifferent } from './many-stacks.mjs'

const STACK = 'ek-kill-engine'
const SERVICES = 6

/** `--runs N` kills (20); `--minutes N`: as many of them as go into that time. `--bin FOLDER`: another release's dockerd, containerd and runc than the installed ones. */
export const killEngine = {
  name: 'kill-engine',
  shows:
    '`kill -9` and restart of dockerd in the middle of 20 deployments: as declared, or blocked with a name and the words of the Engine',
  needsEngine: false,
  async run({ args, random, show, note }) {
    const why = whyNoPrivateEngine()
    if (why !== undefined) {
      note(why)
      return
    }
    const wanted = numberOf(args, '--runs', 20)
    const clock = clockOf(args)
    let runs = 0
    const engine = await privateEngine('hd', { binFolder: wordOf(args, '--bin') })
    const folder = temporaryFolder('kill-engine')
    let daemon
    try {
      await ensureImages(engine.socket)
      daemon = await startDaemon(engine.socket, 'kill-engine')
      const { Version } = await engineJson(engine.socket, 'GET', '/version')
      note(`a private Engine of release ${Version}`)
      const counts = { exact: 0, blocked: 0, volumes: 0 }
      const tookMs = []
      let made
      for (let run = 0; run <= wanted && !clock.isOver(); run += 1) {
        runs = run
        writeStack(folder.path, {
          services: SERVICES,
          service: serviceOf(run),
          top: { name: STACK, volumes: { data: {} } },
        })
        const up = daemon.ek(['up'], { cwd: folder.path })
        if (run === 0) {
          // The ground: nothing is killed.
          await up
          made = await volumes(engine.socket)
          continue
        }
        await delay(20 + Math.floor(random() * 2500))
        await engine.kill()
        await delay(Math.floor(random() * 1500))
        await engine.start()
        const back = performance.now()
        await up
        // An `up` that was not accepted, or that failed with the Engine, is asked for again by whoever sees that.
        const { code, stderr } = await daemon.ek(['up'], { cwd: folder.path })
        const problem = await whatStaysDifferent(() => whatDiffers(engine.socket, daemon, run), 90_000)
        tookMs.push(performance.now() - back)
        if (problem === undefined) counts.exact += 1
        else if (await isNamed(daemon)) counts.blocked += 1
        note(
          `kill ${run}: ${problem ?? 'as declared'} after ${(tookMs.at(-1) / 1000).toFixed(1)} s${code === 0 ? '' : `; up: ${stderr.trim().split('\n').at(-1)}`}`,
        )
        if (JSON.stringify(await volumes(engine.socket)) === JSON.stringify(made)) counts.volumes += 1
      }
      const { exact, blocked } = counts
      const good = exact + blocked
      show('as declared, or blocked by name', `${exact} + ${blocked} of ${runs}`, `${runs}`, good === runs)
      show(
        'the volume is the very one that was there',
        `${counts.volumes} of ${runs}`,
        `${runs}`,
        counts.volumes === runs,
      )
    } finally {
      await daemon?.ek(['-p', STACK, 'down', '-v', '-t', '0'])
      await daemon?.remove()
      await engine.remove()
      folder.remove()
    }
  },
}

const serviceOf = (run) => (number) => ({
  environment: { ROUND: String(run) },
  stop_grace_period: '0s',
  restart: 'always',
  ...(number === 1 ? { volumes: ['data:/data'] } : {}),
  ...(number === SERVICES ? { depends_on: ['s1'] } : {}),
})

async function whatDiffers(engine, daemon, run) {
  const different = await difference(engine, daemon, [STACK], SERVICES)
  if (different !== undefined) return different
  const containers = await engineJson(engine, 'GET', '/containers/json?all=true')
  for (const { Id, Names } of containers) {
    const { Config } = await engineJson(engine, 'GET', `/containers/${Id}/json`)
    if (!Config.Env.includes(`ROUND=${run}`)) return `${Names[0]} is of an older file`
  }
  return undefined
}

/** Blocked or failed, with a reason. */
export async function isNamed(daemon, stack = STACK) {
  const { stdout } = await daemon.ek(['ls', '-a', '--format', 'json'])
  const found = JSON.parse(stdout).find(({ Name }) => Name === stack)
  return found?.Condition === 'blocked' && (found.Reason ?? '') !== ''
}

async function volumes(engine) {
  const { Volumes } = await engineJson(engine, 'GET', '/volumes')
  return (Volumes ?? []).map(({ Name, CreatedAt }) => [Name, CreatedAt])
}
