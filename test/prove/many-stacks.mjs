// Many small stacks side by side, and what the Engine says of them: for proofs that break things and see them mended.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder, writeStack } from '../lab/daemon.mjs'
import { engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const PROJECT = 'com.docker.compose.project'

/** `count` stacks called `prefix-1`, ...: brought up, and taken down with `remove`. */
export async function manyStacks(engine, daemon, { prefix, count, services, service, top = {} }) {
  const folder = temporaryFolder(prefix)
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`)
  for (const name of names) {
    await sweep(engine, name)
    mkdirSync(join(folder.path, name))
    writeStack(join(folder.path, name), { services, service, top: { name, ...top } })
  }
  for (const name of names) await daemon.must(['up', '--wait'], { cwd: join(folder.path, name) })
  return {
    names,
    folderOf: (name) => join(folder.path, name),
    async remove() {
      for (const name of names) {
        await daemon.ek(['-p', name, 'down', '-v', '-t', '0'])
        await sweep(engine, name)
      }
      folder.remove()
    },
  }
}

/** Containers of these projects, by the Engine's own word. */
export async function containersOf(engine, names) {
  const filters = encodeURIComponent(JSON.stringify({ label: [PROJECT] }))
  const all = await engineJson(engine, 'GET', `/containers/json?all=true&filters=${filters}`)
  return all.filter(({ Labels }) => names.includes(Labels[PROJECT]))
}

/** What keeps these stacks of `services` services from being exactly as declared; undefined where nothing does. */
export async function difference(engine, daemon, names, services) {
  const containers = await containersOf(engine, names)
  for (const name of names) {
    const own = containers.filter(({ Labels }) => Labels[PROJECT] === name)
    const wanted = Array.from({ length: services }, (_, index) => `/${name}-s${index + 1}-1`).sort()
    const there = own.map(({ Names }) => Names[0]).sort()
    if (there.join() !== wanted.join()) return `${name} has ${there.join(' ') || 'nothing'}`
    const down = own.find(({ State, Status }) => State !== 'running' || /starting|unhealthy/.test(Status))
    if (down !== undefined) return `${down.Names[0]} is ${down.Status}`
  }
  const { stdout } = await daemon.must(['ls', '-a', '--format', 'json'])
  const unsteady = JSON.parse(stdout).find(({ Name, Condition }) => names.includes(Name) && Condition !== 'steady')
  return unsteady === undefined ? undefined : `${unsteady.Name} is ${unsteady.Condition}`
}

/** Looks until nothing differs any more; what still does at the deadline. */
export async function whatStaysDifferent(look, deadlineMs = 60_000) {
  const end = performance.now() + deadlineMs
  for (;;) {
    const problem = await look()
    if (problem === undefined || performance.now() > end) return problem
    await delay(200)
  }
}
