/**
 * The requests that the ingress brings, as they happen, for whoever follows a stack. While nobody does HAProxy writes nothing of
 * them; and nothing is kept here but the line that is under way.
 */
import { connect, type Socket } from 'node:net'
import type { AccessEntry } from '../../protocol/streams.ts'
import { accessLineOf, RING } from './access-lines.ts'

/** `missed`: something was, and nobody knows how much. */
export type AccessNews = { readonly entry: AccessEntry } | { readonly missed: string }

type Receiver = (news: AccessNews) => void

interface Parts {
  /** Of the newest worker. */
  readonly socketPath: string
  /** Has HAProxy write of the requests of these stacks, and of no others. */
  readonly write: () => Promise<void>
  readonly log: { warn(fields: object, message: string): void }
}

/** A worker of before a reload is read on for so long: it ends what it has begun. */
const LINGER_MS = 10_000
const AGAIN_MS = 500
/** Of a line that is under way; HAProxy cuts them shorter. */
const LINE_LIMIT = 65_536

export class AccessLog {
  readonly #parts: Parts
  readonly #receivers = new Map<string, Set<Receiver>>()
  readonly #sockets = new Set<Socket>()
  #newest: Socket | undefined
  #again: NodeJS.Timeout | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get stacks(): ReadonlySet<string> {
    return new Set(this.#receivers.keys())
  }

  /** Resolves once requests come, with what ends that. Nothing that happened before is told. */
  async follow(stack: string, receiver: Receiver): Promise<() => void> {
    const there = this.#receivers.get(stack)
    const receivers = there ?? new Set()
    receivers.add(receiver)
    this.#receivers.set(stack, receivers)
    const leave = (): void => this.#leave(stack, receiver)
    try {
      if (this.#newest === undefined) this.#read()
      if (there === undefined) await this.#parts.write()
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  /** There is another worker now, or there may be. */
  renew(): void {
    if (this.#receivers.size === 0) return
    const before = this.#newest
    this.#newest = undefined
    this.#read()
    if (before !== undefined) setTimeout(() => before.destroy(), LINGER_MS).unref()
  }

  #leave(stack: string, receiver: Receiver): void {
    const receivers = this.#receivers.get(stack)
    if (receivers?.delete(receiver) !== true || receivers.size > 0) return
    this.#receivers.delete(stack)
    this.#parts
      .write()
      .catch((err) => this.#parts.log.warn({ err, stack }, 'HAProxy goes on writing of requests that nobody follows'))
    if (this.#receivers.size > 0) return
    clearTimeout(this.#again)
    this.#newest = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  #read(): void {
    clearTimeout(this.#again)
    const socket = connect(this.#parts.socketPath)
    this.#newest = socket
    this.#sockets.add(socket)
    let under = ''
    let wasOpen = false
    socket.setEncoding('utf8')
    socket.on('connect', () => {
      wasOpen = true
      socket.write(`show events ${RING} -w -n\n`)
    })
    socket.on('data', (text: string) => {
      const lines = (under + text).split('\n')
      under = lines.pop() ?? ''
      if (under.length > LINE_LIMIT) under = ''
      for (const line of lines) if (line.trim() !== '') this.#tell(line)
    })
    // What breaks it closes it as well.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (this.#newest !== socket) return
      this.#newest = undefined
      if (this.#receivers.size === 0) return
      if (wasOpen) this.#toAll({ missed: 'the ingress was away for a moment: requests of then are missing' })
      this.#again = setTimeout(() => this.#read(), AGAIN_MS).unref()
    })
  }

  #tell(line: string): void {
    const told = accessLineOf(line)
    if (told === undefined) this.#toAll({ missed: 'HAProxy had more requests to tell of than were read' })
    else for (const receiver of this.#receivers.get(told.stack) ?? []) receiver({ entry: told.entry })
  }

  #toAll(news: AccessNews): void {
    for (const receivers of this.#receivers.values()) for (const receiver of receivers) receiver(news)
  }
}
