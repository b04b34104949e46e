import { describe, expect, test } from 'vitest'
import { forgetOld, keepHistory } from '../../../daemon/storage/keep-history.ts'
import { openStore, type Store } from '../../../daemon/store/store.ts'
import { aModel, aRevision, instantClock } from '../support/core.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NOW = new Date('2026-06-01T00:00:00.000Z')
const bundles = { sweep: async () => 0 }
const LIMITS = { events: 3, eventDays: 30, deployments: 2, deploymentDays: 60, logMib: 1, logDays: 1 }

function aStore(): Store {
  const store = openStore(temporaryFolder())
  for (const [index, at] of ['2026-01-01', '2026-05-20', '2026-05-21', '2026-05-22', '2026-05-23'].entries()) {
    store.events.add([{ at: `${at}T00:00:00.000Z`, stack: 'shop', type: 'x', message: String(index), attributes: {} }])
    const id = `d${index}`
    const row = { id, stack: 'shop', kind: 'up', revision: 1, requestedBy: 'me', request: {} } as const
    store.deployments.add({ ...row, state: 'queued', createdAt: `${at}T00:00:00.000Z` })
    if (index > 0) store.deployments.end(id, { state: 'succeeded', at, error: undefined, warnings: [] })
  }
  return store
}

const left = (store: Store) => ({
  events: store.events.after(0, 10).map(({ message }) => message),
  deployments: store.deployments.list('shop', 10).map(({ id }) => id),
})

describe('history', () => {
  test('is bounded by count; what has not ended stays', () => {
    const store = aStore()
    forgetOld(store, LIMITS, NOW)
    expect(left(store)).toEqual({ events: ['2', '3', '4'], deployments: ['d4', 'd3', 'd0'] })
    store.close()
  })

  test('is bounded by age', () => {
    const store = aStore()
    forgetOld(store, { ...LIMITS, events: 100, eventDays: 10, deployments: 100, deploymentDays: 10 }, NOW)
    expect(left(store)).toEqual({ events: ['3', '4'], deployments: ['d4', 'd3', 'd0'] })
    store.close()
  })

  test('is looked at again and again, until told to end', async () => {
    const store = aStore()
    const stop = new AbortController()
    let sleeps = 0
    const clock = {
      now: () => NOW,
      sleep: async () => {
        sleeps += 1
        if (sleeps === 1)
          store.events.add([{ at: NOW.toISOString(), stack: 'shop', type: 'x', message: '5', attributes: {} }])
        if (sleeps === 2) stop.abort()
      },
    }
    const contexts = { sweep: async () => 0 }
    const log = { warn: () => {} }
    await keepHistory({ store, contexts, bundles, log, clock: { ...instantClock(), ...clock } }, LIMITS, stop.signal)
    expect(left(store).events).toEqual(['3', '4', '5'])
    store.close()
  })

  test('goes on where the state cannot be written for a while', async () => {
    const store = aStore()
    const stop = new AbortController()
    const swept: ReadonlySet<string>[] = []
    const warnings: string[] = []
    let tries = 0
    const contexts = {
      sweep: async (wanted: ReadonlySet<string>) => {
        tries += 1
        if (tries === 1) throw new Error('no space left on device')
        swept.push(wanted)
        stop.abort()
        return 0
      },
    }
    store.revisions.add(aRevision(1, aModel({ web: {} }), { contexts: { web: 'the-context', 'web/extra': 'another' } }))
    const log = { warn: (_: object, message: string) => warnings.push(message) }
    await keepHistory({ store, contexts, bundles, log, clock: instantClock() }, LIMITS, stop.signal)
    expect(warnings).toHaveLength(1)
    expect(swept).toEqual([new Set(['the-context', 'another'])])
    store.close()
  })
})
