import { describe, expect, onTestFinished, test } from 'vitest'
import type { DeploymentRow } from '../../../daemon/store/deployments.ts'
import { openStore, type Store } from '../../../daemon/store/store.ts'
import type { Step } from '../../../protocol/resources/deployment.ts'
import { AT, up } from '../support/core.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const aDeployment = (id: string, parts: Partial<DeploymentRow> = {}): Omit<DeploymentRow, 'applied'> => ({
  id,
  stack: 'shop',
  kind: 'up',
  revision: 1,
  state: 'queued',
  requestedBy: 'tester',
  request: up(1),
  createdAt: AT,
  ...parts,
})

const aStep = (id: string, parts: Partial<Step> = {}): Step => ({
  id,
  action: 'create-container',
  object: 'Container shop-web-1',
  label: 'Waiting',
  reason: 'it is not there',
  state: 'waiting',
  ...parts,
})

const ENDED = { state: 'succeeded', at: AT, error: undefined, warnings: [] } as const

function aStore(folder = temporaryFolder()): Store {
  const store = openStore(folder)
  let isOpen = true
  const { close } = store
  const closeOnce = () => {
    if (isOpen) close()
    isOpen = false
  }
  onTestFinished(closeOnce)
  return { ...store, close: closeOnce }
}

describe('the queue of a stack', () => {
  test('gives the oldest that has not ended', () => {
    const { deployments } = aStore()
    for (const id of ['first', 'second']) deployments.add(aDeployment(id))
    expect(deployments.next('shop')?.id).toBe('first')
    deployments.end('first', ENDED)
    expect(deployments.next('shop')?.id).toBe('second')
    deployments.end('second', ENDED)
    expect(deployments.next('shop')).toBeUndefined()
  })

  test('gives one that has begun before those that wait: a crash cut it short', () => {
    const { deployments } = aStore()
    for (const id of ['first', 'second']) deployments.add(aDeployment(id))
    deployments.begin('first', AT)
    expect(deployments.next('shop')).toMatchObject({ id: 'first', state: 'running' })
  })

  test('is one for each stack', () => {
    const { deployments } = aStore()
    deployments.add(aDeployment('theirs', { stack: 'other' }))
    expect(deployments.next('shop')).toBeUndefined()
    expect(deployments.stacksWithOpen()).toEqual(['other'])
  })

  test('outlives the daemon, request and all', () => {
    const folder = temporaryFolder()
    const before = aStore(folder)
    before.deployments.add(aDeployment('running'))
    before.deployments.add(aDeployment('waiting', { request: up(2, { services: ['web'] }) }))
    before.deployments.begin('running', AT)
    before.deployments.applied('running', 7)
    before.close()
    const after = aStore(folder)
    expect(after.deployments.open('shop')).toEqual([
      { ...aDeployment('running', { state: 'running', revision: 7 }), applied: true },
      { ...aDeployment('waiting', { request: up(2, { services: ['web'] }) }), applied: false },
    ])
    expect(after.deployments.stacksWithOpen()).toEqual(['shop'])
  })

  test('keeps when a deployment first began, however often it is taken up', () => {
    const { deployments } = aStore()
    deployments.add(aDeployment('a'))
    deployments.begin('a', 'the first time')
    deployments.begin('a', 'the second time')
    expect(deployments.find('a')?.startedAt).toBe('the first time')
  })
})

describe('a deployment', () => {
  test('tells how it ended', () => {
    const { deployments } = aStore()
    deployments.add(aDeployment('a'))
    const error = { type: 't', code: 'port-taken', title: 'T', status: 409, detail: 'taken' } as const
    deployments.end('a', { state: 'failed', at: AT, error, warnings: ['mind this'] })
    expect(deployments.find('a')).toMatchObject({ state: 'failed', endedAt: AT, error, warnings: ['mind this'] })
  })

  test('has only the keys that it has: none that are undefined', () => {
    const { deployments } = aStore()
    deployments.add(aDeployment('a', { revision: undefined }))
    const found = deployments.find('a')!
    expect(Object.keys(found)).not.toContain('revision')
    expect(Object.keys(found)).not.toContain('error')
  })

  test('has its steps in the order planned, each as it was last', () => {
    const { deployments } = aStore()
    deployments.add(aDeployment('a'))
    deployments.saveSteps('a', [
      { position: 1, step: aStep('second') },
      { position: 0, step: aStep('first') },
    ])
    deployments.saveSteps('a', [{ position: 0, step: aStep('first', { state: 'done' }) }])
    expect(deployments.find('a')?.steps.map((step) => [step.id, step.state])).toEqual([
      ['first', 'done'],
      ['second', 'waiting'],
    ])
  })

  test('is listed newest first, as many as asked', () => {
    const { deployments } = aStore()
    for (const id of ['a', 'b', 'c']) deployments.add(aDeployment(id))
    expect(deployments.list('shop', 2).map((deployment) => deployment.id)).toEqual(['c', 'b'])
  })

  test('that nobody knows is not there', () => {
    expect(aStore().deployments.find('nobody')).toBeUndefined()
  })
})

describe('pruning', () => {
  function pruned(keep: number, open: readonly string[] = [], before = '') {
    const { deployments } = aStore()
    for (const id of ['a', 'b', 'c', 'd']) {
      deployments.add(aDeployment(id))
      deployments.saveSteps(id, [{ position: 0, step: aStep(id) }])
      if (!open.includes(id)) deployments.end(id, ENDED)
    }
    deployments.add(aDeployment('theirs', { stack: 'other' }))
    deployments.end('theirs', ENDED)
    deployments.prune('shop', keep, before)
    return deployments
  }
  const idsOf = (deployments: ReturnType<typeof pruned>) =>
    deployments.list('shop', 10).map((deployment) => deployment.id)

  test('leaves the newest', () => {
    expect(idsOf(pruned(2))).toEqual(['d', 'c'])
  })

  test('leaves all where there are no more than that', () => {
    expect(idsOf(pruned(4))).toEqual(['d', 'c', 'b', 'a'])
  })

  test('never drops one that has not ended', () => {
    expect(idsOf(pruned(1, ['a']))).toEqual(['d', 'a'])
  })

  test('drops what is older than it is to be kept, but not what has not ended', () => {
    expect(idsOf(pruned(4, ['b'], '9999'))).toEqual(['b'])
  })

  test('counts what the loop did by itself apart', () => {
    const { deployments } = aStore()
    const kinds = { a: 'up', b: 'up', c: 'heal', d: 'heal', e: 'heal' } as const
    for (const [id, kind] of Object.entries(kinds)) {
      deployments.add(aDeployment(id, { kind }))
      deployments.end(id, ENDED)
    }
    deployments.prune('shop', 2, '')
    expect(idsOf(deployments)).toEqual(['e', 'd', 'b', 'a'])
  })

  test('takes the steps along', () => {
    const deployments = pruned(1)
    deployments.add(aDeployment('a'))
    expect(deployments.find('a')?.steps).toEqual([])
  })

  test('leaves other stacks alone', () => {
    expect(pruned(0).list('other', 10)).toHaveLength(1)
  })
})
