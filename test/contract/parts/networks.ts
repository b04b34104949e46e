import { describe, expect } from 'vitest'
import { problemOf } from '../support/problem-of.ts'
import { type Scene, uniqueName } from '../support/scene.ts'

export function networksContract(scene: Scene): void {
  const { containers, networks } = scene.engine
  const networksOf = async (id: string) => (await containers.inspect(id)).NetworkSettings.Networks

  describe('networks', () => {
    scene.test('are created with driver and labels, and listed by label', async () => {
      const set = uniqueName()
      const { id, name } = await scene.network({ Driver: 'bridge', Internal: true, Labels: { 'ektest.set': set } })
      const found = { Id: id, Name: name, Driver: 'bridge', Internal: true, Labels: { 'ektest.set': set } }
      expect(await networks.inspect(name)).toMatchObject(found)
      expect(await networks.list({ filters: { label: [`ektest.set=${set}`] } })).toMatchObject([found])
    })

    scene.test('of a name that is taken are a conflict', async () => {
      const { name } = await scene.network()
      // Before API 1.44 the Engine looks for the name only when told to.
      const problem = await problemOf(networks.create({ Name: name, CheckDuplicate: true }))
      expect(problem).toMatchObject({ code: 'engine-error', engine: { call: 'POST /networks/create', status: 409 } })
      expect(problem.message).toMatch(/already exists/)
    })

    scene.test('give a container its aliases when it is created', async () => {
      const { id, name } = await scene.network()
      const container = await scene.running({
        HostConfig: { NetworkMode: name },
        NetworkingConfig: { EndpointsConfig: { [name]: { Aliases: ['web', 'front'] } } },
      })
      const endpoint = (await networksOf(container))[name]
      expect(endpoint).toMatchObject({ NetworkID: id })
      expect(endpoint?.Aliases).toEqual(expect.arrayContaining(['web', 'front']))
      expect(endpoint?.IPAddress).not.toBe('')
      expect(Object.keys((await networks.inspect(id)).Containers ?? {})).toEqual([container])
      const [summary] = await containers.list({ filters: { id: [container] } })
      expect(summary?.NetworkSettings?.Networks?.[name]).toMatchObject({ NetworkID: id })
    })

    scene.test('are joined and left while the container runs', async () => {
      const [first, second] = [await scene.network(), await scene.network()]
      const container = await scene.running({ HostConfig: { NetworkMode: first.name } })
      await networks.connect(second.id, container, { Aliases: ['late'] })
      const joined = await networksOf(container)
      expect(Object.keys(joined).sort()).toEqual([first.name, second.name].sort())
      expect(joined[second.name]?.Aliases).toContain('late')
      await networks.disconnect(second.id, container, {})
      expect(Object.keys(await networksOf(container))).toEqual([first.name])
    })

    scene.testWith('programs', 'make aliases known to their containers', async () => {
      const { name } = await scene.network()
      await scene.running({
        HostConfig: { NetworkMode: name },
        NetworkingConfig: { EndpointsConfig: { [name]: { Aliases: ['web'] } } },
      })
      const asks = await scene.running({
        Entrypoint: ['nslookup', 'web.', '127.0.0.11'],
        HostConfig: { NetworkMode: name },
      })
      expect(await containers.wait(asks, 'not-running')).toMatchObject({ StatusCode: 0 })
    })

    scene.test('that are in use cannot be removed', async () => {
      const { id, name } = await scene.network()
      const container = await scene.running({ HostConfig: { NetworkMode: name } })
      expect(await problemOf(networks.remove(id))).toMatchObject({ engine: { status: 403 } })
      await networks.disconnect(id, container, { force: true })
      await networks.remove(id)
      expect(await problemOf(networks.inspect(id))).toMatchObject({ engine: { status: 404 } })
    })

    scene.test('that are not there are a 404', async () => {
      const missing = { code: 'engine-error', engine: { status: 404 } }
      const name = uniqueName()
      expect(await problemOf(networks.inspect(name))).toMatchObject(missing)
      expect(await problemOf(networks.remove(name))).toMatchObject(missing)
      expect(await problemOf(networks.connect(name, scene.sleeper, {}))).toMatchObject(missing)
      expect(await problemOf(networks.disconnect(name, scene.sleeper, {}))).toMatchObject(missing)
    })
  })
}
