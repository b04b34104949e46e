/**
 * Reads an accepted connection into buffers that serve again and again. Node gives each read memory of its own, 64 KiB at most,
 * which for gigabytes is most of what passing them on costs.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { giveReadBuffer, takeReadBuffer } from '../engine/spare-buffers.ts'

/** A read of less than this may end before all is read that is there. */
const LEAST_ROOM_BYTES = 65_536

/** The buffer that bytes stand in: what is free of it is filled next, and all of it anew once nobody holds any. */
export class Lease {
  readonly buffer = takeReadBuffer()
  readonly #freed: (lease: Lease) => void
  #holds = 0
  #used = 0

  constructor(freed: (lease: Lease) => void) {
    this.#freed = freed
  }

  get isHeld(): boolean {
    return this.#holds > 0
  }

  /** What bytes may be read into: too little of it is none. */
  get room(): Buffer | undefined {
    if (!this.isHeld) this.#used = 0
    const room = this.buffer.length - this.#used
    return room < LEAST_ROOM_BYTES ? undefined : this.buffer.subarray(this.#used)
  }

  /** So many more bytes stand in it. */
  filled(bytes: number): void {
    this.#used += bytes
  }

  /** The bytes stay until what it answers is called. */
  hold(): () => void {
    this.#holds += 1
    return () => {
      this.#holds -= 1
      if (this.#holds === 0) this.#freed(this)
    }
  }
}

type Receive = (bytes: Buffer, lease: Lease | undefined) => void

/**
 * From here on `receive` has what comes; bytes without a lease are the receiver's own. Answers the connection to go on
 * with: one over the same handle, as Node takes memory to read into only when it makes a socket. The one given ends with it,
 * and it with the one given. A connection that is not simply a socket, as under TLS, is read as ever.
 */
export function readLeased(connection: Duplex, receive: Receive): Duplex {
  const handle = handleOf(connection)
  if (handle === undefined) {
    connection.on('data', (bytes: Buffer) => receive(bytes, undefined))
    return connection
  }
  for (let early = connection.read() as Buffer | null; early !== null; early = connection.read() as Buffer | null)
    receive(early, undefined)
  const pool = new Pool()
  const held = connection as unknown as { _handle: unknown }
  held._handle = null
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: () => pool.room(),
      callback: (length: number, bytes: Buffer): boolean => {
        pool.current.filled(length)
        receive(bytes.subarray(0, length), pool.current)
        return true
      },
    },
  }
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0])
  socket.once('close', () => {
    connection.destroy()
    pool.close()
  })
  connection.once('close', () => socket.destroy())
  // Nothing is ever pushed, but its end is told to those who read.
  socket.resume()
  return socket
}

/** What Node keeps a socket's connection in; it has no public name, and another Node may have another one. */
function handleOf(connection: Duplex): object | undefined {
  if (!(connection instanceof Socket) || Object.getPrototypeOf(connection) !== Socket.prototype) return undefined
  const { _handle: handle } = connection as unknown as { _handle?: { useUserBuffer?: unknown } | null }
  return typeof handle?.useUserBuffer === 'function' ? handle : undefined
}

class Pool {
  readonly #free: Lease[] = []
  #isClosed = false
  #current = this.#make()

  get current(): Lease {
    return this.#current
  }

  /** Of the same buffer, as long as there is some. */
  room(): Buffer {
    const room = this.#current.room
    if (room !== undefined) return room
    this.#current = this.#free.pop() ?? this.#make()
    return this.#current.room!
  }

  /** Nothing is read any more. What is held still goes when it is not. */
  close(): void {
    this.#isClosed = true
    for (const { buffer } of this.#free.splice(0)) giveReadBuffer(buffer)
    if (!this.#current.isHeld) giveReadBuffer(this.#current.buffer)
  }

  #make(): Lease {
    return new Lease((lease) => {
      if (this.#isClosed) giveReadBuffer(lease.buffer)
      else if (lease !== this.#current) this.#free.push(lease)
    })
  }
}
