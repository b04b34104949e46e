import { describe, expect, test } from 'vitest'
import type { ObservedContainer } from '../../../daemon/stack/observed.ts'
import type { Operation } from '../../../daemon/stack/operation.ts'
import { replicaKey } from '../../../daemon/stack/operation.ts'
import { aContainer, aForeign, aService, aStack, asDeclared, idsOf, planOf } from '../support/stack-builders.ts'

const web = aService('web')
const db = aService('db')
const KILL: Operation = { kind: 'kill', signal: 'SIGKILL', orphans: 'leave', stops: ['web', 'db'] }
const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const

function operate(operation: Operation, containers: readonly ObservedContainer[], scope: 'all' | string[] = 'all') {
  const desired = aStack([web, db])
  return planOf({
    desired,
    observed: asDeclared(desired, { containers }),
    operation,
    policy: { scope: scope === 'all' ? 'all' : new Set(scope) },
  }).actions.map(({ body }) => body)
}
const remove = (containers: readonly ObservedContainer[], ids = containers.map(({ id }) => id)) =>
  operate({ kind: 'remove', containers: ids, anonymousVolumes: 'keep' }, containers)

describe('kill', () => {
  test.each(STATES)('of a container that is %s reaches it if it has a process', (state) => {
    const has = state === 'running' || state === 'paused' || state === 'restarting'
    expect(operate(KILL, [aContainer(web, { state })])).toHaveLength(has ? 1 : 0)
  })

  test('is a stop for the services that its signal stops, and else only delivered', () => {
    const both = [aContainer(web), aContainer(db)]
    expect(operate({ ...KILL, signal: 'SIGQUIT', stops: ['web'] }, both)).toMatchObject([
      { kind: 'kill-container', service: 'web', signal: 'SIGQUIT', purpose: 'stop' },
      { kind: 'kill-container', service: 'db', signal: 'SIGQUIT', purpose: 'signal' },
    ])
  })

  test('leaves services alone that it does not name', () => {
    expect(operate(KILL, [aContainer(web), aContainer(db)], ['db'])).toMatchObject([{ service: 'db' }])
  })

  test('reaches orphans only where that is asked for, and look-alikes never', () => {
    const orphan = aForeign(aService('gone'))
    expect(operate(KILL, [orphan, aForeign(web)])).toEqual([])
    expect(operate({ ...KILL, orphans: 'kill' }, [orphan, aForeign(web)])).toMatchObject([
      { service: 'gone', purpose: 'signal' },
    ])
  })

  test('makes nothing, though all is missing', () => {
    expect(operate(KILL, [])).toEqual([])
  })
})

describe('pause and unpause', () => {
  test.each(STATES)('a container that is %s', (state) => {
    const kinds = (kind: 'pause' | 'unpause') => operate({ kind }, [aContainer(web, { state })]).map((b) => b.kind)
    expect(kinds('pause')).toEqual(state === 'running' ? ['pause-container'] : [])
    expect(kinds('unpause')).toEqual(state === 'paused' ? ['unpause-container'] : [])
  })
})

describe('rm', () => {
  test.each(STATES)('of a container that is %s takes it unless it has a process', (state) => {
    const has = state === 'running' || state === 'paused' || state === 'restarting'
    expect(remove([aContainer(web, { state })])).toHaveLength(has ? 0 : 1)
  })

  test('takes those that were named by id alone', () => {
    const [one, two] = [1, 2].map((replica) => aContainer(web, { replica, state: 'exited' })) as [
      ObservedContainer,
      ObservedContainer,
    ]
    expect(remove([one, two], [two.id])).toMatchObject([{ kind: 'discard-container', id: two.id, replica: 2 }])
  })
})

describe('rm leaves', () => {
  const leftover = aContainer(web, { id: 'next', name: 'shop-web-1.next', state: 'created' })
  const leavesOf = (containers: readonly ObservedContainer[]) =>
    remove(containers).map((body) => (body.kind === 'discard-container' ? body.leaves : body.kind))

  test('its replica empty on purpose where that has no other container', () => {
    expect(leavesOf([aContainer(web, { state: 'exited' })])).toEqual(['vacancy'])
    expect(leavesOf([aContainer(web, { state: 'exited' }), leftover])).toEqual(['vacancy', 'vacancy'])
  })

  test('it as it is where it took but what a replacement that failed had left beside it', () => {
    expect(leavesOf([aContainer(web), leftover])).toEqual(['another'])
    expect(leavesOf([aContainer(web, { replica: 2 }), leftover])).toEqual(['vacancy'])
  })
})

describe('the loop afterwards', () => {
  const heal = (
    service: Parameters<typeof aService>[1],
    containers: readonly Partial<ObservedContainer>[],
    memory: Parameters<typeof planOf>[0]['memory'] = {},
  ) => {
    const own = aService('web', service)
    const desired = aStack([own])
    const observed = asDeclared(desired, { containers: containers.map((parts) => aContainer(own, parts)) })
    return idsOf(planOf({ desired, observed, policy: { mode: 'heal' }, memory }))
  }
  const ID = 'id-of-shop-web-1'

  test('lets a container run that did not end of its signal, and stops one that was never sent it', () => {
    expect(heal({ run: 'stopped' }, [{}], { signalled: [ID] })).toEqual([])
    expect(heal({ run: 'stopped' }, [{}])).toEqual(['stop-container web 1'])
  })

  test('restarts one that is wanted again while it may still end of its signal', () => {
    expect(heal({ run: 'running' }, [{}], { signalled: [ID] })).toEqual(['restart-container web 1'])
    expect(heal({ run: 'running' }, [{}])).toEqual([])
  })

  test('a stop that is asked for stops it all the same', () => {
    const own = aService('web', { run: 'stopped' })
    const desired = aStack([own])
    const plan = planOf({
      desired,
      observed: asDeclared(desired, { containers: [aContainer(own)] }),
      memory: { signalled: [ID] },
    })
    expect(idsOf(plan)).toEqual(['stop-container web 1'])
  })

  test('makes no container where one was removed on purpose, and any other that is missing', () => {
    const memory = { vacant: [replicaKey('web', 2)] }
    expect(heal({ replicas: 2 }, [{}], memory)).toEqual([])
    expect(heal({ replicas: 3 }, [{}], memory)).toContain('create-container web 3')
    expect(heal({ replicas: 3 }, [{}], memory)).not.toContain('create-container web 2')
  })

  test.each(['created', 'exited', 'restarting', 'paused'] as const)(
    'leaves the %s container of a paused service as it is',
    (state) => {
      expect(heal({ run: 'paused', restartPolicy: 'always' }, [{ state }])).toEqual([])
    },
  )

  test('pauses what runs of a paused service', () => {
    expect(heal({ run: 'paused' }, [{}])).toEqual(['pause-container web 1'])
  })

  test('does not unpause what the Engine has paused to make an image of it', () => {
    expect(heal({}, [{ state: 'paused' }], { frozen: [ID] })).toEqual([])
    expect(heal({}, [{ state: 'paused' }])).toEqual(['unpause-container web 1'])
  })
})
