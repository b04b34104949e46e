import { describe, expect, test } from 'vitest'
import {
  type ImageStageInput,
  imageActions,
  imageWork,
  resolvePins,
  servicesToResolve,
} from '../../../daemon/reconcile/image-stage.ts'
import { ImageTable } from '../../../daemon/reconcile/images.ts'
import type { DesiredService } from '../../../daemon/stack/desired.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aModel, aRevision } from '../support/core.ts'
import { FakeEngine } from '../support/fake-engine.ts'
import { rejectionOf } from '../support/problems.ts'
import { aService, aStack } from '../support/stack-builders.ts'

const NONE = new AbortController().signal
const OPTIONS = { pull: undefined, build: 'missing' } as const

function inputOf(
  services: readonly DesiredService[],
  parts: Partial<ImageStageInput> = {},
  specs: Readonly<Record<string, Partial<Service>>> = {},
  engine = new FakeEngine(),
): ImageStageInput {
  const named = Object.fromEntries(services.map((service) => [service.service, specs[service.service] ?? {}]))
  return {
    desired: aStack(services),
    scope: 'all',
    options: OPTIONS,
    table: new ImageTable(engine.asEngine()),
    revisionOf: () => aRevision(1, aModel(named)),
    now: new Date('2026-01-02T00:00:00Z'),
    ...parts,
  }
}

const pinned = aService('pinned')
const unpinned = aService('unpinned', { image: { reference: 'unpinned:1', id: undefined } })
const namesOf = (services: readonly DesiredService[]) => services.map((service) => service.service)

describe('services whose images are looked at', () => {
  test('are all in scope for a request that has image options: tags may have moved', () => {
    expect(namesOf(servicesToResolve(inputOf([pinned, unpinned])))).toEqual(['pinned', 'unpinned'])
  })

  test('are none beyond its scope, but those whose image was never known', () => {
    const input = inputOf([pinned, aService('other'), unpinned], { scope: new Set(['pinned']) })
    expect(namesOf(servicesToResolve(input))).toEqual(['pinned', 'unpinned'])
  })

  test('are only those whose image was never known for other requests', () => {
    expect(namesOf(servicesToResolve(inputOf([pinned, unpinned], { options: undefined })))).toEqual(['unpinned'])
  })

  test('are none that is to have no containers', async () => {
    const services = [aService('a', { run: 'removed' }), aService('b', { replicas: 0 })]
    expect(await imageWork(inputOf(services), NONE)).toEqual([])
    expect(await resolvePins(inputOf(services), 'fail', NONE)).toEqual([])
  })
})

describe('the work that images need', () => {
  test('is none where all are here', async () => {
    const engine = new FakeEngine()
    engine.addImage('pinned:1')
    expect(await imageWork(inputOf([pinned], {}, {}, engine), NONE)).toEqual([])
  })

  test('is a pull for what is missing, for its platform', async () => {
    const work = await imageWork(inputOf([pinned], {}, { pinned: { platform: 'linux/arm64' } }), NONE)
    expect(work).toMatchObject([{ kind: 'pull', reference: 'pinned:1', platform: 'linux/arm64' }])
  })

  test('is refused where an image is missing that may not be pulled', async () => {
    const input = inputOf([pinned], {}, { pinned: { pull_policy: 'never' } })
    expect((await rejectionOf(imageWork(input, NONE))).code).toBe('image-missing')
  })

  test('is one pull for an image that several services have', async () => {
    const same = { image: { reference: 'same:1', id: undefined } }
    const work = await imageWork(inputOf([aService('a', same), aService('b', same)]), NONE)
    expect(imageActions(work).map((action) => action.id)).toEqual(['pull-image same:1'])
  })

  test('is a build for what is built', async () => {
    const spec = { build: { context: '.' } }
    const built = Object.fromEntries(
      Object.entries(aModel({ pinned: spec }).services).map(([name, { image: _, ...rest }]) => [name, rest]),
    )
    const input = inputOf([pinned], { revisionOf: () => aRevision(1, { ...aModel({}), services: built }) })
    expect(imageActions(await imageWork(input, NONE)).map((action) => action.body)).toEqual([
      { kind: 'build-image', service: 'pinned', reference: 'pinned:1' },
    ])
  })
})

describe('the images that a revision is pinned to', () => {
  test('are what the names mean now', async () => {
    const engine = new FakeEngine()
    engine.addImage('pinned:1', 'sha256:now')
    expect(await resolvePins(inputOf([pinned], {}, {}, engine), 'fail', NONE)).toEqual([
      { service: 'pinned', reference: 'pinned:1', imageId: 'sha256:now' },
    ])
  })

  test('are refused where one is not there, and left out in a preview', async () => {
    expect((await rejectionOf(resolvePins(inputOf([pinned]), 'fail', NONE))).code).toBe('image-missing')
    expect(await resolvePins(inputOf([pinned]), 'skip', NONE)).toEqual([])
  })
})

test('an image is looked up once for a run, and again after it was pulled', async () => {
  const engine = new FakeEngine()
  const table = new ImageTable(engine.asEngine())
  expect(await table.inspect('web:1', NONE)).toBeUndefined()
  engine.addImage('web:1')
  expect(await table.inspect('web:1', NONE)).toBeUndefined()
  table.forget('web:1')
  expect(await table.inspect('web:1', NONE)).toMatchObject({ Id: 'sha256:web:1' })
})
