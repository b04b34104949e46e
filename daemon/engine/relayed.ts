/** The body of an answer, whose breaking is told as what it means. Chunks pass through without waiting for a turn of their own. */
import { Readable } from 'node:stream'

const HIGH_WATER_BYTES = 1_048_576

export class Relayed extends Readable {
  readonly #source: Readable

  constructor(source: Readable, explain: (error: unknown) => unknown) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#source = source
    source.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) source.pause()
    })
    source.once('end', () => this.push(null))
    source.once('error', (error) => this.destroy(explain(error) as Error))
    source.pause()
  }

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.destroy()
    done(error)
  }
}
