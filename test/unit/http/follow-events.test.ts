import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { followEvents } from '../../../daemon/http/follow-events.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { Channel } from '../../../protocol/feed.ts'
import type { StackEvent } from '../../../protocol/resources/event.ts'
import type { EventFrame, EventsQuery } from '../../../protocol/streams.ts'
import { FrameRecorder } from '../support/frame-recorder.ts'
import { rejectionOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOW = new Date('2026-01-02T03:04:05Z')

/** Events in a store and a feed, as the recorder writes them. */
class Setting {
  readonly store = openStore(temporaryFolder())
  readonly feed = new Channel<StackEvent>()
  readonly recorder = new FrameRecorder<EventFrame>()

  constructor() {
    onTestFinished(() => this.store.close())
  }

  happen(message: string, parts: Partial<StackEvent> = {}): void {
    const event = { at: NOW.toISOString(), stack: 'shop', type: 'container.die', message, attributes: {}, ...parts }
    for (const written of this.store.events.add([event])) this.feed.publish(written)
  }

  follow(query: EventsQuery, mayRead: (stack: string) => boolean = () => true): Promise<void> {
    return followEvents(query, this.store.events, this.feed, NOW, this.recorder.socket, mayRead)
  }

  get messages(): string[] {
    return this.recorder.frames.flatMap((frame) => (frame.type === 'event' ? [frame.event.message] : []))
  }

  async leave(work: Promise<void>): Promise<void> {
    await settled()
    this.recorder.leave()
    await work
  }
}

describe('events that are followed', () => {
  test('begin now by themselves', async () => {
    const setting = new Setting()
    setting.happen('before')
    const work = setting.follow({})
    await settled()
    setting.happen('after')
    await setting.leave(work)
    expect(setting.messages).toEqual(['after'])
  })

  test('begin after a number: a follower that comes back misses none, and gets none twice', async () => {
    const setting = new Setting()
    for (const message of ['1', '2', '3']) setting.happen(message)
    const work = setting.follow({ after: '1' })
    setting.happen('4')
    await setting.leave(work)
    expect(setting.messages).toEqual(['2', '3', '4'])
  })

  test('come in pages, of which none is lost', async () => {
    const setting = new Setting()
    const many = Array.from({ length: 1201 }, (_, index) => String(index))
    setting.store.transaction(() => {
      for (const message of many) setting.happen(message)
    })
    const work = setting.follow({ after: '0' })
    await vi.waitFor(() => expect(setting.messages).toEqual(many))
    await setting.leave(work)
  })

  test('are those of one stack where that was asked for', async () => {
    const setting = new Setting()
    setting.happen('ours')
    setting.happen('theirs', { stack: 'other' })
    await setting.leave(setting.follow({ after: '0', stack: 'shop' }))
    expect(setting.messages).toEqual(['ours'])
  })

  test('begin at a time', async () => {
    const setting = new Setting()
    setting.happen('old', { at: '2026-01-01T00:00:00.000Z' })
    setting.happen('new')
    await setting.leave(setting.follow({ since: '1h' }))
    expect(setting.messages).toEqual(['new'])
  })

  test('end at a time that is over', async () => {
    const setting = new Setting()
    setting.happen('within', { at: '2026-01-01T00:00:00.000Z' })
    setting.happen('beyond')
    await setting.follow({ since: '2025-12-31', until: '2026-01-02' })
    expect(setting.recorder.frames.map((frame) => frame.type)).toEqual(['event', 'end'])
    expect(setting.messages).toEqual(['within'])
  })

  test('that a slow follower misses are counted', async () => {
    const setting = new Setting()
    setting.happen('first')
    setting.recorder.hold()
    const work = setting.follow({ after: '0' })
    await settled()
    for (let sequence = 2; sequence <= 10_051; sequence += 1) {
      const event = { at: NOW.toISOString(), stack: 'shop', type: 't', message: String(sequence), attributes: {} }
      setting.feed.publish({ ...event, sequence })
    }
    setting.recorder.release()
    await setting.leave(work)
    expect(setting.recorder.frames.find((frame) => frame.type === 'gap')).toEqual({
      type: 'gap',
      reason: 'slow-follower',
      lines: 50,
      message: '50 events were missed',
    })
  })

  test('are those of the stacks that the follower may read', async () => {
    const setting = new Setting()
    setting.happen('ours')
    setting.happen('theirs', { stack: 'other' })
    const work = setting.follow({ after: '0' }, (stack) => stack === 'shop')
    await settled()
    setting.happen('theirs, live', { stack: 'other' })
    setting.happen('ours, live')
    await setting.leave(work)
    expect(setting.messages).toEqual(['ours', 'ours, live'])
  })

  test('are no longer read once the follower is gone, also where none of them is wanted', async () => {
    const setting = new Setting()
    setting.store.transaction(() => {
      for (let count = 0; count < 5000; count += 1) setting.happen('theirs', { stack: 'other' })
    })
    let pages = 0
    const store = {
      latest: () => setting.store.events.latest(),
      after: (sequence: number, limit: number) => {
        pages += 1
        return setting.store.events.after(sequence, limit)
      },
    } as unknown as typeof setting.store.events
    const work = followEvents({ after: '0' }, store, setting.feed, NOW, setting.recorder.socket, () => false)
    setting.recorder.leave()
    await work
    expect(pages).toBe(1)
  })

  test.each([{ after: 'x' }, { since: 'yesterday' }, { until: 'x' }])('are refused with %o', async (query) => {
    expect((await rejectionOf(new Setting().follow(query))).code).toBe('bad-request')
  })
})
