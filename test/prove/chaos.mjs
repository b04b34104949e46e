import { setTimeout as delay } from 'node:timers/promises'
import { startDaemon } from '../lab/daemon.mjs'
import { engineCall } from '../lab/engine-call.mjs'
import { numberOf } from './args.mjs'
import { containersOf, difference, manyStacks, whatStaysDifferent } from './many-stacks.mjs'

const SERVICES = 3
const BOUND_MS = 10_000
/** Where it has not converged by then, it will not. */
const DEADLINE_MS = 120_000

/** `--runs N` kills (100) over `--stacks N` stacks (20) within `--minutes N` (5). */
export const chaos = {
  name: 'chaos',
  shows: '100 kills over 20 stacks at random for 5 minutes: as declared within 10 s of the last',
  async run({ engine, args, random, show, note }) {
    const kills = numberOf(args, '--runs', 100)
    const count = numberOf(args, '--stacks', 20)
    const minutes = numberOf(args, '--minutes', 5)
    const daemon = await startDaemon(engine, 'chaos')
    const service = () => ({ restart: 'always', stop_grace_period: '0s' })
    const stacks = await manyStacks(engine, daemon, { prefix: 'ek-chaos', count, services: SERVICES, service })
    try {
      const began = performance.now()
      const moments = Array.from({ length: kills }, () => random() * minutes * 60_000).sort((a, b) => a - b)
      const done = {}
      // A second stop by hand of a container within an hour is meant, and is not healed: each is stopped once.
      const stopped = new Set()
      for (const moment of moments) {
        await delay(Math.max(0, moment - (performance.now() - began)))
        const containers = (await containersOf(engine, stacks.names)).filter(({ Id }) => !stopped.has(Id))
        const victim = containers[Math.floor(random() * containers.length)]
        const how = HOW[Math.floor(random() * HOW.length)]
        if (victim === undefined) continue
        await engineCall(engine, how.method, how.path(victim.Id), { accept: [304, 404, 409] })
        if (how.name === 'kill' || how.name === 'stop') stopped.add(victim.Id)
        done[how.name] = (done[how.name] ?? 0) + 1
      }
      const last = performance.now()
      const look = () => difference(engine, daemon, stacks.names, SERVICES)
      const problem = await whatStaysDifferent(look, DEADLINE_MS)
      const tookMs = performance.now() - last
      note(
        Object.entries(done)
          .map(([name, times]) => `${times} x ${name}`)
          .join(', '),
      )
      if (problem !== undefined) {
        note(problem)
        const name = /ek-chaos-\d+/.exec(problem)?.[0]
        const args = ['-p', name, 'events', '--json', '--since', '1h', '--until', new Date().toISOString()]
        if (name !== undefined) note(`what the daemon saw of ${name}:\n${(await daemon.ek(args)).stdout}`)
      }
      show(
        `as declared after ${kills} kills over ${count} stacks in ${minutes} min`,
        problem === undefined ? `${(tookMs / 1000).toFixed(1)} s after the last` : 'never',
        `<= ${BOUND_MS / 1000} s`,
        problem === undefined && tookMs <= BOUND_MS,
      )
    } finally {
      await stacks.remove()
      await daemon.remove()
    }
  },
}

const HOW = [
  { name: 'rm -f', method: 'DELETE', path: (id) => `/containers/${id}?force=true` },
  { name: 'kill', method: 'POST', path: (id) => `/containers/${id}/kill` },
  { name: 'stop', method: 'POST', path: (id) => `/containers/${id}/stop?t=0` },
  { name: 'rename', method: 'POST', path: (id) => `/containers/${id}/rename?name=ek-chaos-moved-${id.slice(0, 12)}` },
  { name: 'pause', method: 'POST', path: (id) => `/containers/${id}/pause` },
]
