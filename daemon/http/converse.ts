/** Joins a caller's session with a program's streams, each as fast as the other takes. */
import { Problem } from '../../protocol/problems.ts'
import type { CallerFrame, ProxiedSignal, TerminalSize } from '../../protocol/session.ts'
import type { HijackedStream } from '../engine/types.ts'
import { Reframer } from './reframe.ts'
import type { SessionSocket } from './session-socket.ts'

export interface Program {
  readonly stream: HijackedStream
  /** The container's name, for people. */
  readonly container: string
  readonly tty: boolean
  readonly size: TerminalSize | undefined
  readonly resize: (size: TerminalSize) => Promise<void>
  /** Hands a signal on, where the Engine can. */
  readonly kill: ((signal: ProxiedSignal) => Promise<void>) | undefined
  /** Called once the caller may speak: starts what is to be started. */
  readonly start?: () => Promise<void>
}

/** Resolves when the program's output has ended. */
export async function converse(session: SessionSocket, program: Program): Promise<void> {
  const { stream, container, tty } = program
  const terminal = new Terminal(program)
  await program.start?.()
  session.begin(
    {
      // A program that takes no more input is not told of the rest; neither must the caller wait for that.
      stdin: (bytes, taken) => stream.input.write(bytes, taken),
      control: (frame) => control(frame, program, terminal),
    },
    { type: 'started', container, tty },
  )
  if (program.size !== undefined) terminal.resize(program.size)
  if (tty) for await (const chunk of stream.chunks) await session.write('stdout', chunk)
  else {
    const reframer = new Reframer()
    for await (const chunk of stream.chunks) await session.relay(reframer.frames(chunk))
  }
}

function control(frame: Exclude<CallerFrame, { type: 'window' }>, program: Program, terminal: Terminal): void {
  switch (frame.type) {
    case 'resize':
      terminal.resize(frame)
      return
    case 'signal':
      program.kill?.(frame.signal).catch(() => {
        // It has ended already, which its exit code will tell.
      })
      return
    case 'stdin-end':
      program.stream.input.end()
      return
    case 'into':
      throw new Problem('bad-request', 'a session with a program takes no files')
  }
}

/** A terminal that has just been made may not take a size yet. */
const RESIZE_TRIES = 10
const RESIZE_MS = 20

/** Only the latest size counts. */
class Terminal {
  readonly #program: Program
  #wanted: TerminalSize | undefined
  #busy = false

  constructor(program: Program) {
    this.#program = program
  }

  resize({ rows, columns }: TerminalSize): void {
    if (!this.#program.tty) return
    this.#wanted = { rows, columns }
    if (!this.#busy) void this.#work()
  }

  async #work(): Promise<void> {
    this.#busy = true
    for (let tries = 0; this.#wanted !== undefined && tries < RESIZE_TRIES; tries += 1) {
      const size = this.#wanted
      try {
        await this.#program.resize(size)
        if (this.#wanted === size) this.#wanted = undefined
      } catch {
        // Not there yet, or gone by now: a size is not worth ending a session for.
        await new Promise((resolve) => setTimeout(resolve, RESIZE_MS * (tries + 1)))
      }
    }
    this.#busy = false
  }
}
