/**
 * Leaves out of a stream that follows what Engine 20.10 sends twice: it takes a log that was just rotated for one that was
 * truncated, and begins the new file again once it has come to its end. Such a line has the very nanosecond of one that came
 * before later ones, which no clock that was set back brings about.
 */
import { RecordReader } from '../../protocol/log-records.ts'

/** More lines than a follower lags behind a rotation. */
const REMEMBERED_LINES = 16_384

export class Repeats {
  readonly #streams = [new Recent(), new Recent()] as const

  leaveOut(records: Uint8Array): Uint8Array {
    const reader = new RecordReader(records)
    const runs: Uint8Array[] = []
    let begin = 0
    while (reader.advance()) {
      if (!this.#streams[reader.stream].hasCome(reader.seconds, reader.nanoseconds)) continue
      if (reader.at > begin) runs.push(records.subarray(begin, reader.at))
      begin = reader.next
    }
    if (begin === 0) return records
    runs.push(records.subarray(begin))
    return runs.length === 1 ? runs[0]! : Buffer.concat(runs)
  }
}

/** The times of the last lines of stdout or stderr. */
class Recent {
  #seconds = new Uint32Array(64)
  #nanoseconds = new Uint32Array(64)
  /** How many lines came, repeats left out. */
  #count = 0
  /** Of lines that are being repeated, the number of the next one. */
  #next: number | undefined

  /** Whether this is a line that has come before; any other is remembered. */
  hasCome(seconds: number, nanoseconds: number): boolean {
    if (this.#count > 0 && (this.#next !== undefined || this.#isBefore(this.#count - 1, seconds, nanoseconds))) {
      const found = this.#find(seconds, nanoseconds, this.#next)
      this.#next = found === undefined || found + 1 === this.#count ? undefined : found + 1
      if (found !== undefined) return true
    }
    this.#remember(seconds, nanoseconds)
    return false
  }

  #isBefore(number: number, seconds: number, nanoseconds: number): boolean {
    const at = number % this.#seconds.length
    return (seconds - this.#seconds[at]! || nanoseconds - this.#nanoseconds[at]!) < 0
  }

  #is(number: number, seconds: number, nanoseconds: number): boolean {
    const at = number % this.#seconds.length
    return this.#seconds[at] === seconds && this.#nanoseconds[at] === nanoseconds
  }

  /** Repeats come in order, and whole: only the first of them is looked for. */
  #find(seconds: number, nanoseconds: number, expected: number | undefined): number | undefined {
    if (expected !== undefined) return this.#is(expected, seconds, nanoseconds) ? expected : undefined
    const oldest = Math.max(this.#count - this.#seconds.length, 0)
    for (let number = oldest; number < this.#count; number += 1)
      if (this.#is(number, seconds, nanoseconds)) return number
    return undefined
  }

  #remember(seconds: number, nanoseconds: number): void {
    if (this.#count === this.#seconds.length && this.#count < REMEMBERED_LINES) this.#grow()
    const at = this.#count % this.#seconds.length
    this.#seconds[at] = seconds
    this.#nanoseconds[at] = nanoseconds
    this.#count += 1
  }

  #grow(): void {
    const [seconds, nanoseconds] = [this.#seconds, this.#nanoseconds]
    this.#seconds = new Uint32Array(seconds.length * 4)
    this.#nanoseconds = new Uint32Array(seconds.length * 4)
    this.#seconds.set(seconds)
    this.#nanoseconds.set(nanoseconds)
  }
}
