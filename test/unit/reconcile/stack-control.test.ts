import { describe, expect, test } from 'vitest'
import { StackControl } from '../../../daemon/reconcile/stack-control.ts'
import type { Supervisor } from '../../../daemon/reconcile/supervisor.ts'
import {
  DownOptions,
  ScaleRequest,
  ServicesRequest,
  UpRequest,
  type UpRequestInput,
} from '../../../protocol/resources/stack.ts'
import { aBench, aModel, aRunningStack, type Bench, runNext, SOURCE, upRequest } from '../support/core.ts'
import { rejectionOf } from '../support/problems.ts'

const CALLER = { name: 'tester' }
const MODEL = aModel({ web: {} })

/** Nothing is carried out: what was asked stays in the queue. */
function controlOf(bench: Bench) {
  const control = new StackControl(bench.core, { requested: () => {} } as unknown as Supervisor)
  return {
    control,
    up: (parts: Partial<UpRequestInput> = {}) => control.up('shop', UpRequest.parse(upRequest(MODEL, parts)), CALLER),
    plan: (parts: Partial<UpRequestInput> = {}) =>
      control.plan('shop', UpRequest.parse(upRequest(MODEL, parts)), CALLER),
  }
}

describe('up', () => {
  test('is acknowledged once it is in the store: a revision, and a deployment that waits', async () => {
    const bench = aBench()
    const accepted = await controlOf(bench).up()
    expect(accepted).toMatchObject({ revision: 1, changed: true })
    expect(bench.core.store.deployments.next('shop')).toMatchObject({
      id: accepted.deployment,
      state: 'queued',
      kind: 'up',
      requestedBy: 'tester',
    })
  })

  test('of the same again makes no new revision', async () => {
    const bench = aBench()
    const { up } = controlOf(bench)
    await up()
    expect(await up()).toMatchObject({ revision: 1, changed: false })
  })

  test('of something else makes the next one', async () => {
    const bench = aBench()
    const { up } = controlOf(bench)
    await up()
    expect(await up({ model: aModel({ web: { tty: true } }) })).toMatchObject({ revision: 2, changed: true })
  })

  test('of a config with other bytes makes the next one', async () => {
    const { up } = controlOf(aBench())
    const file = (base64: string) => ({
      files: [{ kind: 'config' as const, name: 'app', base64, delivery: 'inline' as const }],
    })
    await up(file('b25l'))
    expect(await up(file('dHdv'))).toMatchObject({ revision: 2 })
  })

  test('of a service that the file does not have is refused, and leaves no trace', async () => {
    const bench = aBench()
    expect((await rejectionOf(controlOf(bench).up({ options: { services: ['wbe'] } }))).code).toBe('service-not-found')
    expect(bench.core.store.revisions.latestNumber('shop')).toBe(0)
    expect(bench.core.store.deployments.next('shop')).toBeUndefined()
  })

  test('of a model of another name is refused', async () => {
    const request = upRequest({ ...MODEL, name: 'other' })
    const { control } = controlOf(aBench())
    expect((await rejectionOf(control.up('shop', UpRequest.parse(request), CALLER))).code).toBe('bad-request')
  })

  test('with a build context that was not uploaded is refused', async () => {
    const contexts = { web: 'a'.repeat(64) }
    expect((await rejectionOf(controlOf(aBench()).up({ contexts }))).code).toBe('bad-request')
  })

  test('keeps credentials in memory alone', async () => {
    const bench = aBench()
    const registryAuth = { 'docker.io': { serveraddress: 'docker.io', password: 's3cret' } }
    const { deployment } = await controlOf(bench).up({ registryAuth })
    expect(bench.core.credentials.get(deployment)?.registryAuth).toEqual(registryAuth)
    expect(JSON.stringify(bench.core.store.deployments.next('shop'))).not.toContain('s3cret')
  })
})

test('passwords in the addresses of proxies are shown by no view, though containers have them', async () => {
  const bench = aBench()
  bench.engine.addImage('web:1')
  const { up, control } = controlOf(bench)
  await up({ source: { ...SOURCE, proxy: { httpProxy: 'http://ann:s3cret@proxy:3128' } } })
  await runNext(bench)
  const shown = [await control.stack('shop'), control.revisions('shop', 10), control.revision('shop', 1)]
  expect(JSON.stringify(shown)).toContain(SOURCE.workingDir)
  expect(JSON.stringify(shown)).not.toContain('s3cret')
  expect(bench.engine.find('shop-web-1')?.body.Env).toContain('HTTP_PROXY=http://ann:s3cret@proxy:3128')
})

describe('a stack name', () => {
  const elsewhere = { source: { ...SOURCE, workingDir: '/elsewhere' } }

  test('in use from another folder is not taken over silently', async () => {
    const bench = await aRunningStack()
    expect(await rejectionOf(controlOf(bench).up(elsewhere))).toMatchObject({
      code: 'stack-owned-elsewhere',
      exitCode: 15,
      message: 'stack shop is in use from /srv/shop on laptop',
    })
  })

  test('is taken over on demand', async () => {
    const bench = await aRunningStack()
    expect(await controlOf(bench).up({ ...elsewhere, options: { takeOver: true } })).toMatchObject({ revision: 2 })
  })

  test('whose containers another tool made is not taken over silently', async () => {
    const bench = aBench()
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
    await bench.core.engine.containers.create({ name: 'shop-web-1' }, { Image: 'web:1', Labels: labels })
    expect((await rejectionOf(controlOf(bench).up())).code).toBe('stack-owned-elsewhere')
  })
})

describe('a request over the whole stack', () => {
  test('takes the place of older ones that still wait', async () => {
    const bench = await aRunningStack()
    const { up, control } = controlOf(bench)
    const first = await up()
    const second = await control.down('shop', DownOptions.parse({}), CALLER)
    const third = await up()
    const stateOf = (id: string) => bench.core.store.deployments.find(id)?.state
    expect([first, second, third].map(({ deployment }) => stateOf(deployment))).toEqual([
      'superseded',
      'superseded',
      'queued',
    ])
  })

  test('leaves those over some services', async () => {
    const bench = await aRunningStack()
    const { up, control } = controlOf(bench)
    const stop = await control.stop('shop', ServicesRequest.parse({ services: ['web'] }), CALLER)
    await up()
    expect(bench.core.store.deployments.next('shop')).toMatchObject({ id: stop.deployment, state: 'queued' })
  })
})

describe('a plan', () => {
  test('changes nothing', async () => {
    const bench = aBench()
    bench.engine.addImage('web:1')
    const plan = await controlOf(bench).plan()
    expect(plan.counts).toEqual({ create: 2, change: 0, replace: 0, remove: 0, unchanged: 0 })
    expect(bench.engine.calls).toEqual([])
    expect(bench.core.store.revisions.latestNumber('shop')).toBe(0)
  })

  test('is exactly what up then does', async () => {
    const bench = aBench()
    bench.engine.addImage('web:1')
    const { plan, up } = controlOf(bench)
    const planned = await plan()
    await up()
    const done = await runNext(bench)
    expect(done.steps.map((step) => [step.action, step.object, step.reason])).toEqual(
      planned.actions.map((action) => [action.action, action.object, action.reason]),
    )
  })

  test('has pulls before containers', async () => {
    const { actions } = await controlOf(aBench()).plan()
    expect(actions.find((action) => action.id === 'create-container web 1')?.after).toContain('pull-image web:1')
  })

  test('says what the loop would do by itself now', async () => {
    const bench = await aRunningStack()
    bench.engine.containers.clear()
    const { actions } = await controlOf(bench).control.drift('shop')
    expect(actions.map((action) => action.id)).toEqual(['create-container web 1', 'start-container web 1'])
  })
})

describe('what is asked of a stack that is not there', () => {
  test.each(['start', 'stop', 'restart'] as const)('%s is refused', async (kind) => {
    const { control } = controlOf(aBench())
    expect((await rejectionOf(control[kind]('shop', ServicesRequest.parse({}), CALLER))).code).toBe('stack-not-found')
  })

  test('down and scale are refused', async () => {
    const { control } = controlOf(aBench())
    expect((await rejectionOf(control.down('shop', DownOptions.parse({}), CALLER))).code).toBe('stack-not-found')
    const scale = control.scale('shop', ScaleRequest.parse({ scale: { web: 1 } }), CALLER)
    expect((await rejectionOf(scale)).code).toBe('stack-not-found')
  })
})

describe('what is told of a stack', () => {
  test('its services, its containers by state, where it came from', async () => {
    const { control } = controlOf(await aRunningStack())
    expect(await control.stack('shop')).toMatchObject({
      name: 'shop',
      condition: 'steady',
      revision: 1,
      containers: { running: 1 },
      workingDir: '/srv/shop',
      serviceStates: [{ name: 'web', scale: 1, run: 'running', image: 'web:1' }],
    })
  })

  test('its revisions, of which one is the present one', async () => {
    const { control } = controlOf(await aRunningStack())
    expect(control.revisions('shop', 10)).toMatchObject([{ number: 1, current: true }])
    expect(control.revision('shop', 1).model).toEqual(MODEL)
  })

  test('nothing of a stack that is down, in the list', async () => {
    const bench = await aRunningStack()
    const { control } = controlOf(bench)
    await control.down('shop', DownOptions.parse({}), CALLER)
    await runNext(bench)
    expect(await control.stacks()).toEqual([])
  })
})
