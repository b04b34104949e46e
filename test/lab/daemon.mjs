// An evenkeeld of its own for a test or a proof: temporary socket and state, the built program, a given Engine.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url))
const daemonProgram = join(projectFolder, 'dist/bin/evenkeeld')
const clientProgram = join(projectFolder, 'dist/bin/evenkeel')

/** A temporary folder that `remove` deletes. */
export function temporaryFolder(name) {
  const path = mkdtempSync(join(tmpdir(), `ek-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/**
 * Runs a program to its end: `{ code, stdout, stderr, ms }`. Never rejects for an exit code.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string, timeoutMs?: number }} options
 * @returns {Promise<{ code: number | string, stdout: string, stderr: string, ms: number }>}
 */
export function runProgram(command, args, { cwd, env = process.env, input, timeoutMs = 300_000 } = {}) {
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint()
    const child = spawn(command, args, { cwd, env, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8')
      child[name].on('data', (text) => {
        output[name] += text
      })
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? `ended by ${signal}`, ...output, ms: Number(process.hrtime.bigint() - started) / 1e6 })
    })
    if (input !== undefined) child.stdin.end(input)
  })
}

/** Waits until `condition` answers something true; throws after the deadline with what `describe` says. */
export async function until(what, condition, { deadlineMs = 60_000, everyMs = 50 } = {}) {
  const end = Date.now() + deadlineMs
  let problem
  for (;;) {
    try {
      const answer = await condition()
      if (answer) return answer
      problem = undefined
    } catch (error) {
      problem = error
    }
    if (Date.now() > end)
      throw new Error(`not within ${deadlineMs / 1000} s: ${what}${problem ? ` (${problem.message})` : ''}`)
    await delay(everyMs)
  }
}

export class LabDaemon {
  #child
  constructor({ engine, folder }) {
    this.engine = engine
    this.folder = folder
    this.socket = join(folder, 'ek.sock')
    this.state = join(folder, 'state')
    this.logPath = join(folder, 'evenkeeld.log')
  }

  get pid() {
    return this.#child?.pid
  }

  /**
   * `more`: arguments besides; `before`: what runs it, such as `ip netns exec NAME`.
   * @param {{ engine?: string, more?: string[], before?: string[] }} options
   */
  async start({ engine = this.engine, more = [], before = [] } = {}) {
    const { openSync, closeSync } = await import('node:fs')
    const log = openSync(this.logPath, 'a')
    const words = [
      ...before,
      daemonProgram,
      '--socket',
      this.socket,
      '--state',
      this.state,
      '--engine',
      engine,
      ...more,
    ]
    this.#child = spawn(words[0], words.slice(1), {
      stdio: ['ignore', log, log],
      env: { ...process.env, EVENKEEL_SOCKET: '', EVENKEEL_STATE: '' },
    })
    closeSync(log)
    const child = this.#child
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
    let gone = false
    void this.ended.then(() => {
      gone = true
    })
    await until('evenkeeld answers', async () => {
      if (gone) throw new Error(`it ended: ${readFileSync(this.logPath, 'utf8').slice(-500)}`)
      return (await this.ek(['version', '--format', 'json'])).stdout.includes('"daemon": "')
    })
    return this
  }

  /** In order. */
  async stop() {
    this.#child?.kill('SIGTERM')
    await this.ended
  }

  /** Ends it, and deletes all that it had. */
  async remove() {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** As a crash. */
  async kill() {
    this.#child?.kill('SIGKILL')
    await this.ended
  }

  /**
   * The client, talking to this daemon.
   * @param {string[]} args
   * @param {{ cwd?: string, env?: Record<string, string>, input?: string, timeoutMs?: number }} options
   */
  ek(args, options = {}) {
    const env = { ...process.env, EVENKEEL_HOST: `unix://${this.socket}`, NO_COLOR: '1', ...options.env }
    return runProgram(clientProgram, args, { ...options, env })
  }

  /**
   * The same, where anything but exit code 0 is an error.
   *
   * @param {string[]} args
   * @param {{ cwd?: string, env?: Record<string, string>, input?: string, timeoutMs?: number }} options
   */
  async must(args, options = {}) {
    const result = await this.ek(args, options)
    if (result.code !== 0)
      throw new Error(`evenkeel ${args.join(' ')} exited with ${result.code}: ${result.stderr || result.stdout}`)
    return result
  }

  log() {
    return existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8') : ''
  }

  status() {
    const text = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return { residentKiB: Number(/VmRSS:\s+(\d+)/.exec(text)[1]) }
  }

  /** CPU seconds so far, of the process with its threads. */
  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }
}

export async function startDaemon(engine, name = 'daemon') {
  return new LabDaemon({ engine, folder: temporaryFolder(name).path }).start()
}

/** A stack file of N like services, in a folder of its own. */
export function writeStack(folder, { services, image = 'ek-lab/sleep:1', service = () => ({}), top = {} }) {
  const entries = Array.from({ length: services }, (_, index) => {
    const name = `s${index + 1}`
    return [name, { image, ...service(index + 1) }]
  })
  writeFileSync(
    join(folder, 'compose.yaml'),
    JSON.stringify({ services: Object.fromEntries(entries), ...top }, undefined, 1),
  )
}
