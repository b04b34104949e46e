/** Where output goes and how it looks: results on standard output, everything else on standard error. */
import { isatty } from 'node:tty'
import { createColors } from 'picocolors'

export type Progress = 'tty' | 'plain' | 'json' | 'quiet'

export class Output {
  readonly colors: ReturnType<typeof createColors>
  readonly progress: Progress
  readonly isTerminal: boolean
  readonly isInteractive: boolean

  constructor(
    options: { readonly progress: string; readonly ansi: string },
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    const wanted =
      options.ansi === 'always' || (options.ansi === 'auto' && process.stdout.isTTY && !environment.NO_COLOR)
    this.colors = createColors(wanted)
    this.isTerminal = process.stdout.isTTY === true
    // To have `process.stdin` costs 5 ms, and few commands read it.
    this.isInteractive = isatty(0) && process.stderr.isTTY === true
    const terminal = process.stderr.isTTY === true && options.ansi !== 'never'
    this.progress = options.progress === 'auto' ? (terminal ? 'tty' : 'plain') : (options.progress as Progress)
  }

  /** Resolves when the text is taken: a reader that is slow slows us. */
  async write(text: string): Promise<void> {
    if (process.stdout.write(text)) return
    await new Promise<void>((resolve) => process.stdout.once('drain', resolve))
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  json(value: unknown): void {
    process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
  }

  note(text: string): void {
    process.stderr.write(`${text}\n`)
  }
}
