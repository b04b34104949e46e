// A dockerd that no init system starts needs cgroups that somebody mounted. This does what systemd, cgroupfs-mount or moby's
// hack/dind would have done, and nothing where it was done already.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { run } from './commands.mjs'

const root = '/sys/fs/cgroup'

/** Mounts what is missing. A failure is logged, not thrown: dockerd itself says best what it cannot live without. */
export async function prepareCgroups({ log = () => {} } = {}) {
  try {
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
    const at = (path) => mounts.find(([, target]) => target === path)
    if (at(root)?.[2] === 'cgroup2') return makeRoomInNestedCgroup2()
    const controllers = readFileSync('/proc/cgroups', 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
    const usable = controllers.filter(([, , , enabled]) => enabled === '1').map(([name]) => name)
    if (!at(root)) {
      const version1 = controllers.some(([, hierarchy]) => Number(hierarchy) > 0)
      if (!version1) return await run('mount', ['-t', 'cgroup2', 'cgroup2', root])
      await run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'cgroup', root])
    }
    const mounted = new Set(
      mounts.filter(([, , type]) => type === 'cgroup').flatMap(([, , , options]) => options.split(',')),
    )
    for (const controller of usable.filter((name) => !mounted.has(name))) {
      mkdirSync(`${root}/${controller}`, { recursive: true })
      await run('mount', ['-t', 'cgroup', '-o', controller, 'cgroup', `${root}/${controller}`])
    }
  } catch (error) {
    log(`cgroups left as they are: ${error.message}`)
  }
}

/** Inside a container a cgroup v2 hands down no controllers while processes sit in its root: they move to a child. */
function makeRoomInNestedCgroup2() {
  if (!existsSync(`${root}/cgroup.type`)) return // the machine's true root has no such file, and needs none of this
  mkdirSync(`${root}/init`, { recursive: true })
  for (const pid of readFileSync(`${root}/cgroup.procs`, 'utf8').split('\n').filter(Boolean)) {
    try {
      writeFileSync(`${root}/init/cgroup.procs`, pid)
    } catch {
      // it ended meanwhile
    }
  }
  const controllers = readFileSync(`${root}/cgroup.controllers`, 'utf8').trim().split(' ').filter(Boolean)
  writeFileSync(`${root}/cgroup.subtree_control`, controllers.map((name) => `+${name}`).join(' '))
}
