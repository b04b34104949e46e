// A private Engine for tests that stop, kill or fill one: data, sockets and network of its own. As root on Linux.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { prepareCgroups } from './cgroups.mjs'
import { findCommand, run, tryRun } from './commands.mjs'
import { endDockerd, logTail, spawnDockerd, untilItAnswers } from './dockerd.mjs'
import { engineCall, engineJson, whyNoAnswer } from './engine-call.mjs'
import { createNamespace, namespaceExists, removeNamespace } from './private-network.mjs'

/** What keeps a private Engine from running here, as a sentence; undefined where nothing does. */
export function whyNoPrivateEngine() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'A private Engine needs root on Linux.'
  const missing = ['dockerd', 'ip', 'nsenter'].filter((command) => !findCommand(command))
  return missing.length > 0 ? `A private Engine needs ${missing.join(', ')}.` : undefined
}

/**
 * Starts a private Engine called `name` (what an earlier one of that name left is removed first).
 *
 * - `socket`: its address, `unix:///path`; `socketPath`: the path alone; `address`: its host's address, for published ports;
 * - `stop()`: ends dockerd in order, its containers with it; `kill()`: SIGKILL, as a crash; `start()`: starts it again, on the same data;
 * - `remove()`: ends it and deletes all it had. Call it at the end of a test;
 * - `httpGet(url)`: `{ status, body }` as seen from its host, whose 127.0.0.1 is not this machine's;
 * - `logTail()`: dockerd's last words.
 *
 * `binFolder` holds another release's dockerd, containerd and runc, to be used in place of the installed ones; `config` is
 * what stands in its `daemon.json`.
 */
export async function privateEngine(
  name,
  { binFolder, config = {}, folder = join(tmpdir(), 'evenkeel-lab', name) } = {},
) {
  const why = whyNoPrivateEngine()
  if (why) throw new Error(why)
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) throw new Error(`A private Engine cannot be called ${name}.`)
  const socketPath = join(folder, 'docker.sock')
  if (socketPath.length > 107) throw new Error(`A Unix socket's path ends at 107 characters: ${socketPath}`)
  const engine = new PrivateEngine({ name, binFolder, config, folder, socketPath })
  await engine.remove()
  await engine.start()
  return engine
}

class PrivateEngine {
  #daemon
  #binFolder
  #config

  constructor({ name, binFolder, config, folder, socketPath }) {
    this.name = name
    this.namespace = `ek-${name}`
    this.folder = folder
    this.socketPath = socketPath
    this.socket = `unix://${socketPath}`
    this.address = undefined
    this.#binFolder = binFolder
    this.#config = config
  }

  get pid() {
    return this.#daemon?.pid
  }

  async start() {
    if (this.#daemon && !this.#daemon.ended) throw new Error(`The Engine ${this.name} runs already.`)
    mkdirSync(this.folder, { recursive: true })
    if (!namespaceExists(this.namespace)) {
      await prepareCgroups()
      this.address = await createNamespace(this.namespace)
    }
    const configFile = join(this.folder, 'daemon.json') // the machine's own may contradict our flags, which dockerd refuses
    writeFileSync(configFile, JSON.stringify(this.#config))
    // dockerd waits for a process that a pid file names, even for one that has died and that nobody buried.
    for (const file of ['pid', 'exec/containerd/containerd.pid']) {
      const pid = pidIn(join(this.folder, file))
      if (pid && !isAlive(pid)) rmSync(join(this.folder, file))
    }
    const path = [this.#binFolder, process.env.PATH, '/usr/sbin', '/sbin'].filter(Boolean).join(':')
    this.#daemon = spawnDockerd({
      // Not `ip netns exec`: that remounts /sys, and the Engine then finds no cgroups.
      command: 'nsenter',
      args: [
        `--net=/run/netns/${this.namespace}`,
        findCommand('dockerd', this.#binFolder ?? process.env.PATH),
        ...['--config-file', configFile],
        ...['--data-root', join(this.folder, 'data')],
        ...['--exec-root', join(this.folder, 'exec')],
        ...['--pidfile', join(this.folder, 'pid')],
        ...['--host', this.socket],
      ],
      env: { PATH: path, DOCKER_HOST: '' },
      logPath: join(this.folder, 'log'),
    })
    await untilItAnswers(this.socket, { daemon: this.#daemon })
  }

  async stop() {
    await this.#end('SIGTERM')
  }

  async kill() {
    await this.#end('SIGKILL')
    // Its containerd dies with it (by PDEATHSIG), a moment later.
    const containerd = pidIn(join(this.folder, 'exec/containerd/containerd.pid'))
    const deadline = Date.now() + 2000
    while (containerd && isAlive(containerd) && Date.now() < deadline) await delay(20)
  }

  async remove() {
    if (namespaceExists(this.namespace)) await this.#removeContainers()
    await this.stop()
    await this.#endLeftover()
    this.#endShims()
    await unmountBelow(this.folder)
    await removeNamespace(this.namespace)
    rmSync(this.folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose]() {
    await this.remove()
  }

  async httpGet(url) {
    const script =
      'fetch(process.argv[1]).then(async r=>console.log(JSON.stringify({status:r.status,body:await r.text()})))'
    const args = [`--net=/run/netns/${this.namespace}`, process.execPath, '-e', script, url]
    return JSON.parse(await run('nsenter', args, { env: { NODE_EXTRA_CA_CERTS: '' } }))
  }

  logTail(lines) {
    return logTail(join(this.folder, 'log'), lines)
  }

  async #end(signal) {
    if (this.#daemon) await endDockerd(this.#daemon, signal)
  }

  /** A killed dockerd leaves its containers running: only an Engine on the same data can end them in order. */
  async #removeContainers() {
    try {
      if (await whyNoAnswer(this.socket)) await this.start()
      const containers = await engineJson(this.socket, 'GET', '/containers/json?all=1')
      const drop = ({ Id }) =>
        engineCall(this.socket, 'DELETE', `/containers/${Id}?force=1&v=1`, { accept: [404, 409] })
      await Promise.all(containers.map(drop))
    } catch {
      // Its data is beyond a start (a folder half deleted, say); what can be removed without it still is.
    }
  }

  /** Ends the dockerd of an earlier test process, which this object did not start. */
  async #endLeftover() {
    const pid = pidIn(join(this.folder, 'pid'))
    if (!pid || !isAlive(pid) || !commandLine(pid).includes(this.folder)) return // none was left, or the number is another's by now
    process.kill(pid, 'SIGTERM')
    const deadline = Date.now() + 60_000
    while (isAlive(pid)) {
      if (Date.now() > deadline) throw new Error(`An earlier dockerd of ${this.name} (process ${pid}) does not end.`)
      await delay(100)
    }
  }

  /** Of tasks that a dockerd left as it was killed, which no Engine on its data knows: nobody else ends them. */
  #endShims() {
    const isOwnShim = (pid) => {
      const words = commandLine(pid)
      return words.includes('containerd-shim') && words.includes(join(this.folder, 'exec/'))
    }
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    for (const pid of processes.map(Number).filter(isOwnShim)) [...childrenOf(pid), pid].forEach(endNow)
  }
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return [] // it has ended
  }
}

function endNow(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

function pidIn(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    return undefined // no such file
  }
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}

/** A process that has ended but that its parent has not waited for has no command line any more. */
function isAlive(pid) {
  return commandLine(pid) !== ''
}

async function unmountBelow(folder) {
  const targets = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  const below = targets
    .filter((target) => target.startsWith(`${folder}/`))
    .sort()
    .reverse()
  for (const target of below) await tryRun('umount', ['-l', target])
}
