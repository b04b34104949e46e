import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../daemon/reconcile/clock.ts'
import { KeptLogs } from '../../../daemon/streams/kept-logs.ts'
import { FakeContainer, FakeLogs } from '../support/fake-logs.ts'
import { textsOf } from '../support/log-bytes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DAY_MS = 86_400_000

/** Kept logs in a folder of their own, at a time that goes on by a minute with each container. */
function keptLogs({ bytes = 1_000_000, days = 7 } = {}) {
  const folder = temporaryFolder()
  const containers: FakeContainer[] = []
  const warnings: string[] = []
  let now = Date.parse('2026-01-02T03:04:05Z')
  const logs = new KeptLogs({
    folder,
    engine: new FakeLogs(containers).engine,
    limits: { bytes, days },
    now: () => new Date(now),
    log: { warn: (_, message) => warnings.push(message) },
  })
  const keepAgain = (container: FakeContainer) => {
    now += 60_000
    const { id, service } = container
    return logs.keep({ stack: 'shop', container: id, name: `shop-${service}-1`, service, replica: 1 })
  }
  const remove = async (service: string, lines: number, state: 'exited' | 'created' = 'exited', stack = 'shop') => {
    const container = new FakeContainer(service)
    container.state = state
    for (let n = 1; n <= lines; n += 1) container.write(n / 1000, `${service} ${n}`)
    containers.push(container)
    now += 60_000
    await logs.keep({ stack, container: container.id, name: `shop-${service}-1`, service, replica: 1 })
    return container
  }
  const pass = (days: number) => {
    now += days * DAY_MS
  }
  return {
    logs,
    folder,
    remove,
    keepAgain,
    pass,
    warnings,
    services: () => logs.list('shop').map(({ service }) => service),
  }
}

/** One round of what is done every ten minutes. */
async function sweep(logs: KeptLogs, isKnown: (stack: string) => boolean): Promise<void> {
  const stop = new AbortController()
  const clock = { ...systemClock, sleep: async () => stop.abort() }
  await logs.keepWithinLimits(isKnown, clock, stop.signal)
}

describe('the log of a removed container', () => {
  test('is kept as it was, with whose it was', async () => {
    const { logs, remove } = keptLogs()
    const { id } = await remove('web', 3)
    const [kept] = logs.list('shop')
    expect(kept).toMatchObject({ container: id, service: 'web', replica: 1, removedAt: '2026-01-02T03:05:05.000Z' })
    expect(textsOf(logs.records(kept!))).toEqual(['web 1', 'web 2', 'web 3'])
  })

  test('is kept with its last lines only, where it is long', async () => {
    const { logs, remove } = keptLogs({ bytes: 10_000_000 })
    await remove('web', 20_005)
    const texts = textsOf(logs.records(logs.list('shop')[0]!))
    expect(texts).toHaveLength(20_000)
    expect(texts.at(-1)).toBe('web 20005')
  })

  test('is not there where it never ran, or wrote nothing', async () => {
    const { remove, services } = keptLogs()
    await remove('web', 3, 'created')
    await remove('db', 0)
    expect(services()).toEqual([])
  })

  test('goes when those of its stack take too much room, the oldest first', async () => {
    const { remove, services } = keptLogs({ bytes: 9000 })
    for (const service of ['a', 'b', 'c']) await remove(service, 150)
    expect(services()).toEqual(['b', 'c'])
  })

  test('goes when it is too old', async () => {
    const { logs, remove, pass, services } = keptLogs({ days: 7 })
    await remove('old', 1)
    pass(5)
    await remove('new', 1)
    pass(3)
    await sweep(logs, () => true)
    expect(services()).toEqual(['new'])
  })

  test('goes with its stack', async () => {
    const { logs, folder, remove } = keptLogs()
    await remove('web', 1, 'exited', 'shop')
    await remove('db', 1, 'exited', 'other')
    await sweep(logs, (stack) => stack === 'other')
    expect(readdirSync(join(folder, 'logs'))).toEqual(['other'])
  })

  test('never keeps its container from being removed', async () => {
    const { logs, folder, remove, warnings } = keptLogs()
    await logs.keep({ stack: 'shop', container: 'f'.repeat(64), name: 'gone', service: 'web', replica: 1 })
    expect(warnings).toEqual([])
    writeFileSync(join(folder, 'logs'), 'in the way')
    await remove('web', 1)
    expect(warnings).toEqual(['the log of a removed container is not kept'])
  })

  test('is kept once where its removal is tried again', async () => {
    const { logs, folder, remove, keepAgain } = keptLogs()
    const container = await remove('web', 2)
    await keepAgain(container.write(1, 'web 3'))
    expect(readdirSync(join(folder, 'logs/shop'))).toHaveLength(1)
    expect(textsOf(logs.records(logs.find('shop', container.id)!))).toEqual(['web 1', 'web 2', 'web 3'])
  })

  test('is tidied beside what is not ours, and what cannot be tidied is told', async () => {
    const { logs, folder, remove, pass, warnings, services } = keptLogs({ days: 7 })
    await remove('old', 1)
    pass(8)
    writeFileSync(join(folder, 'logs/a-file'), 'in the way')
    await sweep(logs, () => true)
    expect(services()).toEqual([])
    expect(warnings).toEqual(['kept logs cannot be tidied'])
  })

  test('ends no daemon where the state folder is not as it should be', async () => {
    const { logs, folder, warnings } = keptLogs()
    writeFileSync(join(folder, 'logs'), 'in the way')
    await sweep(logs, () => true)
    expect(warnings).toEqual(['the folder of kept logs cannot be read'])
  })

  test('that was never finished goes', async () => {
    const { logs, folder, remove, services } = keptLogs()
    await remove('web', 1)
    writeFileSync(join(folder, 'logs/shop/1767323045000-aaaaaaaaaaaa.log.new'), 'half')
    await sweep(logs, () => true)
    expect(readdirSync(join(folder, 'logs/shop'))).toEqual([expect.stringMatching(/\d-\w{12}\.log$/)])
    expect(services()).toEqual(['web'])
  })

  test('that a crash left half written tells nothing', async () => {
    const { logs, folder, remove, services } = keptLogs()
    await remove('web', 1)
    mkdirSync(join(folder, 'logs/shop'), { recursive: true })
    writeFileSync(join(folder, 'logs/shop/1767323045000-aaaaaaaaaaaa.log'), '\0\0\0')
    expect(services()).toEqual(['web'])
    expect(logs.find('shop', 'nobody')).toBeUndefined()
  })
})
