/** Values as SSH writes them (RFC 4251, section 5): strings with their length before them, numbers big-endian. */

export function string(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as Uint8Array)
  return Buffer.concat([number(bytes.length), bytes])
}

export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A number of any size that is not negative: no leading zeros, but one where the first bit is set. */
export function integer(value: Uint8Array): Buffer {
  const first = value.findIndex((byte) => byte !== 0)
  const bytes = first < 0 ? new Uint8Array() : value.subarray(first)
  return string((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

/** Reads what the functions above write. Throws a RangeError where there is less than it says. */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  number(): number {
    this.#at += 4
    return this.#bytes.readUInt32BE(this.#at - 4)
  }

  string(): Buffer {
    const length = this.number()
    if (this.#at + length > this.#bytes.length) throw new RangeError('a string ends beyond its message')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string {
    return this.string().toString('latin1')
  }
}
