import { describe, expect, it } from 'vitest'
import {
  aContainer,
  actionOf,
  aForeign,
  anOutdated,
  aService,
  aStack,
  asDeclared,
  idsOf,
  isChain,
  needs,
  planOf,
} from '../support/stack-builders.ts'

describe('a name that another container of the stack has', () => {
  it('is let go of first, also by one that waits for whom it is meant for', () => {
    const web = aService('web', { replicas: 2 })
    const worker = aService('worker', { dependsOn: { web: needs() } })
    const desired = aStack([web, worker])
    const holder = anOutdated(worker, { id: 'the-holder', name: 'shop-web-2' })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(web), holder] }) })
    expect(isChain(plan, 'rename-container the-holder', 'create-container web 2', 'start-container worker 1')).toBe(
      true,
    )
    expect(actionOf(plan, 'rename-container the-holder').body).toMatchObject({ name: 'shop-web-2.was-the-hold' })
  })

  it('is let go of by the name that the plan gives the holder anyway', () => {
    const web = aService('web', { replicas: 2 })
    const worker = aService('worker')
    const desired = aStack([web, worker])
    const holder = aContainer(worker, { id: 'the-holder', name: 'shop-web-2' })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [aContainer(web), holder] }) })
    expect(isChain(plan, 'rename-container worker 1', 'create-container web 2')).toBe(true)
    expect(idsOf(plan)).not.toContain('rename-container the-holder')
  })

  it('is let go of by one of two that have each other’s', () => {
    const [web, worker] = [aService('web'), aService('worker')]
    const desired = aStack([web, worker])
    const swapped = [
      aContainer(web, { id: 'the-web', name: 'shop-worker-1' }),
      aContainer(worker, { id: 'the-worker', name: 'shop-web-1' }),
    ]
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: swapped }) })
    const aside = idsOf(plan).filter((id) => id.startsWith('rename-container the-'))
    expect(aside).toHaveLength(1)
    expect(isChain(plan, aside[0]!, 'rename-container web 1')).toBe(true)
    expect(isChain(plan, aside[0]!, 'rename-container worker 1')).toBe(true)
  })

  it('moves with the `container_name` of the file', () => {
    const [web, worker] = [aService('web'), aService('worker', { containerName: 'front' })]
    const desired = aStack([web, worker])
    const old = anOutdated(web, { id: 'the-old-one', name: 'front' })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [old] }) })
    expect(isChain(plan, 'rename-container the-old-one', 'create-container worker 1')).toBe(true)
  })

  it('stays with who is to have it as well', () => {
    const web = aService('web', { containerName: 'front', replicas: 2 })
    const desired = aStack([web])
    const [one, other] = [1, 2].map((replica) =>
      aContainer(web, { replica, id: `the-${replica}`, name: `is-${replica}` }),
    )
    const named = { ...one!, name: 'front' }
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [named, other!] }) })
    expect(idsOf(plan).filter((id) => id.startsWith('rename-container the-'))).toEqual([])
  })

  it('stays with a container that is not of this daemon', () => {
    const web = aService('web')
    const desired = aStack([web])
    const holder = aForeign(aService('other'), { id: 'the-holder', name: 'shop-web-1' })
    const plan = planOf({ desired, observed: asDeclared(desired, { containers: [holder] }) })
    expect(idsOf(plan)).not.toContain('rename-container the-holder')
  })
})
