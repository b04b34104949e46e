import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CertificateControl } from '../../../daemon/certificates/certificate-control.ts'
import { CertificateVault } from '../../../daemon/certificates/certificate-vault.ts'
import { type Issuer, Refused } from '../../../daemon/certificates/issuer.ts'
import { CertificateKeeper } from '../../../daemon/certificates/keeper.ts'
import type { EncryptedHost } from '../../../daemon/ingress/table.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { rejectionOf } from '../support/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { type Made, made } from './made.ts'

const AUTHORITY = 'https://ca.example/dir'
const DAY_MS = 24 * 3_600_000
const aHost = (host: string, certificate: 'auto' | 'own' = 'auto'): EncryptedHost => ({
  host,
  certificate,
  usedBy: [{ stack: 'shop', service: 'web' }],
})

/** Goes on when it is told to, and not by itself. */
class HandClock {
  #ms = Date.now()
  #sleepers = new Set<{ at: number; wake: () => void }>()
  now = () => new Date(this.#ms)
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const sleeper = { at: this.#ms + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  async pass(ms: number): Promise<void> {
    this.#ms += ms
    for (const sleeper of this.#sleepers) if (sleeper.at <= this.#ms) sleeper.wake()
    await settled()
  }
}

/** Long enough for orders that wait for nothing outside. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn()
}

interface House {
  readonly hosts: EncryptedHost[]
  readonly issue: Issuer['issue']
}

async function aHouse(given: Partial<House> & { readonly whyNot?: string } = {}) {
  const { hosts = [aHost('shop.test')], issue = async (host: string) => made({ host, days: 90 }) } = given
  const store = openStore(temporaryFolder())
  const clock = new HandClock()
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const asked: string[] = []
  const served = { times: 0 }
  let isHeld = false
  const vault = new CertificateVault({ store, key: () => Buffer.alloc(32, 1), now: clock.now, log })
  const serve = async () => {
    served.times += 1
  }
  const issuer: Issuer = {
    authority: AUTHORITY,
    issue: (host, signal) => {
      asked.push(host)
      return issue(host, signal)
    },
  }
  const keeper = new CertificateKeeper({
    vault,
    store,
    issuer: given.whyNot === undefined ? issuer : { whyNot: given.whyNot },
    hosts: () => hosts,
    serve,
    isHeld: () => isHeld,
    clock,
    log,
  })
  const control = new CertificateControl({ vault, store, keeper, hosts: () => hosts, serve, now: clock.now })
  const stop = new AbortController()
  const running = keeper.run(stop.signal)
  const end = async () => {
    stop.abort()
    await running
  }
  onTestFinished(async () => {
    await end()
    store.close()
  })
  await settled()
  const hold = (held: boolean) => {
    isHeld = held
  }
  return { store, clock, asked, served, vault, keeper, control, end, hold }
}

const untilAborted: Issuer['issue'] = (_, signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

const refusing = async (): Promise<Made> => {
  throw new Refused('no', { hint: 'mend it' })
}

describe('a host of an authority', () => {
  it('gets a certificate at once, which is served', async () => {
    const { asked, served, control, vault } = await aHouse()
    expect(asked).toEqual(['shop.test'])
    expect(served.times).toBe(1)
    expect(control.list()).toMatchObject([{ host: 'shop.test', state: 'valid', source: 'acme', authority: AUTHORITY }])
    expect(vault.pemOf('shop.test')).toMatch(/BEGIN CERTIFICATE(.|\n)*BEGIN PRIVATE KEY/)
  })

  it('gets another one after two thirds of the lifetime', async () => {
    const { asked, clock } = await aHouse()
    await clock.pass(55 * DAY_MS)
    expect(asked).toHaveLength(1)
    await clock.pass(6 * DAY_MS)
    expect(asked).toHaveLength(2)
  })

  it('keeps what it has where that fails, and shows why', async () => {
    let isDown = false
    const { clock, control, vault } = await aHouse({
      issue: async (host) => (isDown ? refusing() : made({ host, days: 90 })),
    })
    const before = vault.pemOf('shop.test')
    isDown = true
    await clock.pass(61 * DAY_MS)
    expect(vault.pemOf('shop.test')).toBe(before)
    expect(control.list()).toMatchObject([{ state: 'renewal-failing', error: 'no; mend it' }])
    expect(control.concernsOf('shop')).toEqual(['https of shop.test: renewal-failing: no; mend it'])
    expect(control.concernsOf('blog')).toEqual([])
    isDown = false
    await clock.pass(60_000)
    expect(control.list()).toMatchObject([{ state: 'valid' }])
    expect(control.list()[0]).not.toHaveProperty('error')
  })

  it('is asked for again after one minute, then two, then four', async () => {
    const { asked, clock, control } = await aHouse({ issue: refusing })
    expect(control.list()).toMatchObject([{ state: 'missing', error: 'no; mend it' }])
    const seen: number[] = []
    for (let minute = 1; minute <= 7; minute += 1) {
      await clock.pass(60_000)
      seen.push(asked.length)
    }
    expect(seen).toEqual([2, 2, 3, 3, 3, 3, 4])
  })

  it('is asked for again no sooner than the authority said', async () => {
    const { asked, clock } = await aHouse({
      issue: async () => {
        throw new Refused('too many', { retryAfterMs: 3_600_000 })
      },
    })
    await clock.pass(3_500_000)
    expect(asked).toHaveLength(1)
    await clock.pass(110_000)
    expect(asked).toHaveLength(2)
  })

  it('is not asked for again at once by a daemon that died of it', async () => {
    const { store } = await aHouse({ issue: untilAborted })
    expect(store.certificates.attempt('shop.test')).toMatchObject({ failures: 1 })
  })

  it('has no failure of an end that was asked for', async () => {
    const { store, end } = await aHouse({ issue: untilAborted })
    await end()
    expect(store.certificates.attempt('shop.test')).toBeUndefined()
  })

  it('gets another one where the authority is another one now', async () => {
    const { vault, keeper, clock, asked } = await aHouse()
    const { chain } = vault.find('shop.test')!
    vault.put('shop.test', { chain, key: made().key }, { authority: 'https://staging.example/dir', by: 'test' })
    keeper.wake()
    await clock.pass(0)
    expect(asked).toHaveLength(2)
  })

  it('is refused a certificate that is another host’s', async () => {
    const { control } = await aHouse({ issue: async () => made({ host: 'evil.test' }) })
    expect(control.list()).toMatchObject([{ state: 'missing', error: expect.stringContaining('not for shop.test') }])
  })

  it('is not asked for while the daemon is held', async () => {
    const { keeper, clock, asked, hold, vault } = await aHouse()
    hold(true)
    vault.remove('shop.test')
    keeper.wake()
    await clock.pass(60_000)
    expect(asked).toHaveLength(1)
    hold(false)
    await clock.pass(60_000)
    expect(asked).toHaveLength(2)
  })

  it('is not asked for before somebody agreed to the terms, and says so', async () => {
    const { asked, control } = await aHouse({ whyNot: 'nobody has agreed' })
    expect(asked).toEqual([])
    expect(control.list()).toMatchObject([{ state: 'missing', error: 'nobody has agreed' }])
  })
})

describe('many hosts', () => {
  it('are asked for four at a time, each once', async () => {
    const open: (() => void)[] = []
    let most = 0
    let now = 0
    const hosts = Array.from({ length: 10 }, (_, index) => aHost(`h${index}.test`))
    const { asked, control } = await aHouse({
      hosts,
      issue: async (host) => {
        now += 1
        most = Math.max(most, now)
        await new Promise<void>((resolve) => open.push(resolve))
        now -= 1
        return made({ host })
      },
    })
    expect(control.list().filter(({ state }) => state === 'ordering')).toHaveLength(4)
    for (let round = 0; round < 10 && control.list().some(({ state }) => state !== 'valid'); round += 1) {
      for (const finish of open.splice(0)) finish()
      await settled()
    }
    expect(control.list().map(({ state }) => state)).toEqual(hosts.map(() => 'valid'))
    expect(most).toBe(4)
    expect([...asked].sort()).toEqual(hosts.map(({ host }) => host).sort())
  })
})

describe('an own certificate', () => {
  it('is served at once, kept sealed, and asked of nobody', async () => {
    const { control, asked, served, store } = await aHouse({ hosts: [aHost('shop.test', 'own')] })
    expect(control.list()).toMatchObject([{ state: 'missing', error: expect.stringContaining('certificate import') }])
    const own = made()
    await control.import('shop.test', own, 'ann')
    expect(control.list()).toMatchObject([{ state: 'valid', source: 'own' }])
    expect([asked.length, served.times]).toEqual([0, 1])
    const { sealed, installedBy } = store.certificates.find('shop.test')!
    expect(installedBy).toBe('ann')
    expect(sealed.includes(own.key.split('\n')[1]!)).toBe(false)
  })

  it('is not taken where it does not fit, and what is there stays', async () => {
    const { control, vault } = await aHouse({ hosts: [aHost('shop.test', 'own')] })
    await control.import('shop.test', made(), 'ann')
    const before = vault.pemOf('shop.test')
    const problem = await rejectionOf(control.import('shop.test', made({ host: 'blog.test' }), 'ann'))
    expect(problem.code).toBe('certificate-invalid')
    expect(vault.pemOf('shop.test')).toBe(before)
  })

  it('goes when it is removed, and there is none to be removed twice', async () => {
    const { control, vault } = await aHouse({ hosts: [] })
    await control.import('shop.test', made(), 'ann')
    expect(control.list()).toMatchObject([{ state: 'unused', usedBy: [] }])
    await control.remove('shop.test')
    expect(vault.all()).toEqual([])
    expect((await rejectionOf(control.remove('shop.test'))).code).toBe('certificate-not-found')
  })

  it('that was sealed with another key is missing, and no reason to end', async () => {
    const { store, control } = await aHouse({ hosts: [aHost('shop.test', 'own')] })
    await control.import('shop.test', made(), 'ann')
    const row = store.certificates.find('shop.test')!
    store.certificates.put({ ...row, version: row.version + 1 })
    expect(control.list()).toMatchObject([{ state: 'missing' }])
  })
})
