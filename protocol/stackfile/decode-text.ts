/** Bytes of a stack file to text: UTF-8, or UTF-16 with a byte order mark, as Go's YAML library reads them. */

/** A lone surrogate: no valid text has one, so it can stand for what is invalid. */
const BROKEN = '\udfff'

/** Bytes that are no text become U+DFFF, which the parser then refuses and points at. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    // It says only that it failed; the lax decoder shows where.
    return new TextDecoder(encoding).decode(bytes).replaceAll('\uFFFD', BROKEN)
  }
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
}
