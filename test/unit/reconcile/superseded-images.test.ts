import { expect, test } from 'vitest'
import { removeSupersededImages } from '../../../daemon/reconcile/superseded-images.ts'
import { aModel, aRevision, aRunningStack } from '../support/core.ts'

test('images of earlier revisions are removed, but for those that a revision of another stack is pinned to', async () => {
  const { core, engine } = await aRunningStack()
  const { revisions } = core.store
  revisions.add(aRevision(2, aModel({ web: {} })))
  for (const id of ['sha256:lone', 'sha256:shared']) {
    engine.addImage(id, id)
    revisions.pin('shop', 2, { service: id.slice(7), reference: 'web:1', imageId: id })
  }
  revisions.add({ ...aRevision(1, aModel({ web: {} })), stack: 'blog' })
  revisions.pin('blog', 1, { service: 'web', reference: 'web:1', imageId: 'sha256:shared' })
  expect(await removeSupersededImages(core, 'shop')).toEqual(['sha256:lone'])
})
