// A terminal as a person has it: a shell under tmux, driven by keys, whose screen can be looked at.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canInstallPackages, installPackages } from './apt.mjs'
import { findCommand, run, tryRun } from './commands.mjs'
import { until } from './daemon.mjs'

const PROMPT = '$ '
const DEADLINE_MS = 30_000

/** Undefined where there is a tmux and a bash, installed if need be (as root on Debian or Ubuntu); else what is missing. */
export async function whyNoTmux() {
  if (findCommand('bash') === undefined) return 'there is no bash on this machine'
  if (findCommand('tmux') !== undefined) return undefined
  if (!canInstallPackages())
    return 'there is no tmux on this machine, and only root on Debian or Ubuntu can install it from here'
  try {
    await installPackages(['tmux'])
    return undefined
  } catch (error) {
    return `tmux cannot be installed: ${error.message}`
  }
}

export class TmuxTerminal {
  #folder
  #socket

  constructor(folder) {
    this.#folder = folder
    this.#socket = join(folder, 'tmux')
  }

  /**
   * A bash without anybody's settings, whose prompt is `$ `.
   *
   * @param {{ cwd: string, env: Record<string, string>, columns?: number, rows?: number }} options
   */
  static async open({ cwd, env, columns = 80, rows = 24 }) {
    const terminal = new TmuxTerminal(mkdtempSync(join(tmpdir(), 'ek-tmux-')))
    const settings = Object.entries({ PS1: PROMPT, LC_ALL: 'C.UTF-8', ...env }).map(
      ([name, value]) => `${name}=${value}`,
    )
    const size = ['-x', String(columns), '-y', String(rows)]
    // What tmux is given as several words it runs without a shell.
    const shell = ['env', ...settings, 'bash', '--norc', '--noprofile', '-i']
    try {
      await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'lab', ...size, '-c', cwd, ...shell)
      await terminal.#tmux('set-option', '-g', 'window-size', 'manual')
      await terminal.shows(/^\$ $/m)
      return terminal
    } catch (error) {
      await terminal.close()
      throw error
    }
  }

  /** As it stands: a line for each row, without what is empty at its end. With colours, these are the terminal's codes. */
  async screen(what = 'text') {
    const text = await this.#tmux('capture-pane', '-p', ...(what === 'colours' ? ['-e'] : []))
    return text.trimEnd()
  }

  async type(text) {
    await this.#tmux('send-keys', '-l', '--', text)
  }

  /** By tmux's names: Enter, Tab, C-c. */
  async press(...keys) {
    await this.#tmux('send-keys', ...keys)
  }

  /** Types a line and its end. */
  async enter(line) {
    await this.type(line)
    await this.press('Enter')
  }

  async resize(columns, rows) {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** Waits until the screen shows what matches; its end is a space behind the last character. */
  shows(pattern) {
    return this.#until(`shows ${pattern}`, (screen) => pattern.exec(`${screen} `))
  }

  /** An empty screen with a prompt. */
  async clear() {
    await this.enter('clear')
    await this.#until('is empty', (screen) => screen === '$')
  }

  async #until(what, isSo) {
    let screen = ''
    try {
      const look = async () => {
        screen = await this.screen()
        return isSo(screen)
      }
      return await until(what, look, { deadlineMs: DEADLINE_MS })
    } catch {
      throw new Error(`within ${DEADLINE_MS / 1000} s there was no screen that ${what}:\n${screen}`)
    }
  }

  async close() {
    await tryRun('tmux', ['-S', this.#socket, 'kill-server'])
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #tmux(...args) {
    return run('tmux', ['-S', this.#socket, ...args], { env: { TMUX: '', TERM: 'xterm-256color' } })
  }
}
