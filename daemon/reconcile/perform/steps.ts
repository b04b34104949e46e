/**
 * Commands of the file that a deployment runs: one after the other, each in a container of its own. Each is named by what it
 * is, so that a daemon that comes back finds the one that was under way, and waits for it.
 */
import { randomBytes } from 'node:crypto'
import { Problem } from '../../../protocol/problems.ts'
import { RunRequest } from '../../../protocol/resources/run.ts'
import { lastLines } from '../../engine/last-lines.ts'
import { OURS } from '../../stack/labels.ts'
import { oneOffModel } from '../../stack/one-off.ts'
import type { StepsState } from '../../stack/steps.ts'
import { oneOffPlan } from '../one-off-plan.ts'
import type { Performance } from '../performance.ts'
import { complete } from './container-plan.ts'
import { explainStart, isEngineAway, isStatus } from './engine-answers.ts'

type Running = Performance<'run-steps'>

interface Step {
  readonly command: readonly string[]
  readonly name: string
  /** For people. */
  readonly words: string
}

/** Lines of a failed step that its reason quotes. */
const LINES = 12
const GRACE_SECONDS = 10

export async function runSteps(performance: Running): Promise<void> {
  const {
    body,
    context,
    with: { store },
    report,
  } = performance
  const { stack } = context.desired
  const { service, when } = body
  const { steps, revision } = context.desired.services[service]!
  const commands = steps?.[when] ?? []
  const state = (): StepsState => store.memory.all(stack, 'steps')[service] as StepsState
  for (let index = state().stage === when ? state().done : 0; index < commands.length; index += 1) {
    const command = commands[index]!
    const words = `step ${when}[${index}] of ${service} (${command.join(' ')})`
    report(command.join(' '))
    try {
      await run(performance, { command, words, name: `${stack}-${service}-${when}-${index + 1}-r${revision}` })
    } catch (error) {
      if (!performance.signal.aborted && !isEngineAway(error))
        store.memory.set(stack, 'steps', service, { ...state(), hasFailed: true } satisfies StepsState)
      throw error
    }
    store.memory.set(stack, 'steps', service, { revision, stage: when, done: index + 1 } satisfies StepsState)
  }
  if (when === 'before' && steps!.after.length > 0)
    store.memory.set(stack, 'steps', service, { revision, stage: 'after', done: 0 } satisfies StepsState)
  else store.memory.forget(stack, 'steps', service)
}

async function run(performance: Running, step: Step): Promise<void> {
  const {
    body,
    context,
    with: { engine, waiter, logs },
    signal,
  } = performance
  const { service } = body
  const { timeoutMs } = context.desired.services[service]!.steps!
  const limit = AbortSignal.timeout(timeoutMs)
  const begun = await found(performance, step.name)
  const id = begun ?? (await make(performance, step))
  let failure: Problem | undefined
  try {
    if (begun === undefined)
      await engine.containers.start(id, { signal }).catch((error: unknown) => {
        throw explainStart(error, service)
      })
    await waiter.wait(id, service, 'completed', AbortSignal.any([signal, limit]))
  } catch (error) {
    // The daemon ends, or the Engine is away: the step is found again. A request that took the place of this one ends it.
    if ((signal.aborted && !(signal.reason instanceof Problem)) || isEngineAway(error)) throw error
    failure = await failureOf(performance, step, id, error, limit.aborted ? timeoutMs : undefined)
    if (signal.aborted || limit.aborted)
      await engine.containers.stop(id, { graceSeconds: GRACE_SECONDS }, {}).catch(gone)
  }
  await logs.keep({ stack: context.desired.stack, container: id, name: step.name, service, replica: 0 })
  await engine.containers.remove(id, { force: true, volumes: 'anonymous' }, {}).catch(gone)
  if (failure !== undefined) throw failure
}

async function failureOf(
  { body: { service }, with: { engine } }: Running,
  { words }: Step,
  id: string,
  error: unknown,
  timeoutMs: number | undefined,
): Promise<Problem> {
  const lines = (await lastLines(engine, id, LINES)).map((line) => `  | ${line}`)
  const said = lines.length === 0 ? [] : ['its last lines:', ...lines]
  const why =
    timeoutMs === undefined
      ? wordsOf(error)
      : `has not ended within ${timeoutMs / 1000} s (services.${service}.x-evenkeel.deploy.timeout gives it longer)`
  return new Problem('deployment-failed', [`${words} ${why}`, ...said].join('\n'), {
    hint: `what it did is not undone; try it by hand: evenkeel run --rm ${service} ...`,
    cause: error,
  })
}

function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const exit = /didn't complete successfully: exit (\d+)/.exec(message)
  return exit === null ? `failed: ${message}` : `exited with ${exit[1]}`
}

/** Begun by an earlier run, whether it has ended since or not. What was made and not begun is made anew. */
async function found({ with: { engine, store }, signal }: Running, name: string): Promise<string | undefined> {
  try {
    const { Id, Config, State } = await engine.containers.inspect(name, { signal })
    if (Config.Labels[OURS.instance] !== store.instance)
      throw new Problem('conflict', `a container that is not of this daemon is called ${name}`, {
        hint: `rename or remove it: docker rm ${name}`,
      })
    if (State.Status !== 'created' && State.Status !== 'dead') return Id
    await engine.containers.remove(Id, { force: true, volumes: 'anonymous' }, { signal })
    return undefined
  } catch (error) {
    if (isStatus(error, 404)) return undefined
    throw error
  }
}

async function make(performance: Running, { command, name }: Step): Promise<string> {
  const {
    body: { service },
    context,
    with: collaborators,
    signal,
  } = performance
  const { engine } = collaborators
  const revision = context.revisionOf(service)
  const wanted = context.desired.services[service]!.image
  const inspect = await context.images.inspect(wanted.id ?? wanted.reference, signal)
  if (inspect === undefined) {
    throw new Problem('image-missing', `image ${wanted.reference} of service ${service} is not there`, {
      hint: 'bring the stack up again to pull or build it',
    })
  }
  // The language is loaded when first needed.
  const { checkModel } = await import('../check-model.ts')
  const request = RunRequest.parse({ service, overrides: { command: [...command] } })
  const plan = await oneOffPlan(
    collaborators,
    {
      revision,
      model: checkModel(oneOffModel(revision.model, request), revision.source.workingDir),
      service,
      name,
      desired: context.desired,
      oneOff: { slug: randomBytes(32).toString('hex'), aliases: 'none', remove: false },
      image: { reference: inspect.Id, id: inspect.Id, inspect },
      containers: (other) => context.containerId(other, 1),
    },
    signal,
  )
  const { Id } = await engine.containers.create(plan.query, plan.body, { signal })
  await complete(plan, Id, performance)
  return Id
}

function gone(error: unknown): void {
  if (!isStatus(error, 404) && !isStatus(error, 409) && !isStatus(error, 304)) throw error
}
