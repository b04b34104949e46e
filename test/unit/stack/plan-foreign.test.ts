import { describe, expect, test } from 'vitest'
import { OURS } from '../../../daemon/stack/labels.ts'
import { observeNetwork } from '../../../daemon/stack/observed.ts'
import { problemOf } from '../support/problems.ts'
import {
  aContainer,
  actionOf,
  aForeign,
  aService,
  aStack,
  asDeclared,
  INSTANCE,
  idsOf,
  isBefore,
  NETWORK,
  NOTHING,
  planOf,
  STACK,
} from '../support/stack-builders.ts'

const web = aService('web')
const desired = aStack([web])

describe('a container that another tool made for a service of this stack', () => {
  const twin = aForeign(web, { id: 'twin', name: 'shop_web_1', anonymousVolumes: { '/data': 'theirs' } })
  const observed = asDeclared(desired, { containers: [twin] })

  test('is left alone, and reported', () => {
    const plan = planOf({ desired, observed })
    expect(idsOf(plan)).toEqual(['create-container web 1', 'start-container web 1'])
    expect(plan.warnings).toEqual([
      'container shop_web_1 looks like one of this stack and was not made here: it is left alone',
    ])
  })

  test('is not taken for an orphan', () => {
    expect(idsOf(planOf({ desired, observed, policy: { orphans: 'remove' } }))).not.toContain('remove-container twin')
  })

  test('is replaced where that was asked for (--take-over)', () => {
    const plan = planOf({ desired, observed, policy: { lookAlikes: 'replace' } })
    expect(isBefore(plan, 'remove-container twin', 'create-container web 1')).toBe(true)
    expect(plan.warnings).toEqual([])
  })

  test('hands on its anonymous volumes when it is taken over', () => {
    const plan = planOf({ desired, observed, policy: { lookAlikes: 'replace' } })
    expect(actionOf(plan, 'create-container web 1').body).toMatchObject({ carriedVolumes: { '/data': 'theirs' } })
  })

  test('and whose number is above the scale is removed with a take-over, or at least reported', () => {
    const second = aForeign(web, { id: 'second', name: 'shop_web_2', replica: 2 })
    const plan = planOf({
      desired,
      observed: asDeclared(desired, { containers: [aContainer(web), second] }),
      policy: { lookAlikes: 'replace' },
    })
    expect([...idsOf(plan), ...plan.warnings].some((words) => /second|shop_web_2/.test(words))).toBe(true)
  })
})

describe('a container of this project that no service of it has', () => {
  const orphan = aForeign(aService('legacy'), { id: 'orphan', name: 'shop-legacy-1' })
  const observed = asDeclared(desired, { containers: [aContainer(web), orphan] })

  test('is reported, and stays', () => {
    const plan = planOf({ desired, observed })
    expect(idsOf(plan)).toEqual([])
    expect(plan.warnings).toEqual(['container shop-legacy-1 of this project is an orphan: --remove-orphans removes it'])
  })

  test('is removed only where that was asked for', () => {
    const plan = planOf({ desired, observed, policy: { orphans: 'remove' } })
    expect(idsOf(plan)).toEqual(['stop-container orphan', 'remove-container orphan'])
  })
})

describe('a network that this daemon made for another stack', () => {
  const ofWorkshop = observeNetwork(
    {
      Id: 'theirs',
      Name: NETWORK,
      Driver: 'bridge',
      Scope: 'local',
      Internal: false,
      Attachable: false,
      EnableIPv6: false,
      Labels: {
        [OURS.instance]: INSTANCE,
        [OURS.stack]: 'workshop',
        [OURS.spec]: 'theirs',
        'com.docker.compose.project': 'workshop',
        'com.docker.compose.network': 'default',
      },
      Options: {},
      IPAM: { Driver: 'default', Config: [] },
    },
    INSTANCE,
    STACK,
  )

  test('is not this stack’s to replace, though it has the name that this one wants', () => {
    expect(problemOf(() => planOf({ desired, observed: { ...NOTHING, networks: [ofWorkshop] } })).code).toBe('conflict')
  })
})
