/** Streams of JSON objects, one a line, as events, pulls and builds send them. */
import { Problem } from '../../protocol/problems.ts'

/** A line longer than this is refused: a stream must not grow memory without bound. */
const LINE_LIMIT_BYTES = 8 * 1024 * 1024

/** The text of each line with its parsed value. The text serves where a number does not fit a double. */
export async function* jsonLines<T>(source: AsyncIterable<Uint8Array>): AsyncGenerator<{ value: T; text: string }> {
  let rest: Buffer[] = []
  let size = 0
  for await (const piece of source) {
    let chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
      const text = Buffer.concat([...rest, chunk.subarray(0, end)])
        .toString()
        .trim()
      rest = []
      size = 0
      chunk = chunk.subarray(end + 1)
      if (text !== '') yield { value: parse<T>(text), text }
    }
    size += chunk.length
    if (size > LINE_LIMIT_BYTES)
      throw new Problem('engine-error', `a line of the Engine's stream is longer than ${LINE_LIMIT_BYTES} bytes`)
    if (chunk.length > 0) rest.push(chunk)
  }
  const text = Buffer.concat(rest).toString().trim()
  if (text !== '') yield { value: parse<T>(text), text }
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new Problem('engine-error', `the Engine sent something that is not JSON: ${text.slice(0, 200)}`, { cause })
  }
}
