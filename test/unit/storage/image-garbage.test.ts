import { describe, expect, test } from 'vitest'
import { ImageGarbage } from '../../../daemon/storage/image-garbage.ts'
import { aModel, aRevision, aRunningStack, type Bench, deploy, up } from '../support/core.ts'
import { refused } from '../support/fake-engine.ts'

/** A stack that has come to its fourth revision, each of another image. */
async function fourRevisions(): Promise<Bench> {
  const bench = await aRunningStack({ web: { image: 'shop:1' } })
  for (const number of [2, 3, 4]) {
    const image = `shop:${number}`
    bench.engine.addImage(image)
    bench.core.store.revisions.add(aRevision(number, aModel({ web: { image } })))
    await deploy(bench, up(number))
  }
  bench.engine.calls.length = 0
  for (const [reference, image] of bench.engine.images) Object.assign(image, { RepoTags: [reference] })
  return bench
}
const idsOf = async ({ core }: Bench, keep: number) =>
  (await new ImageGarbage(core).find(keep)).map(({ id }) => id).sort()

describe('images are garbage', () => {
  test('that none of the last revisions needs', async () => {
    const bench = await fourRevisions()
    expect(await idsOf(bench, 2)).toEqual(['sha256:shop:1', 'sha256:shop:2'])
    expect(await idsOf(bench, 4)).toEqual([])
    expect(await new ImageGarbage(bench.core).find(3)).toEqual([
      {
        id: 'sha256:shop:1',
        names: ['shop:1'],
        sizeBytes: expect.any(Number),
        revisions: [{ stack: 'shop', revision: 1 }],
      },
    ])
  })

  test('and that no container has, whoever made it', async () => {
    const bench = await fourRevisions()
    const { containers } = bench.core.engine
    const { list } = containers
    Object.assign(containers, {
      list: async (...query: Parameters<typeof list>) => [...(await list(...query)), { ImageID: 'sha256:shop:1' }],
    })
    expect(await idsOf(bench, 1)).toEqual(['sha256:shop:2', 'sha256:shop:3'])
  })

  test('and that no service is at still', async () => {
    const bench = await fourRevisions()
    const { stacks } = bench.core.store
    const [web] = stacks.services('shop')
    stacks.saveService('shop', { ...web!, revision: 1 })
    expect(await idsOf(bench, 1)).toEqual(['sha256:shop:2', 'sha256:shop:3'])
  })

  test('and to which nobody gave a name of their own', async () => {
    const bench = await fourRevisions()
    Object.assign(bench.engine.images.get('shop:1')!, { RepoTags: ['shop:1', 'golden:1'] })
    Object.assign(bench.engine.images.get('shop:2')!, { RepoTags: ['docker.io/library/shop:2'] })
    expect(await idsOf(bench, 1)).toEqual(['sha256:shop:2', 'sha256:shop:3'])
  })
})

describe('collecting', () => {
  test('removes what was named and is garbage, and nothing else', async () => {
    const bench = await fourRevisions()
    const garbage = new ImageGarbage(bench.core)
    expect(await garbage.collect(['sha256:shop:1', 'sha256:shop:4', 'sha256:of-others'], 1)).toEqual({
      removed: ['sha256:shop:1'],
      left: [
        { id: 'sha256:shop:4', why: 'it is in use, or needed, or gone' },
        { id: 'sha256:of-others', why: 'it is in use, or needed, or gone' },
      ],
    })
    expect(bench.engine.calls).toEqual(['remove image shop:1'])
  })

  test('says in the words of the Engine what it did not let go', async () => {
    const bench = await fourRevisions()
    bench.engine.failures.set('remove image shop:1', refused('remove', 409, 'image has dependent child images'))
    expect(await new ImageGarbage(bench.core).collect(['sha256:shop:1'], 1)).toEqual({
      removed: [],
      left: [{ id: 'sha256:shop:1', why: 'image has dependent child images' }],
    })
  })
})
