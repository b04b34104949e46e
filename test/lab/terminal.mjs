// Programs as a person or a script has them: on a terminal, or on pipes that stay open.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { until } from './daemon.mjs'

const script = fileURLToPath(new URL('./terminal.py', import.meta.url))

/** A program with its output so far. */
export class Running {
  #child
  output = ''
  errors = ''

  constructor(child) {
    this.#child = child
    for (const [name, key] of [
      ['stdout', 'output'],
      ['stderr', 'errors'],
    ]) {
      child[name]?.setEncoding('utf8').on('data', (text) => {
        this[key] += text
      })
    }
    // A program that has ended takes no more input, which its exit code tells.
    child.stdin?.on('error', () => {})
    /** Its exit code, or the signal that ended it. */
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)))
  }

  get pid() {
    return this.#child.pid
  }

  type(text) {
    this.#child.stdin.write(text)
  }

  endInput() {
    this.#child.stdin.end()
  }

  /** As a reader does that has seen enough. */
  closeOutput() {
    this.#child.stdout.destroy()
  }

  /** Only on a terminal. */
  resize(rows, columns) {
    this.#child.stdio[3].write(`${rows} ${columns}\n`)
  }

  signal(name) {
    this.#child.kill(name)
  }

  /** Waits for what matches, in all of its output so far. */
  async shows(pattern) {
    return until(`it shows ${pattern}`, () => pattern.exec(this.output + this.errors), { deadlineMs: 20_000 })
  }
}

/**
 * On pipes that stay open.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} options
 */
export function runOnPipes(command, args, { cwd, env } = {}) {
  return new Running(spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] }))
}

/**
 * On a terminal of that size. Needs python3.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, rows?: number, columns?: number }} options
 */
export function runOnTerminal(command, args, { cwd, env, rows = 24, columns = 80 } = {}) {
  const words = [script, String(rows), String(columns), command, ...args]
  return new Running(spawn('python3', words, { cwd, env, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] }))
}
