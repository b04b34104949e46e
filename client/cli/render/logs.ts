/**
 * Log lines for people: each with the name of its container, padded and coloured, as Compose prints them. Bytes stay
 * bytes, and nothing is made for a single line: there may be a million of them.
 */
import { StringDecoder } from 'node:string_decoder'
import type { createColors } from 'picocolors'
import { copy, RecordReader, timeText } from '../../../protocol/log-records.ts'
import type { Gap, LogFrame, LogSource } from '../../../protocol/streams.ts'

export interface LogStyle {
  readonly prefix: 'name' | 'none'
  readonly timestamps: boolean
  readonly format: 'text' | 'json'
  /** Whether a line is wanted. Asked with the line, or the piece of it, without its end. */
  readonly isWanted?: ((line: string) => boolean) | undefined
}

export interface LogOutput {
  readonly colors: ReturnType<typeof createColors>
  /** Resolves when the bytes are taken. They are no longer needed then. */
  write(bytes: Uint8Array): Promise<void>
  note(text: string): void
}

interface Known {
  readonly source: LogSource
  readonly label: string
  readonly paint: (text: string) => string
  prefix: Uint8Array
  /** By stream: the rest of a character that goes on in the next piece of its line. */
  readonly decoders: readonly [StringDecoder, StringDecoder]
  /** By stream: whether the pieces of the line that is under way are wanted. */
  readonly wanted: [boolean | undefined, boolean | undefined]
}

const OUTPUT_BYTES = 131_072
const STAMP_BYTES = 31
const LINE_FEED = 0x0a

export class LogPrinter {
  readonly #output: LogOutput
  readonly #style: LogStyle
  readonly #sources = new Map<number, Known>()
  #width = 0
  #out = Buffer.allocUnsafe(OUTPUT_BYTES)
  #end = 0
  /** Whose line has not ended yet: source and stream as one number. */
  #open: number | undefined
  #second = -1
  readonly #stamp = Buffer.alloc(STAMP_BYTES)

  constructor(output: LogOutput, style: LogStyle) {
    this.#output = output
    this.#style = style
  }

  frame(frame: LogFrame): void {
    if (frame.type === 'source') this.#introduce(frame)
    if (frame.type === 'gap') this.#gap(frame)
  }

  /** Prints all of them. A new style of names does not change what was printed. */
  async records(bytes: Uint8Array): Promise<void> {
    const reader = new RecordReader(bytes)
    const { format, isWanted } = this.#style
    while (reader.advance()) {
      if (format === 'json') this.#json(reader)
      else if (isWanted === undefined || this.#isWanted(reader, isWanted)) this.#text(reader)
      // Room for the longest of them, with all that stands before it.
      if (this.#out.length - this.#end < OUTPUT_BYTES / 2) await this.#flush()
    }
    await this.#flush()
  }

  #introduce(source: LogSource): void {
    const { colors } = this.#output
    const paints = [
      colors.cyan,
      colors.yellow,
      colors.green,
      colors.magenta,
      colors.blue,
      colors.cyanBright,
      colors.yellowBright,
      colors.greenBright,
      colors.magentaBright,
      colors.blueBright,
    ]
    const label = source.replica > 0 ? `${source.service}-${source.replica}` : source.name
    // A container that takes another one's place has its colour.
    const before = [...this.#sources.values()].find((known) => known.label === label)
    const paint = before?.paint ?? paints[this.#sources.size % paints.length]!
    const decoders = [new StringDecoder('utf8'), new StringDecoder('utf8')] as const
    this.#sources.set(source.source, {
      source,
      label,
      paint,
      prefix: Buffer.alloc(0),
      decoders,
      wanted: [undefined, undefined],
    })
    this.#width = Math.max(this.#width, label.length)
    if (this.#style.prefix === 'none') return
    for (const known of this.#sources.values())
      known.prefix = Buffer.from(known.paint(`${known.label.padEnd(this.#width)}  | `))
  }

  #gap({ source, message }: Gap): void {
    this.#output.note(`evenkeel: ${this.#sources.get(source ?? -1)?.label ?? 'logs'}: ${message}`)
  }

  #text(reader: RecordReader): void {
    const key = reader.source * 2 + reader.stream
    if (this.#open !== key) {
      if (this.#open !== undefined) this.#out[this.#end++] = LINE_FEED
      this.#add(this.#sources.get(reader.source)?.prefix)
      if (this.#style.timestamps) this.#addStamp(reader.seconds, reader.nanoseconds)
    }
    copy(reader.bytes, reader.textAt, reader.next, this.#out, this.#end)
    this.#end += reader.next - reader.textAt
    if (reader.isPartial) this.#open = key
    else {
      this.#open = undefined
      this.#out[this.#end++] = LINE_FEED
    }
  }

  /** All pieces of a line are as wanted as its first one. */
  #isWanted(reader: RecordReader, isWanted: (line: string) => boolean): boolean {
    const known = this.#sources.get(reader.source)
    const underWay = known?.wanted[reader.stream]
    const answer = underWay ?? isWanted(Buffer.from(reader.text).toString('utf8'))
    if (known !== undefined) known.wanted[reader.stream] = reader.isPartial ? answer : undefined
    return answer
  }

  /** One JSON object a line. */
  #json(reader: RecordReader): void {
    const known = this.#sources.get(reader.source)
    const decoder = known?.decoders[reader.stream]
    const text = Buffer.from(reader.text)
    const message = (decoder?.write(text) ?? text.toString()) + (reader.isPartial ? '' : (decoder?.end() ?? ''))
    const { isWanted } = this.#style
    if (isWanted !== undefined && !this.#isWanted(reader, isWanted)) return
    const line = JSON.stringify({
      container: known?.source.name,
      service: known?.source.service,
      replica: known?.source.replica,
      time: timeText(reader.seconds, reader.nanoseconds),
      stream: reader.stream === 0 ? 'stdout' : 'stderr',
      message,
      ...(reader.isPartial ? { partial: true } : {}),
    })
    const bytes = Buffer.from(`${line}\n`)
    if (bytes.length > this.#out.length - this.#end) this.#grow(bytes.length)
    this.#add(bytes)
  }

  /** Control characters as JSON writes them take six times their room. */
  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(this.#end + bytes + OUTPUT_BYTES)
    this.#out.copy(larger, 0, 0, this.#end)
    this.#out = larger
  }

  #add(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return
    copy(bytes, 0, bytes.length, this.#out, this.#end)
    this.#end += bytes.length
  }

  #addStamp(seconds: number, nanoseconds: number): void {
    const stamp = this.#stamp
    if (seconds !== this.#second) {
      this.#second = seconds
      stamp.write(`${timeText(seconds, 0)} `, 'latin1')
    }
    let rest = nanoseconds
    for (let at = 28; at > 19; at -= 1) {
      stamp[at] = 48 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    this.#add(stamp)
  }

  async #flush(): Promise<void> {
    if (this.#end === 0) return
    const bytes = this.#out.subarray(0, this.#end)
    this.#end = 0
    await this.#output.write(bytes)
  }

  /** Ends a line that was left open. */
  async end(): Promise<void> {
    if (this.#open !== undefined) this.#out[this.#end++] = LINE_FEED
    this.#open = undefined
    await this.#flush()
  }
}
