import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { hasCompose } from './times.mjs'

const fixtures = join(projectFolder, 'test/fixtures/stacks')

/** Asks from inside the network namespace that the Engine publishes in, where that is not ours. */
async function httpStatus(container, port) {
  const answer = await fetch(`http://${container}:${port}/`, { signal: AbortSignal.timeout(5000) })
  await answer.text()
  return answer.status
}

export const tenStacks = {
  name: 'ten-stacks',
  shows:
    'ten stacks of 2 to 12 services from real projects: up, answer, log, scale, restart, down; `docker compose ls` and `ps` show them',
  async run({ engine, show }) {
    const names = readdirSync(fixtures).filter((name) => existsSync(join(fixtures, name, 'compose.yaml')))
    const folder = temporaryFolder('ten')
    const daemon = await startDaemon(engine, 'ten')
    const compose = await hasCompose()
    const env = { ...process.env, DOCKER_HOST: engine }
    const containersOf = (stack) =>
      engineJson(
        engine,
        'GET',
        `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${stack}`] }))}`,
      )
    let good = 0
    try {
      for (const name of names) {
        const cwd = join(folder.path, name)
        cpSync(join(fixtures, name), cwd, { recursive: true })
        const stack = `ek-ten-${name}`
        const ek = (...args) => daemon.must(['-p', stack, ...args], { cwd })
        const seen = []
        try {
          const { services } = JSON.parse((await ek('config', '--format', 'json')).stdout)
          seen.push(`${Object.keys(services).length} services`)
          await ek('up', '--wait')
          const running = (await containersOf(stack)).filter((container) => container.State === 'running')
          seen.push(`${running.length} running`)
          const web = running.find(
            (container) =>
              container.Image.startsWith('ek-lab/app') &&
              Object.values(container.NetworkSettings.Networks)[0]?.IPAddress,
          )
          if (web) {
            const port = web.Ports.find((candidate) => candidate.PrivatePort)?.PrivatePort ?? 8080
            const status = await until(
              'it answers',
              () => httpStatus(Object.values(web.NetworkSettings.Networks)[0].IPAddress, port),
              { deadlineMs: 20_000 },
            )
            if (status !== 200) throw new Error(`answered ${status}`)
            seen.push('answers')
          } else throw new Error('no service answers over HTTP')
          const logs = await ek('logs', '--tail', '5')
          if (logs.stdout.trim() === '') throw new Error('no log line')
          seen.push('logs')
          const target = Object.entries(services).find(
            ([, spec]) =>
              !spec.container_name &&
              !(spec.ports ?? []).some((port) => port.published) &&
              spec.image.startsWith('ek-lab/') &&
              spec.image !== 'ek-lab/job:1',
          )
          if (target) {
            await ek('scale', `${target[0]}=2`)
            const count = (await containersOf(stack)).filter(
              (container) =>
                container.Labels['com.docker.compose.service'] === target[0] && container.State === 'running',
            ).length
            if (count !== 2) throw new Error(`${target[0]} has ${count} containers after scale`)
            seen.push('scales')
          }
          const one = running[0].Labels['com.docker.compose.service']
          const startedAt = async () =>
            Promise.all(
              (await containersOf(stack))
                .filter((container) => container.Labels['com.docker.compose.service'] === one)
                .map(
                  async (container) =>
                    (await engineJson(engine, 'GET', `/containers/${container.Id}/json`)).State.StartedAt,
                ),
            )
          const before = await startedAt()
          await ek('restart', '-t', '1', one)
          if ((await startedAt()).join() === before.join()) throw new Error('restart did not restart')
          seen.push('restarts')
          if (compose) {
            const listed = await runProgram('docker', ['compose', 'ls', '--format', 'json'], { env })
            const shown = await runProgram('docker', ['compose', '-p', stack, 'ps', '-a', '--format', 'json'], { env })
            if (!listed.stdout.includes(`"${stack}"`)) throw new Error('docker compose ls does not show it')
            if (shown.stdout.trim().split('\n').length < running.length)
              throw new Error('docker compose ps does not show all')
            seen.push('docker compose shows it')
          }
          await ek('down', '-v', '-t', '1')
          const left = await containersOf(stack)
          if (left.length > 0) throw new Error(`${left.length} containers left`)
          seen.push('down')
          good += 1
          show(name, seen.join(', '), 'all of it', true)
        } catch (error) {
          show(name, `${seen.join(', ')}; then: ${error.message.slice(0, 300)}`, 'all of it', false)
        } finally {
          await daemon.ek(['-p', stack, 'down', '-v', '-t', '0'], { cwd })
        }
      }
      show('stacks', `${good} of ${names.length}`, '10 of 10', good >= 10)
    } finally {
      await daemon.remove()
      folder.remove()
    }
  },
}
