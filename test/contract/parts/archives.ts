import { Readable } from 'node:stream'
import { describe, expect } from 'vitest'
import { problemOf } from '../support/problem-of.ts'
import type { Scene } from '../support/scene.ts'
import { filesIn, tarOf } from '../support/tar.ts'

export function archivesContract(scene: Scene): void {
  const { containers } = scene.engine

  describe('archives', () => {
    scene.testWith('files', 'put files into a container and get them back', async () => {
      const id = await scene.container()
      await containers.putArchive(id, { path: '/tmp' }, await tarOf({ 'notes/a.txt': 'first', 'b.txt': 'second' }))
      const file = await containers.getArchive(id, '/tmp/b.txt')
      expect(file.stat).toMatchObject({ name: 'b.txt', size: 6 })
      expect(await filesIn(file.tar)).toEqual({ 'b.txt': 'second' })
      const folder = await containers.getArchive(id, '/tmp/notes')
      expect(await filesIn(folder.tar)).toEqual({ 'notes/a.txt': 'first' })
    })

    scene.testWith('files', 'tell what a path is', async () => {
      const id = await scene.container()
      await containers.putArchive(id, { path: '/tmp' }, await tarOf({ 'notes/a.txt': 'first' }))
      expect(await containers.statPath(id, '/tmp/notes/a.txt')).toMatchObject({
        name: 'a.txt',
        size: 5,
        linkTarget: '',
      })
      // The bit of a folder in Go's modes, which JavaScript's own operators would take for a sign.
      expect((await containers.statPath(id, '/tmp/notes')).mode).toBeGreaterThanOrEqual(2 ** 31)
      expect(await problemOf(containers.statPath(id, '/tmp/none'))).toMatchObject({ engine: { status: 404 } })
    })

    scene.testWith('files', 'take a stream of any size', async () => {
      const id = await scene.container()
      const content = Buffer.alloc(8 * 1024 * 1024, 'x')
      await containers.putArchive(id, { path: '/tmp' }, Readable.from([await tarOf({ 'large.txt': content })]))
      const { stat, tar } = await containers.getArchive(id, '/tmp/large.txt')
      expect(stat).toMatchObject({ size: content.length })
      expect((await filesIn(tar))['large.txt']).toHaveLength(content.length)
    })

    scene.testWith('files', 'are passed on in both directions, whatever the pieces', async () => {
      const id = await scene.container()
      const content = Buffer.alloc(3 * 1024 * 1024 + 7)
      for (let at = 0; at < content.length; at += 1) content[at] = (at * 31) & 0xff
      const tar = await tarOf({ 'passed.bin': content })
      const writer = await containers.writeArchive(id, { path: '/tmp' })
      for (let at = 0; at < tar.length; at += 100_001)
        await new Promise<void>((gone) => writer.write(tar.subarray(at, at + 100_001), gone))
      writer.end()
      await writer.done
      const chunks: Buffer[] = []
      const passed = await containers.readArchive(id, '/tmp/passed.bin')
      expect(passed.stat).toMatchObject({ name: 'passed.bin', size: content.length })
      for await (const chunk of passed.chunks) chunks.push(Buffer.from(chunk))
      const back = (await filesIn(Readable.from([Buffer.concat(chunks)]), 'binary'))['passed.bin']
      expect(back).toBe(content.toString('binary'))
    })

    scene.testWith('files', "that are passed on are refused in the Engine's words", async () => {
      const missing = { code: 'engine-error', engine: { status: 404 } }
      const id = await scene.container()
      expect(await problemOf(containers.readArchive(id, '/no/such/file'))).toMatchObject(missing)
      const writer = await containers.writeArchive(id, { path: '/no/such/folder' })
      // The Engine reads on a little before it says what is wrong.
      writer.end()
      expect(await problemOf(writer.done)).toMatchObject(missing)
    })

    scene.testWith('files', 'of a path that is not there are a 404', async () => {
      const missing = { code: 'engine-error', engine: { status: 404 } }
      const id = await scene.container()
      expect(await problemOf(containers.getArchive(id, '/no/such/file'))).toMatchObject(missing)
      const tar = await tarOf({ 'a.txt': 'first' })
      expect(await problemOf(containers.putArchive(id, { path: '/no/such/folder' }, tar))).toMatchObject(missing)
    })

    scene.testWith('files', 'export holds the whole file system', async () => {
      const id = await scene.container()
      await containers.putArchive(id, { path: '/tmp' }, await tarOf({ 'mark.txt': 'here' }))
      expect(await filesIn(await containers.export(id))).toMatchObject({ 'tmp/mark.txt': 'here' })
    })
  })
}
