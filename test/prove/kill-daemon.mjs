import { setTimeout as delay } from 'node:timers/promises'
import { startDaemon, temporaryFolder, until, writeStack } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const SERVICES = 30
const MOMENTS = 20

export const killDaemon = {
  name: 'kill-daemon',
  shows:
    '`kill -9` of the daemon in the middle of `up` of 30 services, at 20 random moments: started again it ends with exactly the desired stack',
  async run({ engine, random, show, note }) {
    await sweep(engine, 'ek-kill')
    const folder = temporaryFolder('kill')
    const daemon = await startDaemon(engine, 'kill')
    const list = async (kind) => {
      const filters = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project=ek-kill'] }))
      const answer = await engineJson(
        engine,
        'GET',
        `/${kind}${kind === 'containers' ? '/json?all=true&' : '?'}filters=${filters}`,
      )
      return kind === 'volumes' ? (answer.Volumes ?? []) : answer
    }
    let exact = 0
    const moments = []
    try {
      for (let moment = 0; moment < MOMENTS; moment += 1) {
        writeStack(folder.path, {
          services: SERVICES,
          service: (number) => ({
            volumes: number % 5 === 0 ? [`data${number}:/data`] : [],
            environment: { ROUND: String(moment) },
            stop_grace_period: '0s',
            ...(number % 7 === 0 ? { depends_on: [`s${number - 1}`] } : {}),
          }),
          top: {
            name: 'ek-kill',
            volumes: Object.fromEntries([5, 10, 15, 20, 25, 30].map((number) => [`data${number}`, {}])),
          },
        })
        // Every other time over a stack that is there, so that replacements are cut short as well.
        if (moment % 2 === 0) await daemon.must(['-p', 'ek-kill', 'down', '-t', '0'])
        const asked = new Date().toISOString()
        const up = daemon.ek(['up'], { cwd: folder.path })
        const afterMs = 100 + Math.floor(random() * (moment % 2 === 0 ? 4500 : 9000))
        moments.push(afterMs)
        await delay(afterMs)
        await daemon.kill()
        await up
        await daemon.start()
        // What was not acknowledged before the crash is not known: asked again, it must come out the same.
        const known = await daemon.ek(['-p', 'ek-kill', 'history', '--deployments', '--format', 'json'])
        const acknowledged =
          known.code === 0 && JSON.parse(known.stdout).some((one) => one.kind === 'up' && one.createdAt > asked)
        if (!acknowledged) await daemon.must(['up'], { cwd: folder.path })
        const wanted = await until(
          `the stack is steady after kill ${moment + 1}`,
          async () => {
            const stacks = JSON.parse((await daemon.must(['ls', '-a', '--format', 'json'])).stdout)
            const running = (await list('containers')).filter((container) => container.State === 'running').length
            return stacks[0]?.Condition === 'steady' && running >= SERVICES && stacks
          },
          { deadlineMs: 180_000, everyMs: 200 },
        )
        const containers = await list('containers')
        const names = new Set(containers.map((container) => container.Names[0]))
        const declared = Array.from({ length: SERVICES }, (_, index) => `/ek-kill-s${index + 1}-1`)
        const environments = await Promise.all(
          containers.map((container) => engineJson(engine, 'GET', `/containers/${container.Id}/json`)),
        )
        const current = environments.filter(
          (one) => one.Config.Env.includes(`ROUND=${moment}`) && one.State.Running,
        ).length
        const isExact =
          containers.length === SERVICES &&
          declared.every((name) => names.has(name)) &&
          current === SERVICES &&
          (await list('volumes')).length === 6
        if (isExact) exact += 1
        else
          note(
            `kill ${moment + 1} after ${afterMs} ms: ${containers.length} containers, ${current} current, ${JSON.stringify(wanted)}`,
          )
      }
      show(
        'kills after which the stack was exactly as declared',
        `${exact} of ${MOMENTS}`,
        `${MOMENTS}`,
        exact === MOMENTS,
        `after ${moments.join(', ')} ms`,
      )
    } finally {
      await daemon.ek(['-p', 'ek-kill', 'down', '-v', '-t', '0'])
      await daemon.remove()
      folder.remove()
    }
  },
}
