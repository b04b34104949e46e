import { describe, expect, it } from 'vitest'
import type { DesiredService, DesiredStack } from '../../../daemon/stack/desired.ts'
import {
  assignReleases,
  networksFor,
  networksOfOneOff,
  releaseNetwork,
  withEveryRelease,
} from '../../../daemon/stack/release.ts'
import { aContainer, aNetwork, aService, aStack, NETWORK, NOTHING } from '../support/stack-builders.ts'

/** A service of a stack that is released as a whole, as it is read from the store. */
const released = (name: string, release?: number, parts: Partial<DesiredService> = {}): DesiredService =>
  aService(name, {
    release,
    releasing: 'atomic',
    networks: [releaseNetwork(NETWORK, release)],
    releaseNetworks: [NETWORK],
    ...parts,
  })

const aReleasedStack = (...services: DesiredService[]): DesiredStack => {
  const releases = [undefined, ...new Set(services.flatMap(({ release }) => release ?? []))]
  return aStack(services, {
    networks: releases.map((release) => ({
      key: 'default',
      name: releaseNetwork(NETWORK, release),
      external: false,
      specHash: 'as in the file',
      release,
    })),
  })
}
const [R1, R2, R10] = [1, 2, 10].map((release) => releaseNetwork(NETWORK, release)) as [string, string, string]

describe('networks of releases', () => {
  it('are told from each other, and come in the order of their releases', () => {
    expect([R10, R2, NETWORK, R1].sort()).toEqual([NETWORK, R1, R2, R10])
  })

  it('are joined by what later releases leave as it is, after its own', () => {
    const desired = aReleasedStack(released('db'), released('api', 1), released('web', 2))
    const { services } = withEveryRelease(desired, NOTHING)
    expect(services.db!.networks).toEqual([NETWORK, R1, R2])
    expect(services.api!.networks).toEqual([R1, R2])
    expect(services.web!.networks).toEqual([R2])
    expect(networksFor(NETWORK, services.api!)).toEqual([R1, R2])
    expect(networksOfOneOff(NETWORK, 'api', desired)).toEqual([R1, R2])
  })

  it('of a release that is on its way out have the services whose names know no version, and no others', () => {
    const desired = aReleasedStack(
      released('db', undefined, { releasing: 'shared' }),
      released('cache'),
      released('web', 2),
    )
    const old = aContainer(released('web', 1), { release: 1 })
    const observed = { ...NOTHING, containers: [old], networks: [aNetwork(R1, { release: 1 })] }
    const { services } = withEveryRelease(desired, observed)
    expect(services.db!.networks).toEqual([NETWORK, R1, R2])
    expect(services.cache!.networks).toEqual([NETWORK, R2])
  })

  it('are nothing to a stack that is not released as a whole', () => {
    const desired = aStack([aService('web')])
    expect(withEveryRelease(desired, NOTHING)).toBe(desired)
  })
})

describe('the release of a service', () => {
  const changed = (service: DesiredService): DesiredService => ({ ...service, specHash: 'another' })
  const before = aReleasedStack(released('web', 3), released('api', 2), released('db'))

  it('is the next one where it changes or is new, and stays where it does not', () => {
    const after = aReleasedStack(changed(released('web')), released('api'), released('db'), released('queue'))
    expect(assignReleases(after, [before], 4)).toEqual({ web: 4, api: 2, db: undefined, queue: 4 })
  })

  it('is none in the first state of a stack', () => {
    expect(assignReleases(aReleasedStack(released('web')), [], 1)).toEqual({ web: undefined })
  })

  it('is the next one where its containers are to be made anew, or a network that they are on', () => {
    const forced = aReleasedStack(released('web', undefined, { recreate: 1 }), released('api'), released('db'))
    expect(assignReleases(forced, [before], 4)).toMatchObject({ web: 4, api: 2 })
    const rewired = { ...aReleasedStack(released('web'), released('api'), released('db')) }
    const networks = rewired.networks.map((network) => ({ ...network, specHash: 'another' }))
    expect(assignReleases({ ...rewired, networks }, [before], 4)).toEqual({ web: 4, api: 4, db: 4 })
  })

  it('is that of the state which it goes back to', () => {
    const failed = aReleasedStack(changed(released('web', 4)), released('api', 2), released('db'))
    const after = aReleasedStack(released('web'), released('api'), released('db'))
    expect(assignReleases(after, [failed, before], 5)).toEqual({ web: 3, api: 2, db: undefined })
  })

  it('stays where containers of an older file are kept', () => {
    const after = aReleasedStack(
      changed(released('web', undefined, { outdated: 'keep' })),
      released('api'),
      released('db'),
    )
    expect(assignReleases(after, [before], 4)).toMatchObject({ web: 3 })
  })

  it('is none of a service that is left out, and of what changes once the stack is not released as a whole', () => {
    const shared = aReleasedStack(released('web', undefined, { releasing: 'shared' }))
    expect(assignReleases(shared, [before], 4)).toEqual({ web: undefined })
    const rolling = aReleasedStack(
      changed(released('web', undefined, { releasing: undefined })),
      released('api', undefined, { releasing: undefined }),
    )
    expect(assignReleases(rolling, [before], 4)).toEqual({ web: undefined, api: 2 })
  })
})
