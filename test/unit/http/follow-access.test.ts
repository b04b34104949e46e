import { describe, expect, test } from 'vitest'
import { followAccess } from '../../../daemon/http/follow-access.ts'
import type { AccessEntry, AccessFrame } from '../../../protocol/streams.ts'
import { FrameRecorder } from '../support/frame-recorder.ts'
import { rejectionOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'

type Follow = Parameters<typeof followAccess>
type Receiver = Parameters<NonNullable<Follow[1]>['follow']>[1]

const [ONE, TWO, GONE] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string]

const aRequest = (container: string, path = '/'): AccessEntry => ({
  at: '2026-11-22T08:00:00.000Z',
  client: '192.0.2.1',
  method: 'GET',
  host: 'shop.test',
  path,
  status: 200,
  bytes: 1,
  durationMs: 1,
  service: 'web',
  container: container.slice(0, 12),
  retries: 0,
})

class Following {
  readonly recorder = new FrameRecorder<AccessFrame>()
  /** How often the Engine was asked which containers there are. */
  asked = 0
  hasLeft = false
  #tell: Receiver = () => {}

  start(services?: string): Promise<void> {
    const core = {
      store: { memory: { all: () => ({ web: {} }) } },
      ingress: { reach: { kind: 'here' } },
      observer: {
        containers: async () => {
          this.asked += 1
          return [ONE, TWO].map((Id, index) => ({ Id, Names: [`/shop-web-${index + 1}`] }))
        },
      },
    } as unknown as Follow[0]
    const access: Follow[1] = {
      follow: async (_, receiver) => {
        this.#tell = receiver
        return () => {
          this.hasLeft = true
        }
      },
    }
    return followAccess(core, access, 'shop', services === undefined ? {} : { services }, this.recorder.socket)
  }

  async tell(entry: AccessEntry): Promise<void> {
    this.#tell({ entry })
    await settled()
  }

  tellAtOnce(entries: readonly AccessEntry[]): void {
    for (const entry of entries) this.#tell({ entry })
  }

  get containers(): (string | undefined)[] {
    return this.recorder.frames.flatMap((frame) =>
      frame.type === 'requests' ? frame.requests.map(({ container }) => container) : [],
    )
  }
}

describe('the access log of a stack', () => {
  test('names containers, and asks the Engine for them once, not with each request', async () => {
    const following = new Following()
    const over = following.start()
    await settled()
    for (const id of [ONE, TWO, ONE, TWO]) await following.tell(aRequest(id))
    expect(following.containers).toEqual(['shop-web-1', 'shop-web-2', 'shop-web-1', 'shop-web-2'])
    expect(following.asked).toBe(1)
    for (const id of [GONE, ONE, GONE, TWO, GONE]) await following.tell(aRequest(id))
    expect(following.containers.slice(4)).toEqual([
      GONE.slice(0, 12),
      'shop-web-1',
      GONE.slice(0, 12),
      'shop-web-2',
      GONE.slice(0, 12),
    ])
    expect(following.asked).toBe(2)
    following.recorder.leave()
    await over
    expect(following.hasLeft).toBe(true)
  })

  test('tells a slow follower how many it missed, and keeps no more than its limit', async () => {
    const following = new Following()
    const over = following.start()
    await settled()
    following.recorder.hold()
    await following.tell(aRequest(ONE))
    following.tellAtOnce(Array.from({ length: 10_500 }, () => aRequest(ONE)))
    following.recorder.release()
    await settled()
    expect(following.containers).toHaveLength(10_001)
    expect(following.recorder.frames.at(-1)).toMatchObject({ type: 'gap', reason: 'slow-follower', lines: 500 })
    following.recorder.leave()
    await over
  })

  test('is refused for a service that the ingress has nothing of', async () => {
    const problem = await rejectionOf(new Following().start('db'))
    expect(problem.message).toContain('nothing of service db')
  })
})
