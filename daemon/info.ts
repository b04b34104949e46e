/** The daemon and its Engine, for `evenkeel info`. */
import type { Info } from '../protocol/resources/stack.ts'
import { API_VERSION } from '../protocol/version.ts'
import type { Config } from './config.ts'
import { knownHoles } from './engine/known-holes.ts'
import type { Engine } from './engine/types.ts'
import type { Store } from './store/store.ts'

export async function infoOf(parts: {
  readonly store: Store
  readonly engine: Engine
  readonly config: Config
  readonly startedAt: Date
  readonly version: string
}): Promise<Info> {
  const { store, engine, config, startedAt, version } = parts
  const asked = await engine.version({ timeoutMs: 5000 }).then(
    (known) => ({
      reachable: true,
      version: known.version,
      apiVersion: known.negotiated,
      warnings: knownHoles({ Engine: known.version, runc: known.runc }),
    }),
    (error: unknown) => ({
      reachable: false,
      detail: error instanceof Error ? error.message : String(error),
      warnings: [],
    }),
  )
  const hold = store.holds.all().find(({ stack }) => stack === undefined)
  return {
    version,
    apiVersion: API_VERSION,
    instance: store.instance,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    stateFolder: config.state,
    stacks: store.stacks.all().filter((row) => row.presence === 'present').length,
    ...(hold === undefined ? {} : { held: { scope: 'daemon', since: hold.since, by: hold.by } }),
    residentBytes: process.memoryUsage.rss(),
    engine: { address: engine.address, ...asked },
  }
}
