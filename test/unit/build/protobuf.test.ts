import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { framed, unframed } from '../../../daemon/build/buildkit/grpc.ts'
import { Packet, SolveRequest, StatusResponse } from '../../../daemon/build/buildkit/messages.ts'
import {
  bytes,
  flag,
  long,
  many,
  message,
  number,
  text,
  textMap,
  texts,
} from '../../../daemon/build/buildkit/protobuf.ts'

describe('Protocol Buffers', () => {
  test('bytes are those of the format', () => {
    expect(
      message({ a: number(1) })
        .encode({ a: 150 })
        .toString('hex'),
    ).toBe('089601')
    expect(
      message({ b: text(2) })
        .encode({ b: 'testing' })
        .toString('hex'),
    ).toBe('120774657374696e67')
    expect(
      message({ c: number(1) })
        .encode({ c: -1 })
        .toString('hex'),
    ).toBe('08ffffffffffffffffff01')
  })

  test('empty fields are not written, unknown ones skipped', () => {
    expect(Packet.encode({ type: 0, ID: 0 }).length).toBe(0)
    const other = message({ x: text(9), y: long(10), ID: number(3) }).encode({ x: 'u', y: 5n, ID: 7 })
    expect(Packet.decode(other)).toMatchObject({ type: 0, ID: 7, stat: undefined })
  })

  test('what is written is read again', () => {
    const Part = message({ t: text(1), l: long(2) })
    const All = message({
      t: text(1),
      n: number(2),
      f: flag(3),
      b: bytes(4),
      l: texts(5),
      m: textMap(6),
      p: many(70, Part),
    })
    fc.assert(
      fc.property(
        fc.record({
          t: fc.string({ unit: 'grapheme' }),
          n: fc.integer(),
          f: fc.boolean(),
          b: fc.uint8Array().map((array) => Buffer.from(array)),
          l: fc.array(fc.string()),
          m: fc.dictionary(
            fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
            fc.string(),
          ),
          p: fc.array(fc.record({ t: fc.string(), l: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) })),
        }),
        (value) => {
          const read = All.decode(All.encode(value))
          expect({ ...read, m: { ...read.m } }).toEqual({ ...value, m: { ...value.m } })
        },
      ),
    )
  })

  test('damaged bytes are an error, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        for (const type of [SolveRequest, StatusResponse, Packet]) {
          try {
            type.decode(Buffer.from(array))
          } catch (error) {
            expect((error as { code?: string }).code).toBe('engine-error')
          }
        }
      }),
    )
  })

  test('frames are whole however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.integer({ min: 1, max: 9 }),
        async (messages, size) => {
          const stream = Buffer.concat(messages.map((part) => framed(Buffer.from(part))))
          async function* cut() {
            for (let at = 0; at < stream.length; at += size) yield stream.subarray(at, at + size)
          }
          const found: number[][] = []
          for await (const part of unframed(cut())) found.push([...part])
          expect(found).toEqual(messages.map((part) => [...part]))
        },
      ),
    )
  })
})
