/**
 * A connection to a daemon on another machine: the system's own ssh, with its keys, its known hosts and its settings, runs
 * `evenkeel dial-stdio` there. One connection serves what follows within a minute.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, type Readable, type Writable } from 'node:stream'
import { Problem } from '../protocol/problems.ts'
import type { Way } from './address.ts'

type SshWay = Extract<Way, { kind: 'ssh' }>

const CONNECT_SECONDS = 30
const KEEP_SECONDS = 60
const COMPLAINT_LIMIT = 4000

export function dialSsh(way: SshWay, environment: Readonly<Record<string, string | undefined>>): Duplex {
  return new SshStream(
    spawn('ssh', sshArguments(way, controlFolder(environment)), { stdio: ['pipe', 'pipe', 'pipe'] }),
    way,
  )
}

/**
 * No word of it is put together by a shell here. The far side's shell reads the last ones: they are ours, and a path of
 * letters, digits, dots, slashes and hyphens (see address.ts).
 */
export function sshArguments({ host, user, port, socketPath }: SshWay, controls: string | undefined): string[] {
  const reuse =
    controls === undefined
      ? []
      : ['-o', 'ControlMaster=auto', '-o', `ControlPath=${controls}/%C`, '-o', `ControlPersist=${KEEP_SECONDS}`]
  return [
    '-T',
    '-o',
    `ConnectTimeout=${CONNECT_SECONDS}`,
    '-o',
    'ServerAliveInterval=15',
    ...reuse,
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    host,
    'evenkeel',
    'dial-stdio',
    ...(socketPath === undefined ? [] : ['--socket', socketPath]),
  ]
}

/**
 * Undefined where the path of a socket in it would be too long, and where the folder is not ours alone: in /tmp anybody may
 * have made it first, and a socket in it would be the way for all that goes to the daemon. Each call then connects anew.
 */
export function controlFolder(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const uid = process.getuid?.() ?? 0
  const folder = join(environment.XDG_RUNTIME_DIR || tmpdir(), `evenkeel-ssh-${uid}`)
  // `%C` has 40 characters, and ssh adds 17 while it makes the socket; a path ends at 107.
  if (folder.length > 45 || folder.includes('%')) return undefined
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0 ? folder : undefined
}

class SshStream extends Duplex {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #way: SshWay
  #complaint = ''
  #received = false

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, way: SshWay) {
    super()
    this.#child = child
    this.#way = way
    child.stdout.on('data', (chunk: Buffer) => {
      this.#received = true
      if (!this.push(chunk)) child.stdout.pause()
    })
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-COMPLAINT_LIMIT)
    })
    // What breaks shows in how ssh ends.
    child.stdin.on('error', () => {})
    child.once('error', (cause) =>
      this.destroy(new Problem('daemon-unreachable', `ssh does not start: ${cause.message}`, { cause })),
    )
    child.once('exit', (code) => this.#exited(code))
  }

  override _read(): void {
    this.#child.stdout.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, () => done())
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill()
    this.#release()
    done(error)
  }

  /** Its output may still be on its way then; a connection that stays behind for others keeps only its complaints open. */
  #exited(code: number | null): void {
    const finish = () => {
      if (code === 0 || this.#received) this.push(null)
      else this.destroy(this.#failure(code))
    }
    if (this.#child.stdout.readableEnded) finish()
    else this.#child.stdout.once('end', finish)
    setImmediate(() => this.#child.stderr.destroy())
  }

  #release(): void {
    this.#child.stdout.destroy()
    this.#child.stderr.destroy()
    this.#child.stdin.destroy()
  }

  #failure(code: number | null): Problem {
    const { host, user } = this.#way
    const where = user === undefined ? host : `${user}@${host}`
    const said = this.#complaint.trim()
    return new Problem('daemon-unreachable', `ssh to ${where} ended${said === '' ? ` with ${code}` : `: ${said}`}`, {
      hint:
        code === 127
          ? 'install evenkeel there, in the PATH of commands that ssh runs'
          : `try: ssh ${where} evenkeel version`,
    })
  }
}
