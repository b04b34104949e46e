import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'
import { hasCompose } from './times.mjs'

const fixtures = join(projectFolder, 'test/fixtures/stacks')

export const tenStacks = {
  name: 'ten-stacks',
  shows:
    'ten stacks of 2 to 12 services from real projects: up, answer, log, scale, restart, down; `docker compose ls` and `ps` show them',
  async run({ engine, show, note }) {
    const stacks = JSON.parse(readFileSync(join(fixtures, 'stacks.json'), 'utf8'))
    const folder = temporaryFolder('ten')
    const daemon = await startDaemon(engine, 'ten')
    const compose = await hasCompose()
    if (!compose) note('docker compose is not here: whether it shows our stacks is not tried')
    let good = 0
    try {
      for (const stack of stacks) {
        const cwd = join(folder.path, stack.name)
        cpSync(join(fixtures, stack.name), cwd, { recursive: true })
        const seen = []
        await sweep(engine, `ek-${stack.name}`)
        try {
          await walk({ daemon, engine, stack, cwd, compose, seen })
          good += 1
        } catch (error) {
          seen.push(`then: ${error.message.slice(0, 400)}`)
        } finally {
          await daemon.ek(['-p', `ek-${stack.name}`, 'down', '-v', '-t', '0', '--rmi', 'local'], { cwd })
        }
        show(stack.name, seen.join(', '), 'all of it', seen.at(-1) === 'down')
      }
      show('stacks', `${good} of ${stacks.length}`, '10 of 10', good >= 10)
    } finally {
      await daemon.remove()
      folder.remove()
    }
  },
}

async function walk({ daemon, engine, stack, cwd, compose, seen }) {
  const project = `ek-${stack.name}`
  const ek = (...args) => daemon.must(['-p', project, ...args], { cwd })
  const containers = async (service) => {
    const label = [
      `com.docker.compose.project=${project}`,
      ...(service ? [`com.docker.compose.service=${service}`] : []),
    ]
    return engineJson(
      engine,
      'GET',
      `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label }))}`,
    )
  }
  seen.push(`${stack.services.length} services`)
  await ek('up', '--wait')
  const there = await containers()
  const running = there.filter((container) => container.State === 'running')
  if (running.length !== stack.services.length - stack.ends.length) throw new Error(`${running.length} run`)
  seen.push(`${running.length} running`)
  for (const { service, port, hostPort, path } of stack.answers) {
    const [container] = await containers(service)
    const address = Object.values(container.NetworkSettings.Networks)[0].IPAddress
    const url = hostPort ? `http://127.0.0.1:${hostPort}${path}` : `http://${address}:${port}${path}`
    const answer = await until(
      `${url} answers`,
      async () => (await fetch(url, { signal: AbortSignal.timeout(3000) })).json(),
      {
        deadlineMs: 20_000,
      },
    )
    if (answer.version === undefined) throw new Error(`${url} answers without a version`)
  }
  seen.push('answers')
  if ((await ek('logs', '--tail', '5', stack.logs)).stdout.trim() === '')
    throw new Error(`no log line of ${stack.logs}`)
  seen.push('logs')
  await ek('scale', `${stack.scale}=2`)
  const scaled = (await containers(stack.scale)).filter((container) => container.State === 'running').length
  if (scaled !== 2) throw new Error(`${stack.scale} has ${scaled} containers after scale`)
  seen.push('scales')
  const startedAt = async () =>
    (
      await Promise.all(
        (await containers(stack.logs)).map(({ Id }) => engineJson(engine, 'GET', `/containers/${Id}/json`)),
      )
    )
      .map((container) => container.State.StartedAt)
      .join()
  const before = await startedAt()
  await ek('restart', '-t', '1', stack.logs)
  if ((await startedAt()) === before) throw new Error('restart did not restart')
  seen.push('restarts')
  if (compose) {
    const env = { ...process.env, DOCKER_HOST: engine }
    const listed = await runProgram('docker', ['compose', 'ls', '-a', '--format', 'json'], { env })
    const shown = await runProgram('docker', ['compose', '-p', project, 'ps', '-a', '--format', 'json'], { env })
    if (!JSON.parse(listed.stdout).some((row) => row.Name === project))
      throw new Error('docker compose ls does not show it')
    const rows = shown.stdout.trim().split('\n').length
    if (rows !== there.length + 1) throw new Error(`docker compose ps shows ${rows} of ${there.length + 1}`)
    seen.push('docker compose shows it')
  }
  await ek('down', '-v', '-t', '1')
  const left = await containers()
  if (left.length > 0) throw new Error(`${left.length} containers are left`)
  seen.push('down')
}
