/** Records of several logs as one, by time. Lines of one log stay in its order, and a line in pieces stays together. */
import { RecordReader } from '../../protocol/log-records.ts'

/** Few large frames cost less than many small ones. */
const BLOCK_BYTES = 65_536

interface Head {
  readonly rest: AsyncIterator<Uint8Array>
  reader: RecordReader
}

export async function* mergeRecords(logs: readonly AsyncIterable<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  if (logs.length === 1) {
    yield* logs[0]!
    return
  }
  const iterators = logs.map((log) => log[Symbol.asyncIterator]())
  try {
    const first = await Promise.all(iterators.map(beginningOf))
    const heads = first.filter((head) => head !== undefined)
    const block = new Block()
    while (heads.length > 0) {
      const head = earliest(heads)
      if (heads.length === 1) {
        if (block.length > 0) yield block.take()
        yield head.reader.bytes.subarray(head.reader.at)
        if (!(await refill(head))) return
        continue
      }
      const limit = earliest(heads, head).reader
      let isOpen = false
      for (;;) {
        const { reader } = head
        const begin = reader.at
        let end = begin
        let isLast = false
        while (isOpen || isNotLater(reader, limit)) {
          isOpen = reader.isPartial
          end = reader.next
          if (!reader.advance()) {
            isLast = true
            break
          }
        }
        block.add(reader.bytes.subarray(begin, end))
        if (block.length >= BLOCK_BYTES) yield block.take()
        if (!isLast) break
        if (!(await refill(head))) {
          heads.splice(heads.indexOf(head), 1)
          break
        }
      }
    }
    if (block.length > 0) yield block.take()
  } finally {
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()))
  }
}

async function beginningOf(rest: AsyncIterator<Uint8Array>): Promise<Head | undefined> {
  const head: Head = { rest, reader: new RecordReader(new Uint8Array()) }
  return (await refill(head)) ? head : undefined
}

async function refill(head: Head): Promise<boolean> {
  for (;;) {
    const { done, value } = await head.rest.next()
    if (done === true) return false
    head.reader = new RecordReader(value)
    if (head.reader.advance()) return true
  }
}

function earliest(heads: readonly Head[], but?: Head): Head {
  let found: Head | undefined
  for (const head of heads)
    if (head !== but && (found === undefined || !isNotLater(found.reader, head.reader))) found = head
  return found!
}

const isNotLater = (a: RecordReader, b: RecordReader): boolean =>
  a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds <= b.nanoseconds)

/** Pieces as one. */
class Block {
  #pieces: Uint8Array[] = []
  length = 0

  add(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.length += piece.length
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.length = 0
    return bytes
  }
}
