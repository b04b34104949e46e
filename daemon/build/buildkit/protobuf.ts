/**
 * Protocol Buffers as far as BuildKit's messages need them (https://protobuf.dev/programming-guides/encoding/): a message
 * is a table of its fields, and its type follows from the table. Unknown fields are skipped, empty ones not written.
 */
import { Problem } from '../../../protocol/problems.ts'

const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5

export class Writer {
  #bytes = Buffer.allocUnsafe(256)
  #length = 0

  varint(value: number | bigint): void {
    this.#reserve(10)
    if (typeof value === 'number' && value >= 0) {
      let rest = value
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      this.#bytes[this.#length++] = rest
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
    this.#bytes[this.#length++] = Number(rest)
  }

  tag(id: number, wire: number): void {
    this.varint(id * 8 + wire)
  }

  bytes(value: Buffer): void {
    this.varint(value.length)
    this.#reserve(value.length)
    this.#length += value.copy(this.#bytes, this.#length)
  }

  text(value: string): void {
    const length = Buffer.byteLength(value)
    this.varint(length)
    this.#reserve(length)
    this.#length += this.#bytes.write(value, this.#length)
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) break
      this.#at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw damaged()
  }

  bytes(): Buffer {
    const length = Number(this.varint())
    if (this.#at + length > this.#bytes.length) throw damaged()
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  skip(wire: number): void {
    if (wire === VARINT) this.varint()
    else if (wire === DELIMITED) this.bytes()
    else if (wire === FIXED64) this.#at += 8
    else if (wire === FIXED32) this.#at += 4
    else throw damaged()
  }
}

const damaged = (): Problem => new Problem('engine-error', 'a message of BuildKit is damaged')

interface Kind<T> {
  readonly wire: number
  readonly empty: T
  isEmpty(value: T): boolean
  put(value: T, out: Writer): void
  take(from: Reader): T
}

const TEXT: Kind<string> = {
  wire: DELIMITED,
  empty: '',
  isEmpty: (value) => value === '',
  put: (value, out) => out.text(value),
  take: (from) => from.bytes().toString(),
}

const BYTES: Kind<Buffer> = {
  wire: DELIMITED,
  empty: Buffer.alloc(0),
  isEmpty: (value) => value.length === 0,
  put: (value, out) => out.bytes(value),
  take: (from) => from.bytes(),
}

const NUMBER: Kind<number> = {
  wire: VARINT,
  empty: 0,
  isEmpty: (value) => value === 0,
  put: (value, out) => out.varint(value),
  take: (from) => Number(BigInt.asIntN(64, from.varint())),
}

const LONG: Kind<bigint> = {
  wire: VARINT,
  empty: 0n,
  isEmpty: (value) => value === 0n,
  put: (value, out) => out.varint(value),
  take: (from) => BigInt.asIntN(64, from.varint()),
}

const FLAG: Kind<boolean> = {
  wire: VARINT,
  empty: false,
  isEmpty: (value) => !value,
  put: (value, out) => out.varint(value ? 1 : 0),
  take: (from) => from.varint() !== 0n,
}

export interface Field<T> {
  readonly id: number
  initial(): T
  write(value: T, out: Writer): void
  /** Answers the field's value with one more occurrence in it. */
  read(from: Reader, before: T): T
}

function single<T>(id: number, kind: Kind<T>): Field<T> {
  return {
    id,
    initial: () => kind.empty,
    write(value, out) {
      if (kind.isEmpty(value)) return
      out.tag(id, kind.wire)
      kind.put(value, out)
    },
    read: (from) => kind.take(from),
  }
}

function list<T>(id: number, kind: Kind<T>): Field<readonly T[]> {
  return {
    id,
    initial: () => [],
    write(values, out) {
      for (const value of values) {
        out.tag(id, kind.wire)
        kind.put(value, out)
      }
    },
    read: (from, before) => [...before, kind.take(from)],
  }
}

export const text = (id: number) => single(id, TEXT)
export const bytes = (id: number) => single(id, BYTES)
/** A 32-bit number, or a 64-bit one that is known to fit a double. */
export const number = (id: number) => single(id, NUMBER)
export const long = (id: number) => single(id, LONG)
export const flag = (id: number) => single(id, FLAG)
export const texts = (id: number) => list(id, TEXT)

export interface MessageType<M> {
  encode(value: Partial<M>): Buffer
  decode(from: Buffer): M
}

type Fields = Readonly<Record<string, Field<unknown>>>
type MessageOf<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never }
/** The type that a message's table describes. */
export type Decoded<T> = T extends MessageType<infer M> ? M : never

export function message<F extends Fields>(fields: F): MessageType<MessageOf<F>> {
  const all = Object.entries(fields)
  const byId = new Map(all.map(([name, field]) => [field.id, { name, field }]))
  return {
    encode(value) {
      const out = new Writer()
      for (const [name, field] of all) {
        const part = (value as Record<string, unknown>)[name]
        if (part !== undefined) field.write(part, out)
      }
      return out.finish()
    },
    decode(from) {
      const reader = new Reader(from)
      const value: Record<string, unknown> = {}
      for (const [name, field] of all) value[name] = field.initial()
      while (!reader.done) {
        const tag = Number(reader.varint())
        const known = byId.get(tag >>> 3)
        if (known === undefined) reader.skip(tag & 7)
        else value[known.name] = known.field.read(reader, value[known.name])
      }
      return value as MessageOf<F>
    },
  }
}

const kindOf = <M>(type: MessageType<M>): Kind<Partial<M>> => ({
  wire: DELIMITED,
  empty: {},
  isEmpty: () => false,
  put: (value, out) => out.bytes(type.encode(value)),
  take: (from) => type.decode(from.bytes()),
})

export function one<M>(id: number, type: MessageType<M>): Field<Partial<M> | undefined> {
  const kind = kindOf(type)
  return {
    id,
    initial: () => undefined,
    write(value, out) {
      if (value === undefined) return
      out.tag(id, DELIMITED)
      kind.put(value, out)
    },
    read: (from) => kind.take(from),
  }
}

/** The occurrences as they came: a message read has all of its fields. */
export const many = <M>(id: number, type: MessageType<M>): Field<readonly M[]> =>
  list(id, kindOf(type) as unknown as Kind<M>)

const ENTRY = message({ key: text(1), value: text(2) })

export function textMap(id: number): Field<Readonly<Record<string, string>>> {
  return {
    id,
    initial: () => ({}),
    write(value, out) {
      for (const [key, part] of Object.entries(value)) {
        out.tag(id, DELIMITED)
        out.bytes(ENTRY.encode({ key, value: part }))
      }
    },
    read(from, before) {
      const { key, value } = ENTRY.decode(from.bytes())
      return { ...before, [key]: value }
    },
  }
}
