/** Log lines for people: each with the name of its container, padded and coloured, as Compose prints them. */
import type { LogFrame } from '../../../protocol/streams.ts'
import type { Output } from '../output.ts'

export interface LogStyle {
  readonly prefix: 'name' | 'none'
  readonly timestamps: boolean
  readonly format: 'text' | 'json'
}

type Source = Extract<LogFrame, { type: 'source' }>

export class LogPrinter {
  readonly #output: Output
  readonly #style: LogStyle
  readonly #sources = new Map<number, { source: Source; label: string; paint: (text: string) => string }>()
  #width = 0

  constructor(output: Output, style: LogStyle) {
    this.#output = output
    this.#style = style
  }

  async print(frame: LogFrame): Promise<void> {
    if (this.#style.format === 'json') {
      await this.#json(frame)
      return
    }
    switch (frame.type) {
      case 'source': {
        const { cyan, yellow, green, magenta, blue } = this.#output.colors
        const paints = [cyan, yellow, green, magenta, blue]
        const label = frame.replica > 0 ? `${frame.service}-${frame.replica}` : frame.name
        this.#sources.set(frame.source, { source: frame, label, paint: paints[frame.source % paints.length]! })
        this.#width = Math.max(this.#width, label.length)
        return
      }
      case 'lines': {
        const known = this.#sources.get(frame.source)
        const prefix =
          this.#style.prefix === 'none' || known === undefined
            ? ''
            : known.paint(`${known.label.padEnd(this.#width)}  | `)
        let text = ''
        for (const { t, m, partial } of frame.lines) {
          text += `${prefix}${this.#style.timestamps ? `${isoOf(t)} ` : ''}${m}${partial === true && this.#style.prefix === 'none' ? '' : '\n'}`
        }
        await this.#output.write(text)
        return
      }
      case 'gap':
        this.#output.note(`evenkeel: ${this.#sources.get(frame.source ?? -1)?.label ?? 'logs'}: ${frame.message}`)
        return
      case 'source-end':
      case 'end':
        return
    }
  }

  /** One JSON object a line. */
  async #json(frame: LogFrame): Promise<void> {
    if (frame.type === 'source') this.#sources.set(frame.source, { source: frame, label: frame.name, paint: String })
    if (frame.type !== 'lines') return
    const source = this.#sources.get(frame.source)?.source
    const lines = frame.lines.map(({ t, s, m }) =>
      JSON.stringify({
        container: source?.name,
        service: source?.service,
        time: isoOf(t),
        stream: s === 0 ? 'stdout' : 'stderr',
        message: m,
      }),
    )
    await this.#output.write(`${lines.join('\n')}\n`)
  }
}

/** Nanoseconds since 1970 as RFC 3339 with nanoseconds. */
function isoOf(nanoseconds: string): string {
  const padded = nanoseconds.padStart(19, '0')
  const seconds = new Date(Number(padded.slice(0, -9)) * 1000).toISOString().slice(0, 19)
  return `${seconds}.${padded.slice(-9)}Z`
}
