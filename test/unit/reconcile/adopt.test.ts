import { describe, expect, test } from 'vitest'
import { policyRules } from '../../../daemon/access/policy-rules.ts'
import { checkModel } from '../../../daemon/reconcile/check-model.ts'
import { heal } from '../../../daemon/reconcile/heal.ts'
import { StackControl } from '../../../daemon/reconcile/stack-control.ts'
import type { Supervisor } from '../../../daemon/reconcile/supervisor.ts'
import { OURS } from '../../../daemon/stack/labels.ts'
import { composeHash } from '../../../daemon/stack/mapping/compose-hash.ts'
import { ModelPolicy } from '../../../daemon/stack/model-policy.ts'
import { AdoptRequest, UpRequest } from '../../../protocol/resources/stack.ts'
import { aBench, aModel, type Bench, runNext, SOURCE, upRequest } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const CALLER = { name: 'tester' }
const MODEL = aModel({ web: {}, db: {} })
/** As the daemon reads it. */
const CHECKED = checkModel(MODEL, SOURCE.workingDir)
const adoption = (parts: object = {}) => AdoptRequest.parse({ model: MODEL, source: SOURCE, ...parts })

/** A project `shop` that Compose started from MODEL, and the use cases. */
async function aComposeProject(labels: Record<string, string> = {}) {
  const bench = aBench()
  const { engine } = bench.core
  const theirs = { 'com.docker.compose.project': 'shop', 'com.docker.compose.network': 'default' }
  await engine.networks.create({ Name: 'shop_default', Labels: theirs })
  for (const [service, spec] of Object.entries(CHECKED.services)) {
    bench.engine.addImage(spec.image!)
    const { Id } = await engine.containers.create(
      { name: `shop-${service}-1` },
      {
        Image: spec.image!,
        NetworkingConfig: { EndpointsConfig: { shop_default: {} } },
        Labels: {
          'com.docker.compose.project': 'shop',
          'com.docker.compose.service': service,
          'com.docker.compose.container-number': '1',
          'com.docker.compose.config-hash': composeHash(spec, () => undefined),
          ...labels,
        },
      },
    )
    await engine.containers.start(Id)
  }
  bench.engine.calls.length = 0
  return { bench, control: new StackControl(bench.core, { requested: () => {} } as unknown as Supervisor) }
}

const ids = ({ engine }: Bench) => [...engine.containers.keys()]

describe('a project that Compose started', () => {
  test('is adopted without a call that changes anything', async () => {
    const { bench, control } = await aComposeProject()
    const before = ids(bench)
    expect((await control.planAdopted('shop', adoption(), CALLER)).actions).toEqual([])
    await control.adopt('shop', adoption(), CALLER)
    expect(await runNext(bench)).toMatchObject({ kind: 'adopt', state: 'succeeded', steps: [] })
    expect(bench.engine.calls).toEqual([])
    expect(ids(bench)).toEqual(before)
    expect((await control.plan('shop', UpRequest.parse(upRequest(MODEL)), CALLER)).actions).toEqual([])
    const listed = await control.containers('shop', { drift: 'omit', lastLines: 'omit' })
    expect(listed.map(({ orphan, revision }) => [orphan, revision])).toEqual([
      [false, 1],
      [false, 1],
    ])
  })

  test('is neither adopted nor planned beyond the policy of who asks', async () => {
    const { control } = await aComposeProject()
    const rules = { ...policyRules({}, ''), forbiddenPaths: [], delivery: [] }
    const caller = { name: 'developer', policy: new ModelPolicy(rules, (path) => path) }
    const beyond = adoption({ model: aModel({ web: { privileged: true }, db: {} }) })
    expect((await rejectionOf(control.adopt('shop', beyond, caller))).code).toBe('policy-violation')
    expect((await rejectionOf(control.planAdopted('shop', beyond, caller))).code).toBe('policy-violation')
  })

  test('is healed from then on, with containers of ours', async () => {
    const { bench, control } = await aComposeProject()
    await control.adopt('shop', adoption(), CALLER)
    await runNext(bench)
    const gone = bench.engine.find('shop-db-1')!.id
    bench.engine.containers.delete(gone)
    await heal(bench.core, 'shop', new AbortController().signal)
    expect(bench.engine.calls).toEqual(['create shop-db-1', 'start shop-db-1'])
    expect(bench.engine.find('shop-db-1')?.body.Labels?.[OURS.instance]).toBe(bench.core.store.instance)
    expect(bench.core.store.adopted.has(gone)).toBe(false)
  })

  test('is changed where the file changes, and nowhere else', async () => {
    const { bench, control } = await aComposeProject()
    await control.adopt('shop', adoption(), CALLER)
    await runNext(bench)
    const changed = aModel({ web: { environment: { A: '1' } }, db: {} })
    const plan = await control.plan('shop', UpRequest.parse(upRequest(changed)), CALLER)
    expect([...new Set(plan.actions.map((action) => action.service))]).toEqual(['web'])
    expect(plan.actions[0]?.reason).toBe('environment.A changed')
  })

  test('of another file is adopted as it is; what differs is shown, and waits to be asked for', async () => {
    const { bench, control } = await aComposeProject()
    const model = aModel({ web: { tty: true }, db: {} })
    const plan = await control.planAdopted('shop', adoption({ model }), CALLER)
    expect(plan.actions[0]).toMatchObject({
      service: 'web',
      reason: 'it was made from another definition than the file has now',
    })
    await control.adopt('shop', adoption({ model }), CALLER)
    await runNext(bench)
    await heal(bench.core, 'shop', new AbortController().signal)
    expect(bench.engine.calls).toEqual([])
  })

  test('is taken down with the network that Compose made for it', async () => {
    const { bench, control } = await aComposeProject()
    await control.adopt('shop', adoption(), CALLER)
    await runNext(bench)
    await control.down('shop', { services: [], volumes: 'keep', orphans: 'keep', images: 'keep' }, CALLER)
    await runNext(bench)
    expect([bench.engine.containers.size, bench.engine.networks.size]).toEqual([0, 0])
  })

  test('is forgotten by an eject, and adopted again as it is', async () => {
    const { bench, control } = await aComposeProject()
    await control.adopt('shop', adoption(), CALLER)
    await runNext(bench)
    await control.eject('shop', CALLER)
    expect(await runNext(bench)).toMatchObject({ kind: 'eject', state: 'succeeded' })
    expect(await control.stacks()).toEqual([])
    expect(await heal(bench.core, 'shop', new AbortController().signal)).toBe('steady')
    expect(bench.core.store.adopted.of('shop')).toEqual([])
    await control.adopt('shop', adoption(), CALLER)
    await runNext(bench)
    expect(bench.engine.calls).toEqual([])
  })
})

describe('what cannot be adopted', () => {
  test('is a stack that is kept here', async () => {
    const { bench, control } = await aComposeProject()
    await control.adopt('shop', adoption(), CALLER)
    await runNext(bench)
    expect((await rejectionOf(control.adopt('shop', adoption(), CALLER))).code).toBe('conflict')
  })

  test('is a project without containers of the file', async () => {
    const { control } = await aComposeProject()
    const model = aModel({ other: {} })
    expect((await rejectionOf(control.adopt('shop', adoption({ model }), CALLER))).code).toBe('container-not-found')
  })

  test('is what another daemon made, unless that is asked for', async () => {
    const { control } = await aComposeProject({ [OURS.instance]: 'another daemon' })
    expect((await rejectionOf(control.adopt('shop', adoption(), CALLER))).code).toBe('stack-owned-elsewhere')
    expect(await control.adopt('shop', adoption({ takeOver: true }), CALLER)).toMatchObject({ revision: 1 })
  })
})
