/** Standard input as bytes. */
import { fstatSync, readSync } from 'node:fs'

const PIECE_BYTES = 1_048_576

const isFile = (): boolean => fstatSync(0).isFile()

/**
 * A file is read in large pieces, which saves half of the time that Node's stream of it takes. Two buffers serve it: a
 * chunk has its bytes until the next but one is asked for.
 */
export function rawInput(): AsyncIterable<Buffer> {
  return isFile() ? pieces() : (process.stdin as AsyncIterable<Buffer>)
}

/** Nobody reads on: without this, a terminal or a pipe that stays open would keep the process. */
export function endRawInput(): void {
  if (!isFile()) process.stdin.destroy()
}

async function* pieces(): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)] as const
  for (let turn = 0; ; turn = 1 - turn) {
    const buffer = buffers[turn as 0 | 1]
    const length = readSync(0, buffer)
    if (length === 0) return
    yield buffer.subarray(0, length)
  }
}
