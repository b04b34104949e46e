import { expect, test } from 'vitest'
import { decideReleases, rememberReleases } from '../../../daemon/reconcile/decide-releases.ts'
import { rememberGood } from '../../../daemon/reconcile/go-back.ts'
import type { AppliedState } from '../../../daemon/reconcile/stack-state.ts'
import type { ServiceState } from '../../../daemon/stack/desired.ts'
import type { RevisionRow } from '../../../daemon/store/revisions.ts'
import type { StackRow } from '../../../daemon/store/stacks.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { AT, aBench, aModel, aRevision } from '../support/core.ts'

const ATOMIC = { 'x-evenkeel': { release: 'atomic' } }
const PINS = ['web', 'api'].map((service) => ({ service, reference: `${service}:1`, imageId: `sha256:${service}` }))

const stack = (revision: number): StackRow => ({
  name: 'shop',
  presence: 'present',
  revision,
  disabled: [],
  condition: 'steady',
  reason: undefined,
  updatedAt: AT,
})
const state = (service: string, revision: number, release?: number): ServiceState => ({
  service,
  revision,
  run: 'running',
  scale: undefined,
  recreate: 0,
  restart: 0,
  outdated: 'replace',
  ...(release !== undefined && { release }),
})
const applied = (revision: number): AppliedState => ({
  stack: stack(revision),
  services: ['web', 'api'].map((service) => state(service, revision)),
  scope: 'all',
  oneOffs: [state('web', revision)],
})
const of =
  (web: Partial<Service>, parts = ATOMIC) =>
  (number: number) =>
    aRevision(number, aModel({ web, api: {} }, parts))

/** A stack of two services at revision 1, `before`, and what revision 2 makes of their releases. */
function releasesOf(before: readonly ServiceState[], revisions: Readonly<Record<number, (n: number) => RevisionRow>>) {
  const { core } = aBench()
  const { store } = core
  const revision = (number: number): RevisionRow | undefined => revisions[number]?.(number)
  store.stacks.save(stack(1))
  for (const one of before) store.stacks.saveService('shop', one)
  for (const number of [1, 2]) {
    const row = revision(number)
    if (row !== undefined) store.revisions.add(row)
    if (row !== undefined) for (const pin of PINS) store.revisions.pin('shop', number, pin)
  }
  const decide = () =>
    decideReleases(core, { before: { stack: stack(1), services: before }, applied: applied(2), revision, pins: PINS })
  return { store, decide }
}
const byService = ({ services }: AppliedState) => Object.fromEntries(services.map((one) => [one.service, one.release]))

test('what changes belongs to a release of a number that was never given, what does not stays', () => {
  const { store, decide } = releasesOf([state('web', 1, 3), state('api', 1)], { 1: of({}), 2: of({ tty: true }) })
  expect(byService(decide())).toEqual({ web: 4, api: undefined })
  store.memory.set('shop', 'release', 'last', 7)
  const decided = decide()
  expect(byService(decided)).toEqual({ web: 8, api: undefined })
  expect(decided.oneOffs.map(({ release }) => release)).toEqual([3])
  rememberReleases(store, decided)
  expect(store.memory.all('shop', 'release')).toEqual({ last: 8, switched: 7 })
})

test('what goes back to the state that last came up belongs to its release again', () => {
  const { store, decide } = releasesOf([state('web', 1, 3), state('api', 1)], { 1: of({ tty: true }), 2: of({}) })
  for (const one of [state('web', 2, 2), state('api', 2)]) store.stacks.saveService('shop', one)
  rememberGood(store, 'shop')
  expect(byService(decide())).toEqual({ web: 2, api: undefined })
})

test('where the state was lost all stays on the networks that it is on', () => {
  const { decide } = releasesOf([state('web', 1, 3), state('api', 1)], { 2: of({ tty: true }) })
  expect(byService(decide())).toEqual({ web: 3, api: undefined })
})

test('a stack that is not released as a whole has no releases', () => {
  const { decide } = releasesOf([state('web', 1), state('api', 1)], {
    1: of({}, {} as never),
    2: of({ tty: true }, {} as never),
  })
  expect(byService(decide())).toEqual({ web: undefined, api: undefined })
})
