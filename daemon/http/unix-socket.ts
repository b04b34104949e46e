/** Listens on a Unix socket that its owner and group may use, and nobody else (0660). */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { Problem } from '../../protocol/problems.ts'

export interface SocketOwner {
  readonly user: string | undefined
  readonly group: string | undefined
}

export async function listen(server: Server, path: string, owner: SocketOwner): Promise<void> {
  if (Buffer.byteLength(path) > 107) {
    throw new Problem('bad-request', `the path of the socket is longer than 107 bytes: ${path}`, {
      hint: 'give a shorter one (--socket)',
    })
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  if (existsSync(path)) {
    if (await answers(path)) {
      throw new Problem('conflict', `another process listens on ${path}`, {
        hint: 'stop it, or give another socket (--socket)',
      })
    }
    rmSync(path)
  }
  const before = process.umask(0o117)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new Problem('bad-request', `cannot listen on ${path}: ${error.code ?? error.message}`, { cause: error }),
        ),
      )
      server.listen(path, resolve)
    })
  } finally {
    process.umask(before)
  }
  chmodSync(path, 0o660)
  if (owner.user === undefined && owner.group === undefined) return
  const uid = owner.user === undefined ? (process.getuid?.() ?? 0) : idOf('/etc/passwd', owner.user, 'user')
  const gid = owner.group === undefined ? (process.getgid?.() ?? 0) : idOf('/etc/group', owner.group, 'group')
  chownSync(path, uid, gid)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function idOf(file: string, name: string, what: string): number {
  if (/^\d+$/.test(name)) return Number(name)
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [entry, , id] = line.split(':')
    if (entry === name && id !== undefined) return Number(id)
  }
  throw new Problem('bad-request', `there is no ${what} ${name} on this machine`)
}
