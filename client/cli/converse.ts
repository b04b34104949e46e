/** This terminal, or these pipes, in a session with a program: its input, output, size, signals and exit code. */
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import type { SessionName } from '../../protocol/routes.ts'
import { PROXIED_SIGNALS, type ProxiedSignal, type TerminalSize } from '../../protocol/session.ts'
import type { Api } from '../api.ts'
import type { Session, SessionOpen } from '../session.ts'
import { DETACH_KEYS, DetachFilter, parseDetachKeys } from './detach-keys.ts'
import { endRawInput, rawInput } from './raw-input.ts'
import { RawOutput } from './raw-output.ts'

export interface Conversation {
  readonly name: SessionName
  readonly stack: string
  readonly open: SessionOpen
  /** Whether what comes in here is sent there. */
  readonly stdin: boolean
  readonly detachKeys: string | undefined
  /** What a signal to this process does: it is handed on, or it ends this side alone. */
  readonly signals: 'proxy' | 'leave'
}

/** The size of this terminal, where it is one. */
export function terminalSize(): TerminalSize | undefined {
  const { rows, columns } = process.stdout
  return process.stdout.isTTY && rows > 0 && columns > 0 ? { rows, columns } : undefined
}

/** The program goes on: Compose's exit code for that. */
const DETACHED = 1

/** Answers the exit code: of the program, or 128 and its number after a signal that ended this side alone. */
export async function converse(api: Api, conversation: Conversation): Promise<number> {
  const keys = parseDetachKeys(conversation.detachKeys ?? DETACH_KEYS)
  const outputs = { stdout: new RawOutput(1), stderr: new RawOutput(2), stdin: undefined }
  const local = new LocalEnd(conversation, keys)
  const session = await api.session(conversation.name, { stack: conversation.stack }, conversation.open, {
    data: (channel, pieces) => outputs[channel]?.write(pieces),
    started: ({ tty }) => local.begin(tty ? 'terminal' : 'pipes'),
  })
  local.attached(session)
  // Little code runs here, and again and again. To optimize it takes a core from the bytes: a twentieth of the time that
  // 200 MiB take.
  setFlagsFromString('--no-opt')
  try {
    return await Promise.race([session.exitCode, local.left])
  } catch (error) {
    // The reader of our output went away, which ends us quietly, as everywhere.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 141
    throw error
  } finally {
    local.end()
    session.close()
  }
}

/** This side's input, size and signals, from the moment that the program is there until it or the person leaves. */
class LocalEnd {
  session: Session | undefined
  /** Resolves when this side leaves before the program has ended. */
  readonly left: Promise<number>
  readonly #conversation: Conversation
  readonly #keys: readonly number[]
  readonly #undo: (() => void)[] = []
  #leave!: (code: number) => void

  constructor(conversation: Conversation, keys: readonly number[]) {
    this.#conversation = conversation
    this.#keys = keys
    this.left = new Promise((resolve) => {
      this.#leave = resolve
    })
  }

  /** From here on signals are the session's; before, they end this process as they end any. */
  attached(session: Session): void {
    this.session = session
    for (const signal of PROXIED_SIGNALS) this.#on(process, signal, () => this.#signalled(signal))
  }

  begin(kind: 'terminal' | 'pipes'): void {
    if (kind === 'terminal') this.#followSize()
    if (!this.#conversation.stdin) return
    const raw = kind === 'terminal' && process.stdin.isTTY
    if (raw) {
      process.stdin.setRawMode(true)
      // Node's raw mode still puts a carriage return before each line feed, where the container's terminal is to decide.
      // Without stty that remains, and does no harm to most programs.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
      this.#undo.push(() => process.stdin.setRawMode(false))
    }
    void this.#readInput(raw ? new DetachFilter(this.#keys) : undefined)
  }

  end(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo()
    if (this.#conversation.stdin) endRawInput()
  }

  async #readInput(filter: DetachFilter | undefined): Promise<void> {
    try {
      // The next chunk is read while the last one goes.
      let sent: Promise<boolean> | undefined
      for await (const chunk of rawInput()) {
        const { pass, detached } = filter?.feed(chunk) ?? { pass: chunk, detached: false }
        if ((await sent) === false) return
        sent = this.session?.write(pass)
        if (!detached) continue
        process.stderr.write('read escape sequence\r\n')
        this.#leave(DETACHED)
        return
      }
      if ((await sent) === false) return
    } catch {
      // A terminal that hung up, or input that was closed under us: to the program both are the end of its input.
    }
    this.session?.send({ type: 'stdin-end' })
  }

  #followSize(): void {
    this.#on(process.stdout, 'resize', () => {
      const size = terminalSize()
      if (size !== undefined) this.session?.send({ type: 'resize', ...size })
    })
  }

  #signalled(signal: ProxiedSignal): void {
    if (this.#conversation.signals === 'proxy' && this.session !== undefined)
      this.session.send({ type: 'signal', signal })
    else this.#leave(128 + constants.signals[signal])
  }

  #on(emitter: NodeJS.EventEmitter, event: string, listener: () => void): void {
    emitter.on(event, listener)
    this.#undo.push(() => emitter.removeListener(event, listener))
  }
}
