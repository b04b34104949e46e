/** Bytes of a stack file to text: UTF-8, or UTF-16 with a byte order mark, as Go's YAML library reads them. */

/** Bytes that are no valid UTF-8 become U+FFFD, which the parser then refuses and points at. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return new TextDecoder('utf-8').decode(bytes)
}
