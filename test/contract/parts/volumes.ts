import { describe, expect } from 'vitest'
import { problemOf } from '../support/problem-of.ts'
import { type Scene, uniqueName } from '../support/scene.ts'
import { tarOf } from '../support/tar.ts'

export function volumesContract(scene: Scene): void {
  const { containers, volumes } = scene.engine

  describe('volumes', () => {
    scene.test('are created with labels, and listed by label', async () => {
      const set = uniqueName()
      const name = await scene.volume({ Labels: { 'ektest.set': set } })
      const found = { Name: name, Driver: 'local', Scope: 'local', Labels: { 'ektest.set': set } }
      expect(await volumes.inspect(name)).toMatchObject(found)
      expect(await volumes.list({ filters: { label: [`ektest.set=${set}`] } })).toMatchObject([found])
    })

    scene.test('are an empty list where none match', async () => {
      expect(await volumes.list({ filters: { label: [`ektest.set=${uniqueName()}`] } })).toEqual([])
    })

    scene.test('of a name that is there are left as they are', async () => {
      const name = await scene.volume({ Labels: { 'ektest.color': 'green' } })
      expect(await volumes.create({ Name: name })).toMatchObject({ Name: name, Labels: { 'ektest.color': 'green' } })
    })

    scene.test('that are in use cannot be removed', async () => {
      const name = await scene.volume()
      const HostConfig = { NetworkMode: 'none', Mounts: [{ Type: 'volume', Source: name, Target: '/data' }] }
      const container = await scene.container({ HostConfig })
      expect((await containers.inspect(container)).Mounts).toMatchObject([
        { Type: 'volume', Name: name, Destination: '/data' },
      ])
      expect(await problemOf(volumes.remove(name, {}))).toMatchObject({ engine: { status: 409 } })
      await containers.remove(container, { volumes: 'anonymous' })
      expect(await volumes.inspect(name)).toMatchObject({ Name: name })
      await volumes.remove(name, {})
      expect(await problemOf(volumes.inspect(name))).toMatchObject({ engine: { status: 404 } })
    })

    scene.testWith('files', 'have a size, which grows with what is put into them', async () => {
      const name = await scene.volume()
      expect((await volumes.sizes()).get(name)).toBe(0)
      const HostConfig = { NetworkMode: 'none', Mounts: [{ Type: 'volume', Source: name, Target: '/data' }] }
      const container = await scene.container({ HostConfig })
      await containers.putArchive(container, { path: '/data' }, await tarOf({ 'a.txt': Buffer.alloc(5000, 'x') }))
      expect((await volumes.sizes()).get(name)).toBeGreaterThanOrEqual(5000)
    })

    scene.test('that are not there are a 404, unless their removal is forced', async () => {
      const name = uniqueName()
      expect(await problemOf(volumes.remove(name, {}))).toMatchObject({ code: 'engine-error', engine: { status: 404 } })
      await volumes.remove(name, { force: true })
    })
  })
}
