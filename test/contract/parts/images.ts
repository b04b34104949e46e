import { createHash } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { BuildQuery } from '../../../daemon/engine/types.ts'
import { startRegistry } from '../../lab/registry.mjs'
import { all, linesOf } from '../support/output.ts'
import { problemOf } from '../support/problem-of.ts'
import { type Scene, shell, uniqueName } from '../support/scene.ts'
import { type Files, tarOf, tarStreamOf } from '../support/tar.ts'

export function imagesContract(scene: Scene): void {
  const { containers, images, version } = scene.engine
  /** The classic builder's output. */
  const build = async (query: BuildQuery, files: Files) => {
    const messages = await all(images.build({ version: '1', networkMode: 'none', ...query }, await tarStreamOf(files)))
    return messages.map(({ stream }) => stream ?? '').join('')
  }

  describe('images', () => {
    scene.test('are inspected by name and by id', async () => {
      const byName = await images.inspect('ek-lab/sleep:1')
      expect(byName).toMatchObject({ Os: 'linux', Config: { Entrypoint: ['/lab/sleep.sh'] } })
      expect(byName?.RepoTags).toContain('ek-lab/sleep:1')
      expect(await images.inspect(byName!.Id)).toMatchObject({ Id: byName!.Id })
    })

    scene.test('that are not there are undefined', async () => {
      expect(await images.inspect(`${uniqueName()}:1`)).toBeUndefined()
      expect(await images.inspect(`registry.invalid:5000/${uniqueName()}/app:1`)).toBeUndefined()
      expect(await images.inspect(`sha256:${'0'.repeat(64)}`)).toBeUndefined()
    })

    scene.test('are listed by reference', async () => {
      const list = await images.list({ filters: { reference: ['ek-lab/sleep:1'] } })
      expect(list).toMatchObject([{ Id: (await images.inspect('ek-lab/sleep:1'))?.Id }])
    })

    scene.testWith('builds', 'take a second name, and lose it alone', async () => {
      const { repo, tag, reference } = scene.imageName()
      await images.tag('ek-lab/sleep:1', { repo, tag })
      const tagged = await images.inspect(reference)
      expect(tagged?.RepoTags).toEqual(expect.arrayContaining([reference, 'ek-lab/sleep:1']))
      await images.remove(reference, {})
      expect(await images.inspect(reference)).toBeUndefined()
      expect(await images.inspect('ek-lab/sleep:1')).toMatchObject({ Id: tagged?.Id })
    })

    scene.test('that are not there cannot be tagged or removed', async () => {
      const missing = { code: 'engine-error', engine: { status: 404 } }
      const name = `${uniqueName()}:1`
      expect(await problemOf(images.tag(name, { repo: uniqueName(), tag: '1' }))).toMatchObject(missing)
      expect(await problemOf(images.remove(name, {}))).toMatchObject(missing)
    })

    scene.testWith('registries', 'that no registry has are a Problem when they are pulled', async () => {
      const problem = await problemOf(all(images.pull({ reference: `127.0.0.1:1/${uniqueName()}:1` })))
      expect(['engine-error', 'image-missing', 'registry-denied']).toContain(problem.code)
      expect(problem.engine?.call).toBe('POST /images/create')
    })

    scene.testWith('registries', 'that no registry takes are a Problem when they are pushed', async () => {
      const repo = `127.0.0.1:1/${uniqueName()}`
      await images.tag('ek-lab/sleep:1', { repo, tag: '1' })
      scene.afterwards(() => images.remove(`${repo}:1`, {}))
      const problem = await problemOf(all(images.push({ reference: `${repo}:1` })))
      expect(['engine-error', 'registry-denied']).toContain(problem.code)
    })
  })

  describe('a registry', () => {
    const login = { username: 'ann', password: 's3cret' }
    /** The lab's sleeper under a name in a registry of this test's own. */
    const named = async (options: { login?: string } = {}) => {
      const registry = await startRegistry(scene.engine.address, options)
      scene.afterwards(registry.remove)
      const repo = `${registry.host}/${uniqueName()}`
      const reference = `${repo}:1`
      await images.tag('ek-lab/sleep:1', { repo, tag: '1' })
      scene.afterwards(() => images.remove(reference, {}))
      return { reference, auth: { ...login, serveraddress: registry.host } }
    }

    scene.testWith('registries', 'takes an image that is pushed, and gives it back', async () => {
      const { reference } = await named()
      await all(images.push({ reference }))
      await images.remove(reference, {})
      expect(await images.inspect(reference)).toBeUndefined()
      await all(images.pull({ reference }))
      expect((await images.inspect(reference))?.Id).toBe((await images.inspect('ek-lab/sleep:1'))?.Id)
    })

    scene.testWith('registries', 'that asks for a password is given it, both ways', async () => {
      const { reference, auth } = await named({ login: `${login.username}:${login.password}` })
      await all(images.push({ reference, auth }))
      await all(images.pull({ reference, auth }))
    })

    scene.testWith('registries', 'that asks for a password refuses who has none, both ways', async () => {
      const { reference, auth } = await named({ login: `${login.username}:${login.password}` })
      await all(images.push({ reference, auth }))
      for (const refused of [images.push({ reference }), images.pull({ reference })]) {
        const problem = await problemOf(all(refused))
        expect(problem.code).toBe('registry-denied')
        expect(problem.message).toContain(reference)
      }
    })

    scene.testWith('registries', 'that has no such image says so', async () => {
      const { reference } = await named()
      const problem = await problemOf(all(images.pull({ reference })))
      expect(problem.code).toBe('image-missing')
      expect(problem.message).toContain(`the registry has no ${reference}`)
    })

    scene.testWith('registries', 'is not asked to take an image that is not here', async () => {
      const { reference } = await named()
      const other = reference.replace(/:1$/, '-absent:1')
      const problem = await problemOf(all(images.push({ reference: other })))
      expect(problem).toMatchObject({ code: 'image-missing', message: `there is no image ${other} here to push` })
    })
  })

  describe('a classic build', () => {
    scene.testWith('builds', 'shows its output and names the image', async () => {
      const { reference } = scene.imageName()
      const dockerfile = 'FROM ek-lab/sleep:1\nARG COLOR\nRUN echo "the color is $COLOR"\n'
      const output = await build(
        { tags: [reference], buildArgs: { COLOR: 'green' }, labels: { 'ektest.color': 'green' } },
        { Dockerfile: dockerfile },
      )
      expect(linesOf(output)).toContain('the color is green')
      expect((await images.inspect(reference))?.Config?.Labels).toMatchObject({ 'ektest.color': 'green' })
    })

    scene.testWith('builds', 'gives the image all of its names', async () => {
      const [first, second] = [scene.imageName().reference, scene.imageName().reference]
      await build({ tags: [first, second] }, { Dockerfile: 'FROM ek-lab/sleep:1\nLABEL ektest=names\n' })
      const image = await images.inspect(first)
      expect(image).toBeDefined()
      expect((await images.inspect(second))?.Id).toBe(image?.Id)
    })

    scene.testWith('builds', 'takes another file, a target and files of its context', async () => {
      const { reference } = scene.imageName()
      const files = {
        'app/Dockerfile.lab': 'FROM ek-lab/sleep:1 AS wanted\nCOPY note.txt /note.txt\nFROM wanted\nRUN exit 9\n',
        'note.txt': 'a note',
      }
      await build({ tags: [reference], dockerfile: 'app/Dockerfile.lab', target: 'wanted' }, files)
      expect(await images.inspect(reference)).toBeDefined()
    })

    scene.testWith('builds', 'knows each of its extra hosts', async () => {
      const { reference } = scene.imageName()
      const extraHosts = ['one.ektest:192.0.2.1', 'two.ektest:192.0.2.2']
      const output = await build(
        { tags: [reference], noCache: true, extraHosts },
        { Dockerfile: 'FROM ek-lab/sleep:1\nRUN cat /etc/hosts\n' },
      )
      expect(linesOf(output)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^192\.0\.2\.1\s+one\.ektest$/),
          expect.stringMatching(/^192\.0\.2\.2\s+two\.ektest$/),
        ]),
      )
    })

    scene.testWith('builds', 'gives its steps no more memory than it is told', async () => {
      const { reference } = scene.imageName()
      const limit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
      const output = await build(
        { tags: [reference], noCache: true, memoryBytes: 64 * 1024 ** 2 },
        { Dockerfile: `FROM ek-lab/sleep:1\nRUN ${limit}\n` },
      )
      expect(linesOf(output)).toContain(String(64 * 1024 ** 2))
    })

    scene.testWith('builds', 'that fails in a step is a build-failed', async () => {
      const failing = build({ noCache: true }, { Dockerfile: 'FROM ek-lab/sleep:1\nRUN exit 3\n' })
      const problem = await problemOf(failing)
      expect(problem).toMatchObject({ code: 'build-failed', engine: { call: 'POST /build' } })
      expect(problem.message).toMatch(/non-zero code: 3/)
    })

    scene.testWith('builds', 'of a file that is not understood is a build-failed', async () => {
      const problem = await problemOf(build({}, { Dockerfile: 'FROM ek-lab/sleep:1\nNONSENSE\n' }))
      expect(problem.code).toBe('build-failed')
      expect(problem.message).toMatch(/unknown instruction/i)
    })
  })

  describe('images are made', () => {
    scene.testWith('builds', 'of a container that is committed', async () => {
      const { repo, tag, reference } = scene.imageName()
      const container = await scene.container({ Labels: { 'ektest.color': 'green' } })
      const { Id } = await containers.commit({ container, repo, tag })
      expect(await images.inspect(reference)).toMatchObject({ Id, Config: { Labels: { 'ektest.color': 'green' } } })
    })

    scene.testWith('builds', 'of a container that runs, with author, note and changes of its settings', async () => {
      const { repo, tag, reference } = scene.imageName()
      const container = await scene.running()
      const changes = ['ENV COLOR=green', 'CMD ["/bin/app"]']
      await containers.commit({ container, repo, tag, author: 'Me', comment: 'a note', changes, pause: false })
      const image = await images.inspect(reference)
      expect(image).toMatchObject({ Author: 'Me', Comment: 'a note', Config: { Cmd: ['/bin/app'] } })
      expect(image?.Config?.Env).toContain('COLOR=green')
      expect((await containers.inspect(container)).State).toMatchObject({ Running: true, Paused: false })
    })

    scene.testWith('builds', 'without a name of a container that is committed without one', async () => {
      const container = await scene.running()
      const { Id } = await containers.commit({ container })
      scene.afterwards(() => images.remove(Id, {}))
      expect((await images.inspect(Id))?.RepoTags ?? []).toEqual([])
    })

    scene.testWith('builds', 'of a tar of a root file system', async () => {
      const { repo, tag, reference } = scene.imageName()
      const changes = ['LABEL ektest.color=green', 'CMD ["/bin/app"]']
      const id = await images.importRootfs({ repo, tag, changes }, await tarStreamOf({ 'bin/app': '#!/bin/sh\n' }))
      expect(await images.inspect(reference)).toMatchObject({
        Id: id,
        Config: { Labels: { 'ektest.color': 'green' }, Cmd: ['/bin/app'] },
      })
    })

    scene.testWith('builds', 'of a tar as docker load takes it', async () => {
      const { reference } = scene.imageName()
      const layer = await tarOf({ 'note.txt': uniqueName() })
      const config = {
        architecture: (await version()).arch,
        os: 'linux',
        config: { Labels: { 'ektest.color': 'green' } },
        rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
      }
      const tar = await tarStreamOf({
        'manifest.json': JSON.stringify([{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }]),
        'config.json': JSON.stringify(config),
        'layer.tar': layer,
      })
      const messages = await all(images.load(tar))
      expect(messages.some(({ stream }) => stream?.includes(reference))).toBe(true)
      expect(await images.inspect(reference)).toMatchObject({ Config: { Labels: { 'ektest.color': 'green' } } })
    })

    scene.testWith('builds', 'never of a tar that is none', async () => {
      await problemOf(all(images.load(await tarStreamOf({ 'manifest.json': 'no manifest' }))))
    })
  })

  describe('an image that was built', () => {
    scene.testWith('builds', 'runs', async () => {
      const { reference } = scene.imageName()
      await build({ tags: [reference] }, { Dockerfile: 'FROM ek-lab/sleep:1\nCOPY mark /mark\n', mark: 'here' })
      const id = await scene.running({ ...shell('test "$(cat /mark)" = here'), Image: reference })
      expect(await containers.wait(id, 'not-running')).toMatchObject({ StatusCode: 0 })
    })
  })
}
