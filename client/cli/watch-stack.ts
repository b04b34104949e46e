/** `watch`: files here are followed, and what changes is brought into containers, or has them built or restarted anew. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { contextSource, parseIgnoreFile } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import type { Service } from '../../protocol/stackfile/model.ts'
import { Batches } from '../watch/batches.ts'
import { FolderWatch } from '../watch/folder-watch.ts'
import { initialFiles } from '../watch/initial-files.ts'
import { isWorthWatching, type WatchRule, watchRules, workOf } from '../watch/rules.ts'
import { containersOf, runIn, syncFiles } from '../watch/sync.ts'
import type { Context } from './command.ts'
import { followDeployment } from './follow-deployment.ts'
import { followJob } from './follow-job.ts'
import { buildsOf, prepareBuild } from './prepare-images.ts'
import { prepareUp, type UpOptions } from './prepare-up.ts'
import { RawOutput } from './raw-output.ts'

export interface WatchOptions {
  readonly prune: boolean
  readonly builds: 'shown' | 'quiet'
  /** Stands before each of our lines, where those of others stand beside them. */
  readonly prefix: string
  /** Ends it from here. */
  readonly stop?: AbortSignal
}

/** A batch of this size is more than somebody typed. */
const LARGE_BATCH = 1000

/** Throws for a stack in which there is nothing to watch. */
export function rulesOf(
  context: Pick<Context, 'warn'>,
  loaded: LoadedStack,
  services: readonly string[],
): readonly WatchRule[] {
  const { rules, warnings } = watchRules(loaded.model, services, ignoreFileOf)
  for (const warning of warnings) context.warn(warning)
  return rules
}

/** Until it is interrupted, or cannot watch any more. */
export async function watchStack(
  context: Context,
  loaded: LoadedStack,
  rules: readonly WatchRule[],
  options: WatchOptions,
): Promise<void> {
  const watching = new Watching(context, loaded, rules, options)
  await watching.initialSync()
  const batches = new Batches()
  const folders = new FolderWatch([...new Set(rules.map(({ path }) => path))], {
    isWorth: (folder) => isWorthWatching(rules, folder),
    changed: (path) => batches.add(path),
    failed: (error) => batches.end(error),
  })
  const interrupted = () => batches.end()
  options.stop?.addEventListener('abort', interrupted, { once: true })
  if (options.stop?.aborted === true) interrupted()
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  watching.say('Watch enabled')
  try {
    for await (const batch of batches) await watching.handle(batch)
    watching.say('Watch disabled')
  } finally {
    folders.close()
    options.stop?.removeEventListener('abort', interrupted)
    process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted)
  }
}

function ignoreFileOf({ build }: Service) {
  if (build === undefined) return undefined
  const source = contextSource(build.context ?? '.')
  if (source.kind !== 'folder') return undefined
  const { path: folder } = source
  const files = [`${resolve(folder, build.dockerfile ?? 'Dockerfile')}.dockerignore`, join(folder, '.dockerignore')]
  const file = files.find((path) => existsSync(path))
  return file === undefined ? undefined : { folder, patterns: parseIgnoreFile(readFileSync(file, 'utf8')) }
}

class Watching {
  readonly #context: Context
  readonly #loaded: LoadedStack
  readonly #rules: readonly WatchRule[]
  readonly #options: WatchOptions
  readonly #outputs = { stdout: new RawOutput(1), stderr: new RawOutput(2) }

  constructor(context: Context, loaded: LoadedStack, rules: readonly WatchRule[], options: WatchOptions) {
    this.#context = context
    this.#loaded = loaded
    this.#rules = rules
    this.#options = options
  }

  say(line: string): void {
    this.#context.output.line(`${this.#options.prefix}${line}`)
  }

  async initialSync(): Promise<void> {
    for (const rule of this.#rules.filter(({ initialSync }) => initialSync)) {
      const files = initialFiles(rule)
      if (files.size > 0) await syncFiles(this.#context.api, this.#stack, rule.service, files)
    }
  }

  /** What fails is said; the watch goes on, for the next change may put it right. */
  async handle(batch: readonly string[]): Promise<void> {
    if (batch.length > LARGE_BATCH) {
      this.say('Large batch of file changes detected. If you just switched branches, this is expected.')
    }
    try {
      await this.#work(batch)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.#context.warn(`Error handling changed files: ${error.message}`)
    }
  }

  async #work(batch: readonly string[]): Promise<void> {
    const { api } = this.#context
    const { rebuild, sync, restart, exec } = workOf(this.#rules, batch)
    if (rebuild.length > 0) await this.#rebuild(rebuild)
    for (const [service, files] of sync) {
      this.say(`Syncing service "${service}" after ${files.size} changes were detected`)
      await syncFiles(api, this.#stack, service, files)
    }
    if (restart.length > 0) {
      const accepted = await api.call(
        'restart',
        { stack: this.#stack },
        { services: [...restart], dependencies: 'ignore', dependents: 'restart' },
      )
      await followDeployment(this.#context, accepted)
      this.say(`service(s) ${listed(restart)} restarted`)
    }
    await Promise.all(exec.map((rule) => this.#exec(rule)))
  }

  async #rebuild(services: readonly string[]): Promise<void> {
    const { api } = this.#context
    const loaded = this.#loaded
    const stack = this.#stack
    this.say(`Rebuilding service(s) ${listed(services)} after changes were detected...`)
    try {
      const request = await prepareBuild(api, loaded, buildsOf(loaded.model, services, 'ignore'), {
        pushed: false,
        ssh: [],
      })
      await followJob(
        this.#context,
        await api.call('build', { stack }, { ...request, options: { services: [...services] } }),
        this.#options.builds,
      )
    } catch (error) {
      this.say(`Build failed. Error: ${messageOf(error)}`)
      throw error
    } finally {
      // A watch lasts; its builds do not.
      api.takeBackLoans()
    }
    this.say(`service(s) ${listed(services)} successfully built`)
    try {
      const options: UpOptions = { services: [...services], dependencies: 'ignore', recreate: 'force', build: 'never' }
      await followDeployment(
        this.#context,
        await api.call('up', { stack }, await prepareUp(this.#context, loaded, options)),
      )
    } catch (error) {
      this.say(`Failed to recreate services after update. Error: ${messageOf(error)}`)
      throw error
    }
    if (this.#options.prune) await api.call('pruneImages', { stack }, {})
  }

  async #exec(rule: WatchRule): Promise<void> {
    const { api } = this.#context
    const { command, user, working_dir, privileged, environment } = rule.exec!
    const containers = (await containersOf(api, this.#stack, rule.service)).filter(({ state }) => state === 'running')
    const codes = await Promise.all(
      containers.map((container) =>
        runIn(
          api,
          this.#stack,
          container,
          { command, user, privileged, workingDir: working_dir, environment: pairs(environment) },
          (channel, pieces) => this.#outputs[channel].write(pieces),
        ),
      ),
    )
    const failed = codes.find((code) => code !== 0)
    if (failed === undefined) return
    throw new Problem('conflict', `${command.join(' ')} in service ${rule.service}: exit status ${failed}`)
  }

  get #stack(): string {
    return this.#loaded.model.name
  }
}

/** As Go prints a list of strings. */
const listed = (names: readonly string[]): string => `[${names.map((name) => JSON.stringify(name)).join(' ')}]`

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function pairs(environment: Readonly<Record<string, unknown>> | undefined): string[] {
  return Object.entries(environment ?? {}).map(([name, value]) => `${name}=${String(value ?? '')}`)
}
