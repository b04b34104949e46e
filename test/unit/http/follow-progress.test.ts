import { describe, expect, test } from 'vitest'
import { followProgress } from '../../../daemon/http/follow-progress.ts'
import type { ProgressItem } from '../../../daemon/reconcile/progress.ts'
import { Channel } from '../../../protocol/feed.ts'
import { Problem } from '../../../protocol/problems.ts'
import type { Deployment, Step } from '../../../protocol/resources/deployment.ts'
import type { ProgressFrame } from '../../../protocol/streams.ts'
import { AT } from '../support/core.ts'
import { FrameRecorder } from '../support/frame-recorder.ts'
import { rejectionOf } from '../support/problems.ts'
import { settled } from '../support/settled.ts'

const aDeployment = (state: Deployment['state']): Deployment => ({
  id: 'd',
  stack: 'shop',
  kind: 'up',
  state,
  requestedBy: 'tester',
  createdAt: AT,
  warnings: [],
  steps: [],
})

const aStep = (id: string, state: Step['state']): Step => ({
  id,
  action: 'start-container',
  object: 'Container shop-web-1',
  label: state,
  reason: 'it is new',
  state,
})

class Following {
  deployment: Deployment = aDeployment('running')
  readonly feed = new Channel<ProgressItem>()
  readonly recorder = new FrameRecorder<ProgressFrame>()

  start(): Promise<void> {
    return followProgress('d', () => this.deployment, this.feed, this.recorder.socket)
  }

  step(step: Step, deployment = 'd'): void {
    this.feed.publish({ deployment, type: 'steps', steps: [step] })
  }

  end(): void {
    this.deployment = aDeployment('succeeded')
    this.feed.publish({ deployment: 'd', type: 'ended' })
  }

  get types(): string[] {
    return this.recorder.frames.map((frame) => frame.type)
  }
}

describe('a deployment that is followed', () => {
  test('comes whole, then step by step, then whole again, and ends', async () => {
    const following = new Following()
    const done = following.start()
    await settled()
    following.step(aStep('1', 'running'))
    await settled()
    following.end()
    await done
    expect(following.recorder.frames).toEqual([
      { type: 'deployment', deployment: aDeployment('running') },
      { type: 'steps', steps: [aStep('1', 'running')] },
      { type: 'deployment', deployment: aDeployment('succeeded') },
      { type: 'end' },
    ])
  })

  test('comes whole and ends where it is over already', async () => {
    const following = new Following()
    following.deployment = aDeployment('failed')
    await following.start()
    expect(following.types).toEqual(['deployment', 'end'])
  })

  test('is not mixed with others', async () => {
    const following = new Following()
    const done = following.start()
    await settled()
    following.step(aStep('1', 'running'), 'another')
    following.end()
    await done
    expect(following.types).not.toContain('steps')
  })

  test('comes to a slow follower without the states in between, and with the last of each step', async () => {
    const following = new Following()
    following.recorder.hold()
    const done = following.start()
    for (const state of ['waiting', 'running', 'done'] as const) following.step(aStep('1', state))
    following.end()
    following.recorder.release()
    await done
    expect(following.recorder.frames[1]).toEqual({ type: 'steps', steps: [aStep('1', 'done')] })
    expect(following.types).toEqual(['deployment', 'steps', 'deployment', 'end'])
  })

  test('is let go when the follower leaves', async () => {
    const following = new Following()
    const done = following.start()
    await settled()
    following.recorder.leave()
    await done
  })

  test('that nobody knows is refused', async () => {
    const unknown = () => {
      throw new Problem('deployment-not-found', 'there is no deployment d')
    }
    const recorder = new FrameRecorder<ProgressFrame>()
    const work = followProgress('d', unknown, new Channel(), recorder.socket)
    expect((await rejectionOf(work)).code).toBe('deployment-not-found')
    expect(recorder.frames).toEqual([])
  })
})
