import { describe, expect, test } from 'vitest'
import { NO_CREDENTIALS } from '../../../daemon/reconcile/credentials.ts'
import { ImageTable } from '../../../daemon/reconcile/images.ts'
import { RunContext } from '../../../daemon/reconcile/run-context.ts'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import type { Store } from '../../../daemon/store/store.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { aContainer, aForeign, anOutdated, aService, aStack, asDeclared, REQUEST } from '../support/stack-builders.ts'

const web = aService('web', { replicas: 2 })
const desired = aStack([web])

const contextOf = (containers: readonly ObservedContainer[]) =>
  new RunContext({
    desired,
    observed: asDeclared(desired, { containers }),
    policy: REQUEST,
    images: new ImageTable(new FakeEngine().asEngine()),
    credentials: NO_CREDENTIALS,
    store: {} as Store,
    warn: () => {},
  })

describe('the container that is a replica', () => {
  test('is the one that was there', () => {
    expect(contextOf([aContainer(web)]).containerId('web', 1)).toBe('id-of-shop-web-1')
  })

  test('is the one that this run made, once it has', () => {
    const context = contextOf([anOutdated(web)])
    context.made('web', 1, 'new')
    expect(context.containerId('web', 1)).toBe('new')
  })

  test('is never a one-off, and never a stranger’s', () => {
    const containers = [aContainer(web, { oneOff: true }), aForeign(web)]
    expect(contextOf(containers).containerId('web', 1)).toBeUndefined()
  })

  test('is asked for by number: those that are there answer', () => {
    expect(contextOf([aContainer(web, { replica: 2 })]).containerIds('web')).toEqual(['id-of-shop-web-2'])
  })

  test('is the one of the desired spec, where a crash left one of another beside it', () => {
    const leftover = anOutdated(web, { id: 'leftover', name: 'shop-web-1.next-x', state: 'created', created: 2000 })
    expect(contextOf([leftover, aContainer(web)]).containerId('web', 1)).toBe('id-of-shop-web-1')
  })
})
