import { setTimeout as delay } from 'node:timers/promises'
import { startDaemon, until } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { numberOf } from './args.mjs'
import { containersOf, manyStacks } from './many-stacks.mjs'
import { median, spreadOf } from './statistics.mjs'

const STACK = 'ek-heal'

/** `--runs N`: how many kills (50). */
export const healSpeed = {
  name: 'heal-speed',
  shows: 'a container killed with `docker rm -f` is back and healthy within 1 s of what the raw API needs (p95 of 50)',
  async run({ engine, args, show, note }) {
    const runs = numberOf(args, '--runs', 50)
    const daemon = await startDaemon(engine, 'heal')
    const stacks = await manyStacks(engine, daemon, { prefix: STACK, count: 1, services: 2, service: healthy })
    const [stack] = stacks.names
    try {
      const times = { raw: [], healed: [] }
      for (let run = 0; run < runs; run += 1) {
        times.raw.push(await rawTime(engine, stack))
        await settled(engine, stack)
        times.healed.push(await healTime(engine, stack))
        await settled(engine, stack)
      }
      const raw = median(times.raw)
      const over = times.healed.map((ms) => ms - raw).sort((a, b) => a - b)
      const p95 = over[Math.ceil(over.length * 0.95) - 1]
      note(`raw create + start until healthy: ${spreadOf(times.raw)}`)
      note(`from the answer of rm -f until healthy again: ${spreadOf(times.healed)}`)
      show('beyond the raw API, p95', `${p95.toFixed(0)} ms`, '<= 1000 ms', p95 <= 1000, spreadOf(over))
    } finally {
      await stacks.remove()
      await daemon.remove()
    }
  },
}

const healthy = () => ({
  restart: 'always',
  stop_grace_period: '0s',
  healthcheck: { test: ['CMD', 'true'], interval: '10s', start_period: '5s', start_interval: '100ms' },
})

const isHealthy = ({ State, Status }) => State === 'running' && Status.includes('(healthy)')

/** Nothing of it is under way any more: one kill does not pay for the one before. */
async function settled(engine, stack) {
  await until('all is healthy', async () => {
    const containers = await containersOf(engine, [stack])
    return containers.length === 2 && containers.every(isHealthy)
  })
  await delay(1500)
}

/** Create and start of a container like the one that is killed, until its first check has succeeded. */
async function rawTime(engine, stack) {
  const [like] = await containersOf(engine, [stack])
  const { Config, HostConfig } = await engineJson(engine, 'GET', `/containers/${like.Id}/json`)
  const network = Object.keys(like.NetworkSettings.Networks)[0]
  const name = `${STACK}-raw`
  await engineCall(engine, 'DELETE', `/containers/${name}?force=true`, { accept: [404] })
  const started = performance.now()
  const body = {
    Image: Config.Image,
    Healthcheck: Config.Healthcheck,
    HostConfig: { NetworkMode: network, RestartPolicy: HostConfig.RestartPolicy },
  }
  const { Id } = await engineJson(engine, 'POST', `/containers/create?name=${name}`, { body })
  await engineCall(engine, 'POST', `/containers/${Id}/start`)
  await untilHealthy(engine, Id)
  const ms = performance.now() - started
  await engineCall(engine, 'DELETE', `/containers/${Id}?force=true`)
  return ms
}

async function untilHealthy(engine, reference) {
  await until(
    `${reference} is healthy`,
    async () => (await engineJson(engine, 'GET', `/containers/${reference}/json`)).State.Health?.Status === 'healthy',
    { everyMs: 10 },
  )
}

async function healTime(engine, stack) {
  await engineCall(engine, 'DELETE', `/containers/${stack}-s1-1?force=true`)
  const started = performance.now()
  await untilHealthy(engine, `${stack}-s1-1`)
  return performance.now() - started
}
