/** HAProxy brought to what the ingress is to serve: its files, its container, a reload where its structure changes, its servers. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import { FOLLOWED } from './access-lines.ts'
import type { AccessLog } from './access-log.ts'
import { PAGE } from './backend.ts'
import { type IngressSettings, type RenderedConfig, renderConfig } from './config.ts'
import type { IngressContainer } from './container.ts'
import { readOrNothing, replaceFile } from './files.ts'
import { HOLD_LOOK_MS, holdsAny, PAUSES, pausesOf, SCRIPT, SCRIPT_TEXT } from './hold.ts'
import type { IngressTls } from './ingress-tls.ts'
import { INSIDE } from './inside.ts'
import type { Runtime } from './runtime.ts'
import { changeMap, readMap } from './runtime-maps.ts'
import { syncServers } from './sync-servers.ts'
import { backendsOf, type IngressService } from './table.ts'

interface Parts {
  readonly settings: IngressSettings
  readonly folder: string
  readonly clock: { now(): Date; sleep(ms: number): Promise<void> }
  readonly container: IngressContainer
  readonly runtime: Runtime
  readonly tls: IngressTls
  readonly access: AccessLog
}

const START_MS = 15_000
const RELOAD_MS = 10_000
const LOOK_MS = 100
/** So often it ends when it cannot start. A port that is just being let go of is there by the second try. */
const ENDS_LIMIT = 3
/** Longer paths of Unix sockets the kernel does not take. */
const SOCKET_PATH_LIMIT = 107

export class Haproxy {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Doing it twice does no harm. */
  async serve(services: readonly IngressService[], signal: AbortSignal | undefined): Promise<void> {
    await this.#holdAndLetGo(services)
    const rendered = renderConfig(services, this.#parts.settings)
    this.#write(rendered)
    const table = this.#parts.tls.write(services)
    const followed = this.#writeFollowed(services)
    const { container, runtime, access } = this.#parts
    if (await container.ensure(signal)) {
      const before = await container.restarts()
      await this.#untilServed(
        rendered,
        START_MS,
        'started',
        async () => (await container.restarts()) >= before + ENDS_LIMIT,
      )
      access.renew()
    } else if ((await this.#structure()) !== rendered.structure) {
      const before = (await runtime.workers()).failedReloads
      await runtime.reload()
      await this.#untilServed(rendered, RELOAD_MS, 'taken its configuration', async () => {
        // On its way a reload has neither the old master's socket nor the new one's.
        const workers = await runtime.workers().catch(() => undefined)
        return workers !== undefined && workers.failedReloads > before
      })
      access.renew()
    }
    await syncServers(runtime, services)
    await this.#syncFollowed(followed)
    await this.#parts.tls.sync(services, table)
  }

  /** Workers that hold are told first, so that what waits there goes on to servers which are there still. */
  async #holdAndLetGo(services: readonly IngressService[]): Promise<void> {
    const { folder, clock } = this.#parts
    const pauses = pausesOf(services)
    const text = [...pauses].map(([service, until]) => `${service} ${until}\n`).join('')
    const before = readOrNothing(join(folder, PAUSES)) ?? ''
    if (text === before) return
    // Where HAProxy does not run, nothing waits.
    const isTold =
      before !== '' && (await this.#parts.runtime.replaceMap(`${INSIDE}/${PAUSES}`, pauses).catch(() => false))
    if (isTold) await clock.sleep(3 * HOLD_LOOK_MS)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (holdsAny(services)) replaceFile(join(folder, SCRIPT), SCRIPT_TEXT)
    replaceFile(join(folder, PAUSES), text)
  }

  async #structure(): Promise<string | undefined> {
    return this.#parts.runtime.structure().catch(() => undefined)
  }

  async #untilServed(
    { structure }: RenderedConfig,
    limitMs: number,
    what: string,
    hasFailed: () => Promise<boolean>,
  ): Promise<void> {
    const { clock } = this.#parts
    const end = clock.now().getTime() + limitMs
    while ((await this.#structure()) !== structure) {
      const isOver = await hasFailed()
      if (isOver || clock.now().getTime() >= end) {
        const words = await this.#parts.container.complaints()
        const when = isOver ? '' : ` within ${limitMs / 1000} s`
        throw new Problem('ingress-failed', `the ingress has not ${what}${when}\n${words}`.trim(), {
          hint: /cannot bind/i.test(words)
            ? 'something else on this machine listens on that port, maybe the ingress of another evenkeeld (docker ps --filter name=evenkeel-ingress): free it, or publish on another one'
            : `see its log: docker logs ${this.#parts.container.name}`,
        })
      }
      await clock.sleep(LOOK_MS)
    }
  }

  /** Whose requests HAProxy is to tell of. It reads that when it begins, and is told of what changes. */
  #writeFollowed(services: readonly IngressService[]): ReadonlyMap<string, string> {
    const { stacks } = this.#parts.access
    const backends = services.filter(({ stack }) => stacks.has(stack)).flatMap(backendsOf)
    const followed = new Map(backends.map(({ name }) => [name, 'yes']))
    replaceFile(join(this.#parts.folder, FOLLOWED), [...followed].map(([name, yes]) => `${name} ${yes}\n`).join(''))
    return followed
  }

  async #syncFollowed(wanted: ReadonlyMap<string, string>): Promise<void> {
    const path = `${INSIDE}/${FOLLOWED}`
    const there = await readMap(this.#parts.runtime, '@1', path)
    await changeMap(this.#parts.runtime, '@1', path, { there, wanted })
  }

  #write({ text, pages }: RenderedConfig): void {
    const { folder } = this.#parts
    if (Buffer.byteLength(join(folder, 'master.sock')) > SOCKET_PATH_LIMIT)
      throw new Problem('unsupported', `the path of the state is too long for a socket in it: ${folder}`, {
        hint: 'evenkeeld --state with a shorter path',
      })
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const [name, page] of pages) replaceFile(join(folder, name), page)
    replaceFile(join(folder, 'haproxy.cfg'), text)
    for (const name of readdirSync(folder))
      if (name.startsWith(PAGE) && !pages.has(name)) rmSync(join(folder, name), { force: true })
  }
}
