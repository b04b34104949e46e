import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AttachOpen, CallerFrameSchema, ExecOpen } from '../../../protocol/resources/session.ts'
import {
  controlFrame,
  FRAME_LIMIT_BYTES,
  FrameReader,
  frameHeader,
  PIECE_BYTES,
  ReceiveWindow,
  SendWindow,
  WINDOW_BYTES,
  WINDOW_LIMIT_BYTES,
} from '../../../protocol/session.ts'
import { problemOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'

/** A clock by which whatever is taken is taken late. */
function slow(): () => number {
  let now = 0
  return () => {
    now += 1000
    return now
  }
}

/** Whether it is over without anything else happening. */
const isSettled = (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => true), settled().then(() => false)])

const channels = fc.constantFrom('stdin' as const, 'stdout' as const, 'stderr' as const)

/** What a reader makes of bytes that are cut into chunks of these sizes, again and again. */
function read(bytes: Uint8Array, sizes: readonly number[]) {
  const seen: { channel: string; bytes: number[] }[] = []
  const reader = new FrameReader({
    data(channel, data) {
      const last = seen.at(-1)
      if (last?.channel === channel) last.bytes.push(...data)
      else seen.push({ channel, bytes: [...data] })
    },
    control: (text) => seen.push({ channel: 'control', bytes: [...Buffer.from(text)] }),
  })
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!
    // The buffer is used again, as that of a connection is.
    const chunk = Uint8Array.from(bytes.subarray(at, at + size))
    reader.feed(chunk)
    chunk.fill(0)
    at += size
  }
  return seen
}

const data = (channel: 'stdin' | 'stdout' | 'stderr', bytes: Uint8Array) =>
  Buffer.concat([frameHeader(channel, bytes.length), bytes])

describe('frames of a session', () => {
  test('come out as they went in, whatever the bytes and wherever they are cut', () => {
    const frames = fc.array(
      fc.oneof(
        fc.record({ channel: channels, bytes: fc.uint8Array({ minLength: 1, maxLength: 50 }) }),
        fc.record({ channel: fc.constant('control' as const), text: fc.string({ maxLength: 20, unit: 'grapheme' }) }),
      ),
      { maxLength: 10 },
    )
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), (list, sizes) => {
        const sent = list.map((frame) =>
          'text' in frame ? controlFrame({ text: frame.text }) : data(frame.channel, frame.bytes),
        )
        const expected: { channel: string; bytes: number[] }[] = []
        for (const frame of list) {
          const bytes = 'text' in frame ? [...Buffer.from(JSON.stringify({ text: frame.text }))] : [...frame.bytes]
          const last = expected.at(-1)
          if (last?.channel === frame.channel && frame.channel !== 'control') last.bytes.push(...bytes)
          else expected.push({ channel: frame.channel, bytes })
        }
        expect(read(Buffer.concat(sent), sizes)).toEqual(expected)
      }),
    )
  })

  test('are those of the Engine: channel, three zeros, length, bytes', () => {
    expect([...data('stderr', Uint8Array.of(7, 8))]).toEqual([2, 0, 0, 0, 0, 0, 0, 2, 7, 8])
  })

  test.each([3, 5, 255])('of channel %i are refused', (channel) => {
    expect(problemOf(() => read(Uint8Array.of(channel, 0, 0, 0, 0, 0, 0, 1, 65), [9])).code).toBe('bad-request')
  })

  test('of control are refused by their length, before they are there', () => {
    const header = Buffer.from([4, 0, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(FRAME_LIMIT_BYTES + 1, 4)
    expect(problemOf(() => read(header, [8])).code).toBe('payload-too-large')
  })
})

describe('the window of a sender', () => {
  test('lets through what was granted to begin with, and no more', async () => {
    const window = new SendWindow()
    expect(await window.take(WINDOW_BYTES)).toBe(true)
    const more = window.take(1)
    expect(await isSettled(more)).toBe(false)
    window.grant(1)
    expect(await more).toBe(true)
  })

  test('lets nobody past who waits for more than there is', async () => {
    const window = new SendWindow()
    await window.take(WINDOW_BYTES - 1)
    const two = window.take(2)
    expect(await isSettled(two)).toBe(false)
    window.grant(1)
    expect(await two).toBe(true)
  })

  test('cuts a piece to the room that there is, but waits rather than cut it small', async () => {
    const window = new SendWindow()
    expect(await window.takePiece(WINDOW_BYTES * 2)).toBe(WINDOW_BYTES)
    const next = window.takePiece(WINDOW_BYTES)
    window.grant(WINDOW_BYTES / 4 - 1)
    expect(await isSettled(next)).toBe(false)
    window.grant(1)
    expect(await next).toBe(WINDOW_BYTES / 4)
    const last = window.takePiece(7)
    window.grant(7)
    expect(await last).toBe(7)
    const never = window.takePiece(1)
    window.close()
    expect(await never).toBe(0)
  })

  test('that is closed lets nothing through, and leaves nobody waiting', async () => {
    const window = new SendWindow()
    await window.take(WINDOW_BYTES)
    const waiting = window.take(1)
    window.close()
    expect(await waiting).toBe(false)
    expect(await window.take(1)).toBe(false)
  })
})

describe('the window of a receiver', () => {
  test('refuses a sender that does not wait', () => {
    const window = new ReceiveWindow()
    window.received(WINDOW_BYTES)
    expect(problemOf(() => window.received(1)).code).toBe('bad-request')
  })

  test('grants all that was taken, sooner or later, and never more', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: (WINDOW_BYTES * 3) / 4 }), { maxLength: 100 }), (sizes) => {
        const window = new ReceiveWindow(slow())
        let granted = 0
        let taken = 0
        for (const size of sizes) {
          window.received(size)
          granted += window.taken(size)
          taken += size
          expect(granted).toBeLessThanOrEqual(taken)
          expect(taken - granted).toBeLessThan(WINDOW_BYTES / 4)
        }
      }),
    )
  })

  test('grows while its windows are taken quickly, up to its limit, and holds a sender to it', () => {
    let now = 0
    const window = new ReceiveWindow(() => now)
    let granted = WINDOW_BYTES
    /** All that may come does, and is taken so much later. */
    const pass = (ms: number) => {
      const bytes = granted
      granted = 0
      for (let at = 0; at < bytes; at += PIECE_BYTES) window.received(Math.min(PIECE_BYTES, bytes - at))
      now += ms
      for (let at = 0; at < bytes; at += PIECE_BYTES) granted += window.taken(Math.min(PIECE_BYTES, bytes - at))
      return granted
    }
    expect(pass(26)).toBe(WINDOW_BYTES)
    expect(pass(25)).toBe(WINDOW_BYTES * 2)
    expect(pass(25)).toBe(WINDOW_BYTES * 4)
    expect(pass(1)).toBe(WINDOW_LIMIT_BYTES)
    for (let at = 0; at < WINDOW_LIMIT_BYTES; at += PIECE_BYTES) window.received(PIECE_BYTES)
    expect(problemOf(() => window.received(1)).message).toContain(String(WINDOW_LIMIT_BYTES))
  })

  test('does not grow for what waited to be sent', () => {
    let now = 0
    const window = new ReceiveWindow(() => now)
    window.received(WINDOW_BYTES / 2)
    expect(window.taken(WINDOW_BYTES / 2)).toBe(WINDOW_BYTES / 2)
    now += 60_000
    window.received(WINDOW_BYTES / 2)
    expect(window.taken(WINDOW_BYTES / 2)).toBe(WINDOW_BYTES / 2)
  })

  test('and that of a sender keep each other going, with never more than a window under way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 10, maxLength: 30 }), async (steps) => {
        let now = 0
        const sender = new SendWindow()
        const receiver = new ReceiveWindow(() => now)
        for (const ms of steps) {
          // Throws where that is more than was granted.
          const piece = await sender.takePiece(PIECE_BYTES)
          receiver.received(piece)
          now += ms
          const grant = receiver.taken(piece)
          if (grant > 0) sender.grant(grant)
        }
      }),
    )
  })
})

describe('frames of a caller', () => {
  test.each([
    { type: 'resize', rows: 0, columns: 80 },
    { type: 'resize', rows: 24, columns: 1e6 },
    { type: 'signal', signal: 'SIGKILL; rm' },
    { type: 'window', bytes: -1 },
    { type: 'window', bytes: 0.5 },
    { type: 'other' },
    { type: 'stdin-end', more: 1 },
  ])('that are not valid are refused: %j', (frame) => {
    expect(CallerFrameSchema.safeParse(frame).success).toBe(false)
  })

  test('name a service or a container to attach to, not both', () => {
    const accepts = (target: object) => AttachOpen.safeParse({ type: 'attach', target }).success
    expect(accepts({ service: 'web' })).toBe(true)
    expect(accepts({ container: 'abc' })).toBe(true)
    expect(accepts({ service: 'web', container: 'abc' })).toBe(false)
  })

  test('that open an exec have a command', () => {
    expect(ExecOpen.safeParse({ type: 'exec', service: 'web', command: [] }).success).toBe(false)
  })
})
