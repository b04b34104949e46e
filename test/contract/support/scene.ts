import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'vitest'
import { demultiplex } from '../../../daemon/engine/demultiplex.ts'
import type { ContainerCreateBody, Engine, NetworkCreateBody, VolumeCreateBody } from '../../../daemon/engine/types.ts'
import { Problem } from '../../../protocol/problems.ts'
import { outputOf } from './output.ts'
import { until } from './until.ts'

/** What not every Engine of the tests can do: a simulated one runs no programs, for example. */
export type Ability =
  /** Run a shell: attach, exec, terminals, health checks, top, stats. */
  | 'programs'
  /** Keep what containers write: logs. */
  | 'logs'
  /** Keep past events. */
  | 'history'
  /** Keep files: archives, export. */
  | 'files'
  /** Make images: build, load, import, commit, tag. */
  | 'builds'
  /** Ask a registry. */
  | 'registries'
  /** Be slow to answer: a stop that waits for its grace to end. */
  | 'slowness'

export const SLEEPER: ContainerCreateBody = { Image: 'ek-lab/sleep:1', HostConfig: { NetworkMode: 'none' } }

export const job = (env: Readonly<Record<string, string>>): Partial<ContainerCreateBody> => ({
  Image: 'ek-lab/job:1',
  Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
})

export const chatty = (env: Readonly<Record<string, string>>): Partial<ContainerCreateBody> => ({
  ...job(env),
  Image: 'ek-lab/chatty:1',
})

export const shell = (script: string): Partial<ContainerCreateBody> => ({ Entrypoint: ['/bin/sh', '-c', script] })

export const uniqueName = (): string => `ektest-${randomBytes(5).toString('hex')}`

/** What the tests of the contract share, and what removes all that one of them makes, also when it fails. */
export class Scene {
  readonly engine: Engine
  /** A sleeper that runs through the whole suite: for tests that leave a container as it is. */
  sleeper = ''
  readonly #without: Partial<Record<Ability, string>>
  /** Tests run side by side: each finds its own context here. */
  readonly #current = new AsyncLocalStorage<TestContext>()

  constructor(engine: Engine, without: Partial<Record<Ability, string>>) {
    this.engine = engine
    this.#without = without
  }

  test(title: string, run: () => Promise<void>): void {
    test(title, (context) => this.#current.run(context, run))
  }

  /** A test that is skipped, with the reason, on an Engine without that ability. */
  testWith(ability: Ability, title: string, run: () => Promise<void>): void {
    const reason = this.#without[ability]
    this.test(title, async () => {
      if (reason !== undefined) this.#context().skip(reason)
      await run()
    })
  }

  /** Creates a container, a sleeper unless `body` says otherwise. */
  async container(body: Partial<ContainerCreateBody> = {}, name = uniqueName()): Promise<string> {
    const { containers } = this.engine
    this.afterwards(() => containers.remove(name, { force: true, volumes: 'anonymous' }))
    const { Id } = await containers.create({ name }, { ...SLEEPER, ...body })
    // It may have another name by then.
    this.afterwards(() => containers.remove(Id, { force: true, volumes: 'anonymous' }))
    return Id
  }

  async running(body: Partial<ContainerCreateBody> = {}): Promise<string> {
    const id = await this.container(body)
    await this.engine.containers.start(id)
    return id
  }

  /** A sleeper that heeds signals: one that has just been started does not yet, and a first process then ignores them. */
  async heeding(): Promise<string> {
    const id = await this.running()
    // It says that it is up once it does. Where nothing is kept of what it says, there is no program to wait for.
    if (this.#without.logs !== undefined) return id
    await until('it is up', async () => {
      const { stdout } = await outputOf(demultiplex(this.engine.containers.logs(id, {})))
      return stdout.includes('is up')
    })
    return id
  }

  async network(body: Partial<NetworkCreateBody> = {}): Promise<{ id: string; name: string }> {
    const name = uniqueName()
    this.afterwards(() => this.engine.networks.remove(name))
    const { Id } = await this.engine.networks.create({ Name: name, ...body })
    return { id: Id, name }
  }

  async volume(body: Partial<VolumeCreateBody> = {}): Promise<string> {
    const name = uniqueName()
    this.afterwards(() => this.engine.volumes.remove(name, { force: true }))
    await this.engine.volumes.create({ Name: name, ...body })
    return name
  }

  /** A name for an image, which is removed by it. */
  imageName(): { repo: string; tag: string; reference: string } {
    const repo = uniqueName()
    const reference = `${repo}:1`
    this.afterwards(() => this.engine.images.remove(reference, { force: true }))
    return { repo, tag: '1', reference }
  }

  /** At the end of the test, last first. What is gone by then, or going, needs no removal. */
  afterwards(remove: () => Promise<unknown>): void {
    this.#context().onTestFinished(async () => {
      try {
        await remove()
      } catch (error) {
        const status = error instanceof Problem ? error.engine?.status : undefined
        if (status !== 404 && !(status === 409 && /already in progress/.test(String(error)))) throw error
      }
    })
  }

  #context(): TestContext {
    const context = this.#current.getStore()
    if (context === undefined) throw new Error('a scene makes things only within its tests')
    return context
  }
}
