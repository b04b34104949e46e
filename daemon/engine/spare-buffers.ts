/**
 * Memory that connections are read into, for the next connection to use. Were it made for each, V8 would clear up after
 * every other session of many bytes, which costs more than half of what the session costs otherwise.
 */
export const READ_BUFFER_BYTES = 262_144

/** As many as one session may come to use, for as long as another is likely to follow. */
const SPARE_LIMIT = 24
const SPARE_MS = 10_000

let spares: Buffer[] = []
let isDropping = false

/** What it holds is anything. */
export function takeReadBuffer(): Buffer {
  return spares.pop() ?? Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
}

/** Only once nobody reads into it, and nobody has a view of it that is still of use. */
export function giveReadBuffer(buffer: Buffer): void {
  if (spares.length < SPARE_LIMIT) spares.push(buffer)
  if (isDropping) return
  isDropping = true
  setTimeout(() => {
    isDropping = false
    spares = []
  }, SPARE_MS).unref()
}
