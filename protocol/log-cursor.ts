/**
 * How far a container's log was read: the time of the last line, and which of the lines of this nanosecond it was, for
 * each of stdout and stderr. Each of the two is in the order of its times; the two together need not be, for they are
 * stamped before they meet in one file.
 *
 * As text `stdout/stderr`, each `seconds.nanoseconds.ordinal` or `0`: whoever reads on sends it back as it is.
 */

export type StreamNumber = 0 | 1

export class LogCursor {
  /** Seconds, nanoseconds and ordinal of stdout, then of stderr. */
  readonly #marks: number[]

  constructor(marks: readonly number[] = [0, 0, 0, 0, 0, 0]) {
    this.#marks = [...marks]
  }

  /** Undefined where the text is none. */
  static parse(text: string): LogCursor | undefined {
    const parts = text.split('/')
    if (parts.length !== 2) return undefined
    const marks: number[] = []
    for (const part of parts) {
      const found = /^(\d{1,10})\.(\d{9})\.(\d{1,9})$/.exec(part)
      if (part !== '0' && found === null) return undefined
      marks.push(...(found === null ? [0, 0, 0] : found.slice(1).map(Number)))
    }
    return new LogCursor(marks)
  }

  /** Past one more line, which has come after all others of its stream. Answers which of its nanosecond it is. */
  pass(stream: StreamNumber, seconds: number, nanoseconds: number): number {
    const marks = this.#marks
    const at = stream * 3
    if (marks[at] === seconds && marks[at + 1] === nanoseconds) {
      marks[at + 2]! += 1
      return marks[at + 2]!
    }
    marks[at] = seconds
    marks[at + 1] = nanoseconds
    marks[at + 2] = 1
    return 1
  }

  /** Below 0: this line was read. 0: it is the last that was read of its stream. Above 0: it is new. */
  compare(stream: StreamNumber, seconds: number, nanoseconds: number, ordinal: number): number {
    const marks = this.#marks
    const at = stream * 3
    return seconds - marks[at]! || nanoseconds - marks[at + 1]! || ordinal - marks[at + 2]!
  }

  /** Whether a line of this stream was read. */
  hasRead(stream: StreamNumber): boolean {
    return this.#marks[stream * 3 + 2] !== 0
  }

  /** Whether both have read the same last line of this stream. */
  isLevelWith(other: LogCursor, stream: StreamNumber): boolean {
    const at = stream * 3
    return this.compare(stream, other.#marks[at]!, other.#marks[at + 1]!, other.#marks[at + 2]!) === 0
  }

  /** Whether nothing was read yet. */
  get isEmpty(): boolean {
    return this.#marks[2] === 0 && this.#marks[5] === 0
  }

  /** The stream that was read last, and when its line was written. */
  get latest(): { readonly stream: StreamNumber; readonly seconds: number; readonly nanoseconds: number } {
    const [seconds = 0, nanoseconds = 0, , errSeconds = 0, errNanoseconds = 0] = this.#marks
    const isErr = errSeconds - seconds || errNanoseconds - nanoseconds
    return isErr > 0
      ? { stream: 1, seconds: errSeconds, nanoseconds: errNanoseconds }
      : { stream: 0, seconds, nanoseconds }
  }

  /** Whether all that the other has read, this one has read as well. */
  isAtLeast(other: LogCursor): boolean {
    const [seconds = 0, nanoseconds = 0, ordinal = 0, errSeconds = 0, errNanoseconds = 0, errOrdinal = 0] = this.#marks
    return (
      other.compare(0, seconds, nanoseconds, ordinal) >= 0 &&
      other.compare(1, errSeconds, errNanoseconds, errOrdinal) >= 0
    )
  }

  moveTo(other: LogCursor): void {
    this.#marks.splice(0, this.#marks.length, ...other.#marks)
  }

  clone(): LogCursor {
    return new LogCursor(this.#marks)
  }

  toString(): string {
    const mark = (at: number) =>
      this.#marks[at + 2] === 0
        ? '0'
        : `${this.#marks[at]}.${String(this.#marks[at + 1]).padStart(9, '0')}.${this.#marks[at + 2]}`
    return `${mark(0)}/${mark(3)}`
  }
}
