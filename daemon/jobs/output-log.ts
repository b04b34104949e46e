/** The last of what a job wrote, by number: a follower that is too slow, or comes late, is told what is gone. */

export interface OutputLine {
  readonly service: string
  readonly text: string
}

export interface OutputPart {
  /** Lines after the one that was asked for that are no longer here. */
  readonly missed: number
  readonly lines: readonly OutputLine[]
  /** Number of the last line in `lines`. */
  readonly last: number
}

/** Kept per job, and handed out at once; in characters of the text. */
const KEPT_CHARACTERS = 1_048_576
const PART_CHARACTERS = 65_536
const LINE_CHARACTERS = 16_384
/** What a line costs beside its text. */
const LINE_OVERHEAD = 64

export class OutputLog {
  #lines: OutputLine[] = []
  /** Number of the first line that is kept; the lines of a job are numbered from 1. */
  #first = 1
  #size = 0
  /** Lines at the front that are let go, and not yet taken out. */
  #gone = 0

  add(service: string, text: string): void {
    const line = { service, text: text.slice(0, LINE_CHARACTERS) }
    this.#lines.push(line)
    this.#size += sizeOf(line)
    while (this.#size > KEPT_CHARACTERS) {
      this.#size -= sizeOf(this.#lines[this.#gone]!)
      this.#gone += 1
      this.#first += 1
    }
    if (this.#gone * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#gone)
      this.#gone = 0
    }
  }

  /** Number of the last line; 0 before the first. */
  get last(): number {
    return this.#first + (this.#lines.length - this.#gone) - 1
  }

  /** What follows line `after`, a part at a time. */
  read(after: number): OutputPart {
    const from = Math.max(after + 1, this.#first)
    const lines: OutputLine[] = []
    let size = 0
    for (let number = from; number <= this.last && size < PART_CHARACTERS; number += 1) {
      const line = this.#lines[this.#gone + number - this.#first]!
      lines.push(line)
      size += sizeOf(line)
    }
    return { missed: from - after - 1, lines, last: from + lines.length - 1 }
  }
}

const sizeOf = (line: OutputLine): number => line.text.length + LINE_OVERHEAD
