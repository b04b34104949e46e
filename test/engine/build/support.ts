/** Builds on each Engine of EVENKEEL_TEST_ENGINES, from folders that a test writes. */
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { extract } from 'tar-stream'
import { contextsOf } from '../../../client/build-context.ts'
import { tarOf as packed } from '../../../client/build-tar.ts'
import { writeTar } from '../../../client/upload.ts'
import type { BuildOrder } from '../../../daemon/build/build-order.ts'
import { ImageBuilder } from '../../../daemon/build/builder.ts'
import { ContextStore } from '../../../daemon/build/context-store.ts'
import { engineAddress } from '../../../daemon/engine/address.ts'
import { connectEngine } from '../../../daemon/engine/connect.ts'
import type { Engine } from '../../../daemon/engine/types.ts'
import { additionalContextIds } from '../../../protocol/build.ts'
import type { Problem } from '../../../protocol/problems.ts'
import type { BuildCheck } from '../../../protocol/resources/job.ts'
import type { Build } from '../../../protocol/stackfile/model.ts'

export const ENGINES = (process.env.EVENKEEL_TEST_ENGINES ?? '').split(',').filter((address) => address !== '')

/** The lab is plain JavaScript without types. */
export const { ensureImages } = (await import(new URL('../../lab/images.mjs', import.meta.url).href)) as {
  ensureImages: (engine: string) => Promise<readonly string[]>
}

export const BASE = 'ek-lab/sleep:1'

export type Files = Readonly<Record<string, string | Buffer>>

type Given = Partial<
  Pick<BuildOrder, 'service' | 'imageName' | 'platform' | 'secrets' | 'agents' | 'imageOf' | 'registryAuth'>
>

export class Bench {
  readonly engine: Engine
  readonly folder = mkdtempSync(join(tmpdir(), 'ek-build-'))
  readonly contexts = new ContextStore(join(this.folder, 'state'))
  /** Lines that the last build reported. */
  lines: string[] = []
  readonly #sockets: Duplex[] = []
  /** Tags and ids: an image that lost its tag to a later build is still there. */
  readonly #images = new Set<string>()
  readonly #refused: readonly string[]

  /** `refused`: paths that this Engine is to refuse, as a proxy before it might. */
  constructor(address: string, refused: readonly ('/grpc' | '/session')[] = []) {
    const engine = connectEngine(engineAddress(address, {}))
    this.#refused = refused
    this.engine = {
      ...engine,
      upgrade: async (path, headers, options) => {
        if (this.#refused.includes(path)) {
          const { Problem } = await import('../../../protocol/problems.ts')
          throw new Problem('engine-error', 'forbidden', { engine: { call: `POST ${path}`, status: 403 } })
        }
        const socket = await engine.upgrade(path, headers, options)
        this.#sockets.push(socket)
        return socket
      },
    }
  }

  /** Writes files below a folder of the test; answers the folder. */
  write(name: string, files: Files): string {
    const folder = join(this.folder, name)
    mkdirSync(folder, { recursive: true })
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    return folder
  }

  async build(build: Build, more: Given = {}, signal: AbortSignal = AbortSignal.timeout(100_000)): Promise<void> {
    const order = await this.#order(build, more)
    const lines: string[] = []
    this.lines = lines
    await new ImageBuilder(this.engine, this.contexts).build(order, (line) => lines.push(line), signal)
    const built = await this.engine.images.inspect(order.imageName)
    if (built !== undefined) this.#images.add(built.Id)
  }

  /** What the frontend says of the Dockerfile. */
  async check(build: Build, more: Given = {}): Promise<BuildCheck> {
    const order = await this.#order(build, more)
    return new ImageBuilder(this.engine, this.contexts).check(order, () => {}, AbortSignal.timeout(100_000))
  }

  /** That of this machine's addresses at which the Engine's own network reaches a server. */
  async addressOf({
    addresses,
    port,
  }: {
    readonly addresses: readonly string[]
    readonly port: number
  }): Promise<string> {
    for (const address of addresses) {
      const { Id } = await this.engine.containers.create(
        { name: `ek-build-test-${Math.random().toString(36).slice(2)}` },
        {
          Image: BASE,
          Entrypoint: ['nc', '-w', '2', address, String(port)],
          HostConfig: { NetworkMode: 'host' },
        },
      )
      try {
        await this.engine.containers.start(Id)
        if ((await this.#exitCode(Id)) === 0) return address
      } finally {
        await this.engine.containers.remove(Id, { force: true, volumes: 'anonymous' })
      }
    }
    throw new Error(`the Engine reaches none of ${addresses.join(', ')}`)
  }

  async #exitCode(id: string): Promise<number> {
    for (;;) {
      const { State } = await this.engine.containers.inspect(id)
      if (State.Status === 'exited') return State.ExitCode
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #order(build: Build, more: Given): Promise<BuildOrder> {
    const service = more.service ?? 'web'
    const ids: Record<string, string> = {}
    for (const [key, selection] of contextsOf(service, build)) {
      const path = join(this.folder, `${Math.random()}.tar`)
      const { id } = await writeTar(packed(selection), path)
      await this.contexts.put(id, createReadStream(path))
      rmSync(path)
      ids[key] = id
    }
    const imageName = more.imageName ?? 'ek-build-test:latest'
    for (const tag of [imageName, ...(build.tags ?? [])]) this.#images.add(tag)
    return {
      stack: 'ek-build-test',
      service,
      build,
      imageName,
      platform: undefined,
      contextId: ids[service],
      additionalContextIds: additionalContextIds(ids, service),
      registryAuth: {},
      secrets: new Map(),
      agents: new Map(),
      imageOf: (other) => `ek-build-test-${other}`,
      ...more,
    }
  }

  async refusal(build: Build, more: Given = {}, signal?: AbortSignal): Promise<Problem> {
    try {
      await this.build(build, more, signal)
    } catch (error) {
      return error as Problem
    }
    throw new Error('the build was expected to fail')
  }

  /** Breaks the connections to BuildKit, as a network does. */
  breakConnections(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy()
  }

  /** Resolves when the build that runs has reported this line. */
  async until(line: string): Promise<void> {
    while (!this.lines.includes(line)) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  /** Bytes that went to BuildKit since this was asked last. */
  bytesSent(): number {
    const sockets = this.#sockets.splice(0)
    return sockets.reduce((sum, socket) => sum + ((socket as Duplex & { bytesWritten?: number }).bytesWritten ?? 0), 0)
  }

  /** The files of an image below a path, by their path there. */
  async files(path: string, image = 'ek-build-test:latest'): Promise<Record<string, string>> {
    const { Id } = await this.engine.containers.create(
      { name: `ek-build-test-${Math.random().toString(36).slice(2)}` },
      { Image: image, Cmd: ['nothing'] },
    )
    try {
      const { tar } = await this.engine.containers.getArchive(Id, path)
      const found: Record<string, string> = {}
      const reader = extract()
      tar.pipe(reader)
      for await (const entry of reader) {
        const chunks: Buffer[] = []
        for await (const chunk of entry) chunks.push(chunk as Buffer)
        const { name, type, linkname, mode } = entry.header
        if (type === 'file') found[name] = Buffer.concat(chunks).toString()
        else if (type === 'symlink') found[name] = `-> ${linkname}`
        else found[name] = `folder ${((mode ?? 0) & 0o7777).toString(8)}`
      }
      return found
    } finally {
      await this.engine.containers.remove(Id, { force: true, volumes: 'anonymous' })
    }
  }

  async close(): Promise<void> {
    for (const image of this.#images) await this.engine.images.remove(image, { force: true }).catch(() => undefined)
    await this.engine.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
