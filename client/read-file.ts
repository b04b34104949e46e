/**
 * Reads a file that a person named: of bounded size, whatever it is. A pipe gives what is written to it; one that nobody
 * writes to, or that stays silent, keeps nobody waiting.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Problem } from '../protocol/problems.ts'

const CHUNK_BYTES = 64 * 1024
/** How long a pipe may give nothing while somebody has it open to write. */
const SILENCE_MS = 5_000
const PAUSE_MS = 5

const STDIN = 0

/** Undefined where there is no such file; `-` is standard input, which is waited for. */
export function readFileBounded(path: string, limitBytes: number): Buffer | undefined {
  if (path === '-') return readAll(STDIN, 'standard input', limitBytes, Number.POSITIVE_INFINITY)
  let file: number
  try {
    // Without O_NONBLOCK, to open a pipe waits for a writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw cannotRead(path, error)
  }
  try {
    const stats = fstatSync(file)
    if (stats.isFile() && stats.size > limitBytes) throw tooLarge(path, limitBytes)
    return readAll(file, path, limitBytes, SILENCE_MS)
  } finally {
    closeSync(file)
  }
}

function readAll(file: number, path: string, limitBytes: number, silenceMs: number): Buffer {
  const chunks: Buffer[] = []
  let bytes = 0
  let silentMs = 0
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const count = readChunk(file, chunk, path)
    if (count === 0) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    if (count === undefined) {
      silentMs += PAUSE_MS
      if (silentMs > silenceMs) {
        throw new Problem('stack-file-invalid', `cannot read ${path}: it is open for writing, and nothing comes`, {
          hint: 'name a file, or use - for standard input',
        })
      }
      pause()
      continue
    }
    silentMs = 0
    bytes += count
    if (bytes > limitBytes) throw tooLarge(path, limitBytes)
    chunks.push(chunk.subarray(0, count))
  }
}

/** Zero at the end; undefined where there is nothing as yet. */
function readChunk(file: number, chunk: Buffer, path: string): number | undefined {
  try {
    return readSync(file, chunk)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') return undefined
    if (code === 'EOF') return 0
    throw cannotRead(path, error)
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
}

function tooLarge(path: string, limitBytes: number): Problem {
  const size = limitBytes >= 1024 * 1024 ? `${limitBytes / (1024 * 1024)} MiB` : `${limitBytes} bytes`
  return new Problem('payload-too-large', `${path} is larger than ${size}`)
}

function cannotRead(path: string, error: unknown): Problem {
  const { code, message } = error as NodeJS.ErrnoException
  return new Problem('stack-file-not-found', `cannot read ${path}: ${code ?? message}`)
}
