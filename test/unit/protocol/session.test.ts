import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AttachOpen, CallerFrameSchema, ExecOpen } from '../../../protocol/resources/session.ts'
import {
  decodeData,
  encodeData,
  PIECE_BYTES,
  piecesOf,
  ReceiveWindow,
  SendWindow,
  WINDOW_BYTES,
} from '../../../protocol/session.ts'
import { problemOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'

/** Whether it is over without anything else happening. */
const isSettled = (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => true), settled().then(() => false)])

const channels = fc.constantFrom('stdin' as const, 'stdout' as const, 'stderr' as const)

describe('data of a session', () => {
  test('comes out as it went in, whatever the bytes', () => {
    fc.assert(
      fc.property(channels, fc.uint8Array({ maxLength: 300 }), (channel, bytes) => {
        const decoded = decodeData(encodeData(channel, bytes))
        expect(decoded.channel).toBe(channel)
        expect([...decoded.bytes]).toEqual([...bytes])
      }),
    )
  })

  test('has the channel in its first byte', () => {
    expect([...encodeData('stderr', Uint8Array.of(7, 8))]).toEqual([2, 7, 8])
  })

  test.each([[[]], [[3]], [[255, 1]]])('of no channel is refused: %j', (message) => {
    expect(problemOf(() => decodeData(Uint8Array.from(message))).code).toBe('bad-request')
  })

  test('goes in pieces that add up to it', () => {
    const bytes = Uint8Array.from({ length: PIECE_BYTES * 2 + 5 }, (_, index) => index % 251)
    const pieces = [...piecesOf(bytes)]
    expect(pieces.map((piece) => piece.length)).toEqual([PIECE_BYTES, PIECE_BYTES, 5])
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
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
      fc.property(fc.array(fc.integer({ min: 1, max: PIECE_BYTES }), { maxLength: 100 }), (sizes) => {
        const window = new ReceiveWindow()
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

  test('and that of a sender keep each other going, with never more than a window under way', async () => {
    const sender = new SendWindow()
    const receiver = new ReceiveWindow()
    for (let sent = 0; sent < WINDOW_BYTES * 4; sent += PIECE_BYTES) {
      expect(await isSettled(sender.take(PIECE_BYTES))).toBe(true)
      receiver.received(PIECE_BYTES)
      const grant = receiver.taken(PIECE_BYTES)
      if (grant > 0) sender.grant(grant)
    }
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
