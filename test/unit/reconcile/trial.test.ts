import { describe, expect, it } from 'vitest'
import { applyRequest } from '../../../daemon/reconcile/apply-request.ts'
import type { ChangeRequest } from '../../../daemon/reconcile/requests.ts'
import type { StackState } from '../../../daemon/reconcile/stack-state.ts'
import type { ServiceState } from '../../../daemon/stack/desired.ts'
import type { TrialRow } from '../../../daemon/store/trials.ts'
import { Problem } from '../../../protocol/problems.ts'
import { TrialDecision, UpOptions } from '../../../protocol/resources/stack.ts'
import { AT, aBench, aModel, down, scale, services, up } from '../support/core.ts'

const model = aModel({ web: {}, worker: {} })
const aState = (service: string, parts: Partial<ServiceState> = {}): ServiceState => ({
  service,
  revision: 1,
  run: 'running',
  scale: undefined,
  recreate: 0,
  restart: 0,
  outdated: 'replace',
  ...parts,
})
const TRIAL: TrialRow = {
  stack: 'shop',
  strategy: 'canary',
  revision: 2,
  asked: 2,
  share: 10,
  services: ['web'],
  waiting: ['worker'],
  promoted: { disabled: [], services: [aState('web', { revision: 2 }), aState('worker', { revision: 2 })] },
  keepMs: undefined,
  begunAt: AT,
  begunBy: 'local socket',
}
const row = {
  name: 'shop',
  presence: 'present',
  revision: 1,
  disabled: [],
  condition: 'steady',
  reason: undefined,
  updatedAt: AT,
} as const
const onTrial = (parts: Partial<StackState> = {}): StackState => ({
  stack: row,
  services: [aState('web'), aState('worker')],
  trial: TRIAL,
  ...parts,
})
const options = TrialDecision.parse({})
const canary = (share: number) => UpOptions.parse({ trial: { strategy: 'canary', share } })
const apply = (request: ChangeRequest, state: StackState | undefined = onTrial()) =>
  applyRequest('shop', state, request, () => model, AT)
const refusal = (request: ChangeRequest, state?: StackState): Problem => {
  try {
    apply(request, state)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('while a revision is on trial', () => {
  it('nothing else is brought up, and the answer says what is there and what to do', () => {
    const problem = refusal(up(3))
    expect(problem.code).toBe('trial-under-way')
    expect(problem.message).toContain('10 % of web goes to revision 2')
    expect(problem.hint).toContain('evenkeel promote')
    expect(refusal({ kind: 'up', revision: 3, options: canary(10), disabled: [] }).code).toBe('trial-under-way')
    expect(refusal(up(2)).code).toBe('trial-under-way')
  })

  it('its share is changed by the same request with another one', () => {
    expect(apply({ kind: 'up', revision: 2, options: canary(50), disabled: [] }).trial).toEqual(TRIAL)
  })

  it('what is asked of a service leaves it where it is', () => {
    expect(apply(scale({ web: 3 })).trial).toEqual(TRIAL)
    expect(apply(services('restart')).trial).toEqual(TRIAL)
    expect(apply(down({ services: ['worker'] })).trial).toEqual(TRIAL)
  })

  it('the whole stack is taken down with it', () => {
    expect(apply(down()).trial).toBeUndefined()
  })

  it('a promotion makes it the revision of the stack, with what was asked of services since', () => {
    const now = onTrial({ services: [aState('web', { scale: 3, restart: 2 }), aState('worker', { run: 'stopped' })] })
    const applied = apply({ kind: 'promote', options }, now)
    expect(applied.stack.revision).toBe(2)
    expect(applied.trial).toBeUndefined()
    expect(applied.services).toMatchObject([
      { service: 'web', revision: 2, scale: 3, restart: 2, run: 'running' },
      { service: 'worker', revision: 2, run: 'stopped' },
    ])
  })

  it('a promotion of what stands by switches to it first', () => {
    const standsBy: TrialRow = { ...TRIAL, strategy: 'blue-green', share: 0, keepMs: 1000 }
    const applied = apply({ kind: 'promote', options }, onTrial({ trial: standsBy }))
    expect(applied.stack.revision).toBe(1)
    expect(applied.trial).toEqual({ ...standsBy, share: 100 })
  })

  it('an abort leaves the stack as it is', () => {
    const applied = apply({ kind: 'abort', options })
    expect(applied).toMatchObject({ stack: { revision: 1 }, services: onTrial().services })
    expect(applied.trial).toBeUndefined()
  })
})

describe('where nothing is on trial', () => {
  it('there is nothing to promote or to abort', () => {
    const none = onTrial({ trial: undefined })
    expect(refusal({ kind: 'promote', options }, none).message).toContain('nothing of stack shop is on trial')
    expect(refusal({ kind: 'abort', options }, none).hint).toContain('evenkeel deploy --canary')
  })

  it('none begins of a stack that is not up', () => {
    expect(
      refusal(
        { kind: 'up', revision: 2, options: canary(5), disabled: [] },
        {
          ...onTrial({ trial: undefined }),
          stack: { ...row, presence: 'absent' },
        },
      ).hint,
    ).toContain('evenkeel up')
  })

  it('none begins together with what has containers made anew or not started', () => {
    const forced = { ...canary(5), recreate: 'force' as const }
    expect(
      refusal({ kind: 'up', revision: 2, options: forced, disabled: [] }, onTrial({ trial: undefined })).code,
    ).toBe('bad-request')
  })
})

describe('the store', () => {
  it('keeps a trial as it was written, one for a stack', () => {
    const { trials } = aBench().core.store
    expect(trials.find('shop')).toBeUndefined()
    trials.save(TRIAL)
    trials.save({ ...TRIAL, share: 20, keepMs: 60_000 })
    expect(trials.find('shop')).toEqual({ ...TRIAL, share: 20, keepMs: 60_000 })
    trials.forget('shop')
    expect(trials.find('shop')).toBeUndefined()
  })
})
