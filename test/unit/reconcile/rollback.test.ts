import { describe, expect, test } from 'vitest'
import { policyRules } from '../../../daemon/access/policy-rules.ts'
import { StackControl } from '../../../daemon/reconcile/stack-control.ts'
import type { Supervisor } from '../../../daemon/reconcile/supervisor.ts'
import { ModelPolicy } from '../../../daemon/stack/model-policy.ts'
import { RollbackRequest, UpRequest } from '../../../protocol/resources/stack.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aBench, aModel, type Bench, runNext, upRequest } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const CALLER = { name: 'tester' }
const back = (parts: object = {}) => RollbackRequest.parse(parts)

/** A stack `shop` after one `up` for each of these, the last of which is what it is at. */
async function aHistory(...files: Readonly<Record<string, Partial<Service>>>[]) {
  const bench = aBench()
  const control = new StackControl(bench.core, { requested: () => {} } as unknown as Supervisor)
  for (const services of files) {
    const model = aModel(services)
    for (const { image } of Object.values(model.services)) bench.engine.addImage(image!)
    await control.up('shop', UpRequest.parse(upRequest(model)), CALLER)
    await runNext(bench)
  }
  bench.engine.calls.length = 0
  return { bench, control }
}

const running = ({ engine }: Bench) => [...engine.containers.values()].map(({ body }) => body.Env ?? [])
const at = ({ core }: Bench) => core.store.stacks.find('shop')?.revision
const version = (number: number) => ({ web: { environment: { VERSION: String(number) } } })

describe('rollback', () => {
  test('without a revision goes back to the last other one that came up, and forth again', async () => {
    const { bench, control } = await aHistory(version(1), version(2), version(3))
    expect(await control.rollback('shop', back(), CALLER)).toMatchObject({ revision: 4, changed: true })
    expect(await runNext(bench)).toMatchObject({ kind: 'rollback', state: 'succeeded', revision: 4 })
    expect(running(bench)).toEqual([['VERSION=2']])
    expect(control.revision('shop', 4)).toMatchObject({
      author: 'tester',
      note: 'rollback to revision 2',
      current: true,
      images: control.revision('shop', 2).images,
    })
    await control.rollback('shop', back(), CALLER)
    await runNext(bench)
    expect(running(bench)).toEqual([['VERSION=3']])
  })

  test('takes the images that the revision ran, although their tag means another by now', async () => {
    const { bench, control } = await aHistory({ web: { image: 'web:1' } })
    const old = bench.core.store.revisions.pins('shop', 1)[0]!.imageId
    bench.engine.addImage('web:1', 'sha256:newer')
    // It keeps its id, without its name.
    bench.engine.addImage('old', old)
    await control.up('shop', UpRequest.parse(upRequest(aModel({ web: { image: 'web:1' } }))), CALLER)
    await runNext(bench)
    expect(bench.core.store.revisions.pins('shop', 2)[0]!.imageId).toBe('sha256:newer')
    await control.rollback('shop', back({ revision: 1 }), CALLER)
    await runNext(bench)
    expect([...bench.engine.containers.values()].map(({ body }) => body.Image)).toEqual([old])
  })

  test('that needs an image which is gone changes nothing and says which', async () => {
    const { bench, control } = await aHistory(version(1), { web: { image: 'other:2' } })
    bench.engine.images.clear()
    expect(await rejectionOf(control.rollback('shop', back(), CALLER))).toMatchObject({
      code: 'image-missing',
      message: expect.stringContaining('service web ran in revision 1'),
    })
    expect([at(bench), control.revisions('shop', 10).length]).toEqual([2, 2])
  })

  test('goes past an `up` of some services only, and refuses a revision that was never brought up in full', async () => {
    const { bench, control } = await aHistory({ web: {}, db: {} }, { web: {}, db: { environment: { A: '1' } } })
    const third = aModel({ web: { environment: { V: '3' } }, db: { environment: { A: '3' } } })
    await control.up('shop', UpRequest.parse({ ...upRequest(third), options: { services: ['web'] } }), CALLER)
    await runNext(bench)
    await control.up('shop', UpRequest.parse(upRequest(aModel({ web: {} }))), CALLER)
    await runNext(bench)
    expect(await rejectionOf(control.rollback('shop', back({ revision: 3 }), CALLER))).toMatchObject({
      code: 'image-missing',
      message: expect.stringContaining('service db was never brought up at revision 3'),
    })
    await control.rollback('shop', back(), CALLER)
    expect(await runNext(bench)).toMatchObject({ kind: 'rollback', state: 'succeeded' })
    expect(control.revision('shop', 5).note).toBe('rollback to revision 2')
  })

  test('removes what the revision does not have', async () => {
    const { bench, control } = await aHistory({ web: {} }, { web: {}, extra: {} })
    await control.rollback('shop', back(), CALLER)
    await runNext(bench)
    expect([...bench.engine.containers.values()].map(({ name }) => name)).toEqual(['shop-web-1'])
  })

  test('to the revision that it is at makes no further one', async () => {
    const { bench, control } = await aHistory(version(1), version(2))
    expect(await control.rollback('shop', back({ revision: 2 }), CALLER)).toMatchObject({ revision: 2, changed: false })
    expect(await runNext(bench)).toMatchObject({ state: 'succeeded', steps: [] })
  })

  test('is previewed exactly, and the preview changes nothing', async () => {
    const { bench, control } = await aHistory(version(1), version(2))
    const plan = await control.planRollback('shop', back(), CALLER)
    expect(plan.counts).toMatchObject({ replace: 1, create: 0, remove: 0 })
    expect(bench.engine.calls).toEqual([])
    expect(control.revisions('shop', 10)).toHaveLength(2)
  })

  test('brings back nothing that its caller could not declare', async () => {
    const { control } = await aHistory({ web: { privileged: true } }, version(2))
    const policy = new ModelPolicy({ ...policyRules({}, ''), forbiddenPaths: [], delivery: [] }, (path) => path)
    const caller = { ...CALLER, policy }
    const refused = { code: 'policy-violation' }
    expect(await rejectionOf(control.rollback('shop', back(), caller))).toMatchObject(refused)
    expect(await rejectionOf(control.planRollback('shop', back(), caller))).toMatchObject(refused)
  })

  test('knows which revisions there are', async () => {
    const { control } = await aHistory(version(1))
    expect(await rejectionOf(control.rollback('shop', back(), CALLER))).toMatchObject({ code: 'revision-not-found' })
    expect(await rejectionOf(control.rollback('shop', back({ revision: 9 }), CALLER))).toMatchObject({
      code: 'revision-not-found',
      message: 'stack shop has no revision 9',
    })
    expect(await rejectionOf(control.rollback('nosuch', back(), CALLER))).toMatchObject({ code: 'stack-not-found' })
  })
})
