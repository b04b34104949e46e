import { describe, expect, test } from 'vitest'
import { policyRules } from '../../../daemon/access/policy-rules.ts'
import { StackControl } from '../../../daemon/reconcile/stack-control.ts'
import type { Supervisor } from '../../../daemon/reconcile/supervisor.ts'
import { ModelPolicy } from '../../../daemon/stack/model-policy.ts'
import { ScaleRequest, UpRequest } from '../../../protocol/resources/stack.ts'
import { aBench, aModel, aRevision, type Bench, deploy, up, upRequest } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const mounts = { volumes: [{ type: 'volume' as const, source: 'backups', target: '/data' }] }
const MODEL = aModel({ web: mounts }, { volumes: { backups: { name: 'shop_backups' } } })
const REQUEST = UpRequest.parse(upRequest(MODEL))

const callerWith = (policy: object) => ({
  name: 'ann',
  policy: new ModelPolicy({ ...policyRules(policy, ''), forbiddenPaths: [], delivery: [] }, (path) => path),
})
const BOUND = callerWith({})

const controlOf = ({ core }: Bench) => new StackControl(core, { requested: () => {} } as unknown as Supervisor)

/** A volume `shop_backups` that is there, with these labels. */
async function aVolumeThere(labels: Record<string, string>): Promise<Bench> {
  const bench = aBench()
  await bench.core.engine.volumes.create({ Name: 'shop_backups', Labels: labels })
  bench.engine.calls.length = 0
  return bench
}

describe('a volume of the host that is called as one of the stack would be', () => {
  test.each(['up', 'plan'] as const)('is refused to who is bound by the policy: %s', async (way) => {
    const bench = await aVolumeThere({})
    expect(await rejectionOf(controlOf(bench)[way]('shop', REQUEST, BOUND))).toMatchObject({
      code: 'policy-violation',
      message: 'volumes.backups: shop_backups is there and was made for no stack: it is not allowed [foreign]',
    })
    expect(bench.core.store.revisions.latestNumber('shop')).toBe(0)
  })

  test('is refused to them also where an administrator has declared it: scale, rollback', async () => {
    const bench = await aVolumeThere({})
    bench.engine.addImage('web:1')
    for (const number of [1, 2]) bench.core.store.revisions.add(aRevision(number, MODEL))
    for (const number of [1, 2]) await deploy(bench, up(number))
    const control = controlOf(bench)
    const refused = [
      control.scale('shop', ScaleRequest.parse({ scale: { web: 2 } }), BOUND),
      control.rollback('shop', { revision: 1, wait: 'started' }, BOUND),
    ]
    for (const one of refused) expect((await rejectionOf(one)).code).toBe('policy-violation')
  })

  test('is taken for who is bound by none, and where the policy allows it by its name', async () => {
    const callers = [{ name: 'root' }, callerWith({ externals: ['shop_*'] })]
    for (const caller of callers) {
      expect(await controlOf(await aVolumeThere({})).up('shop', REQUEST, caller)).toMatchObject({ revision: 1 })
    }
  })
})

test('a volume that the stack made before is its own, whoever asks', async () => {
  const bench = await aVolumeThere({ 'com.docker.compose.project': 'shop', 'com.docker.compose.volume': 'backups' })
  expect(await controlOf(bench).up('shop', REQUEST, BOUND)).toMatchObject({ revision: 1 })
})
