import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram, startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'
import { hasCompose } from './times.mjs'

const fixtures = join(projectFolder, 'test/fixtures/stacks')

/** Of 2 to 12 services. */
const PROJECTS = ['wordpress', 'nextcloud', 'voting-app', 'airflow', 'sentry']

export const adopt = {
  name: 'adopt',
  shows:
    'five projects that Docker Compose started are adopted: ids and start times stay, the next plan is empty; one changed variable replaces only its service; ejected, Compose goes on without recreating',
  async run({ engine, show, note }) {
    if (!(await hasCompose())) {
      note('docker compose is not here: there is nothing to adopt')
      show('projects', '0', '5', false)
      return
    }
    const stacks = JSON.parse(readFileSync(join(fixtures, 'stacks.json'), 'utf8'))
    const folder = temporaryFolder('adopt')
    const daemon = await startDaemon(engine, 'adopt')
    try {
      for (const name of PROJECTS) {
        const stack = stacks.find((candidate) => candidate.name === name)
        const cwd = join(folder.path, name)
        cpSync(join(fixtures, name), cwd, { recursive: true })
        const project = `ek-adopt-${name}`
        await sweep(engine, project)
        try {
          await walk({ engine, daemon, show, project, cwd, size: stack.services.length, service: stack.logs })
        } finally {
          await daemon.ek(['-p', project, 'down', '-v', '-t', '0', '--rmi', 'local'], { cwd })
          await sweep(engine, project)
        }
      }
    } finally {
      await daemon.remove()
      folder.remove()
    }
  },
}

async function walk({ engine, daemon, show, project, cwd, size, service }) {
  const compose = async (...args) => {
    const env = { ...process.env, DOCKER_HOST: engine }
    const result = await runProgram('docker', ['compose', '-p', project, ...args], { cwd, env })
    if (result.code !== 0) throw new Error(`docker compose ${args.join(' ')}: ${result.stderr.slice(-400)}`)
    return result
  }
  const ek = (...args) => daemon.must(['-p', project, ...args], { cwd })
  const seen = async () => {
    const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${project}`] }))
    const list = await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)
    const all = await Promise.all(list.map(({ Id }) => engineJson(engine, 'GET', `/containers/${Id}/json`)))
    return Object.fromEntries(
      all.map(({ Id, State, Config }) => [
        Config.Labels['com.docker.compose.service'],
        `${Id.slice(0, 12)} ${State.StartedAt}`,
      ]),
    )
  }
  const moved = (before, after) => Object.keys({ ...before, ...after }).filter((name) => before[name] !== after[name])
  await compose('up', '-d')
  // Where two services build one image (sentry) the first containers are of the build that lost: its next `up` makes them anew.
  await compose('up', '-d')
  const before = await seen()
  await daemon.must(['adopt', project], { cwd: '/' })
  const after = await seen()
  const same = moved(before, after)
  show(
    `${project}: containers with other ids or start times`,
    `${same.length} of ${Object.keys(after).length}`,
    `0 of ${size}`,
    same.length === 0 && Object.keys(after).length === size,
  )
  const plan = JSON.parse((await ek('plan', '--format', 'json')).stdout)
  show(`${project}: actions of the next plan`, String(plan.actions.length), '0', plan.actions.length === 0)
  writeFileSync(
    join(cwd, 'changed.yaml'),
    JSON.stringify({ services: { [service]: { environment: { EK_CHANGED: 'yes' } } } }),
  )
  const files = ['-f', 'compose.yaml', '-f', 'changed.yaml']
  await ek(...files, 'up', '-t', '1')
  const changed = moved(after, await seen())
  show(`${project}: replaced by one changed variable`, changed.join(), service, changed.join() === service)
  const kept = await seen()
  await ek('eject', '-o', 'handed-on.yaml')
  await compose('-f', 'handed-on.yaml', 'up', '-d')
  // By id alone: Compose starts a job that has ended once more, as each `up` of it does.
  const idsOf = (all) => Object.fromEntries(Object.entries(all).map(([name, text]) => [name, text.split(' ')[0]]))
  const recreated = moved(idsOf(kept), idsOf(await seen()))
  show(`${project}: recreated by Compose after eject`, recreated.join() || 'none', 'none', recreated.length === 0)
  // It goes down as any stack of ours.
  await daemon.must(['-f', 'handed-on.yaml', 'adopt', project], { cwd })
}
