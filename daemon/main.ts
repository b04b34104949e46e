/** The composition root: what a daemon is made of, in order. Each part is made in a file of `wiring/`. */
import { Problem } from '../protocol/problems.ts'
import { type Config, HELP, readConfig } from './config.ts'
import { StackControl } from './reconcile/stack-control.ts'
import { Supervisor } from './reconcile/supervisor.ts'
import { restAfter } from './rest.ts'
import { tellServiceManager } from './service-manager.ts'
import { openApi } from './wiring/api.ts'
import { openCore } from './wiring/core.ts'
import { fillSecrets, rebuildState, restoreState } from './wiring/offline.ts'
import { openState } from './wiring/state.ts'
import { beginWork } from './wiring/work.ts'

declare const EVENKEEL_VERSION: string

/** Calls that callers wait for get this long to end when the daemon does. */
const CLOSE_MS = 5000

async function main(): Promise<void> {
  const invocation = await readConfig(process.argv.slice(2), process.env, process.getuid?.())
  if (invocation.kind === 'help') process.stdout.write(HELP)
  else if (invocation.kind === 'version') process.stdout.write(`evenkeeld ${EVENKEEL_VERSION}\n`)
  else if (invocation.kind === 'restore') await restoreState(invocation.config, invocation.file)
  else if (invocation.kind === 'rebuild') await rebuildState(invocation.config)
  else if (invocation.kind === 'fill-secrets') fillSecrets(invocation.config)
  else if (invocation.kind === 'run') await run(invocation.config)
}

async function run(config: Config): Promise<void> {
  const startedAt = new Date()
  const state = await openState(config, startedAt)
  const opened = openCore(config, state)
  const { core, watch } = opened
  const { log } = state
  restAfter(core.progress, globalThis.gc)
  const supervisor = new Supervisor(core, watch)
  const control = new StackControl(core, supervisor)
  const surroundings = { ...opened, state, supervisor, control, startedAt }
  const api = await openApi(config, { ...surroundings, version: EVENKEEL_VERSION })
  await api.listen()
  const endWork = beginWork(config, { ...surroundings, gate: api.gate })
  await tellServiceManager('READY=1', process.env, log)
  log.info(
    { socket: config.socket, state: config.state, engine: core.engine.address },
    `evenkeeld ${EVENKEEL_VERSION} is ready`,
  )
  for (const { stack, since } of core.store.holds.all())
    log.warn({ stack, since }, `${stack ?? 'the whole daemon'} is held: nothing of it is touched until it is resumed`)

  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => resolve(name))
  })
  log.info({ signal }, 'ending; stacks go on running')
  const told = tellServiceManager('STOPPING=1', process.env, log)
  setTimeout(() => process.exit(1), CLOSE_MS).unref()
  api.endStreams()
  await Promise.all([endWork(), api.jobs.stop(), api.close(), told])
  core.recorder.flush()
  await core.engine.close()
  core.store.close()
}

main().catch((error: unknown) => {
  const problem = error instanceof Problem ? error : undefined
  process.stderr.write(`evenkeeld: ${problem?.message ?? (error instanceof Error ? error.stack : String(error))}\n`)
  if (problem?.hint !== undefined) process.stderr.write(`  ${problem.hint}\n`)
  process.exit(1)
})
