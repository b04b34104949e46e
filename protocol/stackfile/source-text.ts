/** The text of one file and the places in it: what lets every error name its line and column. */
import type { SourcePlace } from '../problems.ts'

/** Lines longer than this are not quoted in an error: nobody could read them. */
const EXCERPT_CHARACTERS = 400

export class SourceText {
  readonly file: string
  readonly text: string
  #lineStarts: number[] | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text
  }

  /** Lines and columns count from 1, columns in UTF-16 units, as editors count them. */
  place(start: number, end: number): SourcePlace {
    const starts = this.#starts()
    const from = Math.max(0, Math.min(start, this.text.length))
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= from) low = middle
      else high = middle - 1
    }
    const lineStart = starts[low]!
    const lineEnd = low + 1 < starts.length ? starts[low + 1]! - 1 : this.text.length
    const place = { file: this.file, line: low + 1, column: from - lineStart + 1 }
    if (lineEnd - lineStart > EXCERPT_CHARACTERS) return place
    const line = this.text.slice(lineStart, lineEnd).replace(/\r$/, '')
    if (line.trim() === '') return place
    const length = Math.max(1, Math.min(end - from, line.length - (from - lineStart)))
    return { ...place, excerpt: { text: line, length } }
  }

  #starts(): number[] {
    if (this.#lineStarts === undefined) {
      this.#lineStarts = [0]
      for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) {
        this.#lineStarts.push(at + 1)
      }
    }
    return this.#lineStarts
  }
}

/** A stretch of a file, as offsets into its text. */
export interface Span {
  readonly source: SourceText
  readonly start: number
  readonly end: number
}

export const placeOf = (span: Span): SourcePlace => span.source.place(span.start, span.end)
