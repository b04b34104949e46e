/** A text that is drawn over itself on a terminal; elsewhere each state follows the one before. */
import type { Output } from '../output.ts'

const HOME = '\u001b[H'
const CLEAR = '\u001b[2J'
const TO_END_OF_LINE = '\u001b[K'
const TO_END_OF_SCREEN = '\u001b[J'

export class LiveTable {
  readonly #output: Output
  #drawn = false

  constructor(output: Output) {
    this.#output = output
  }

  async draw(text: string): Promise<void> {
    if (!this.#output.isTerminal) {
      await this.#output.write(`${text}\n`)
      return
    }
    const rows = (process.stdout.rows ?? 24) - 1
    // A line that does not fit would push the first ones out of the screen for good.
    const lines = text.split('\n').slice(0, Math.max(rows, 2))
    const begin = this.#drawn ? HOME : `${CLEAR}${HOME}`
    this.#drawn = true
    await this.#output.write(`${begin}${lines.map((line) => `${line}${TO_END_OF_LINE}\n`).join('')}${TO_END_OF_SCREEN}`)
  }
}
