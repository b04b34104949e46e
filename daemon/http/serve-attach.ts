/** A container's own program for one caller: one that runs (`attach`), or a one-off that starts with it (`run`). */
import { Problem } from '../../protocol/problems.ts'
import { AttachOpen } from '../../protocol/resources/session.ts'
import type { ContainerInspect, Engine } from '../engine/types.ts'
import type { Caller } from '../reconcile/control.ts'
import type { Core } from '../reconcile/core.ts'
import { mustNotBeHeld } from '../reconcile/held.ts'
import { explainStart } from '../reconcile/perform/engine-answers.ts'
import { chooseRunning } from '../stack/choose-container.ts'
import { COMPOSE } from '../stack/labels.ts'
import { converse } from './converse.ts'
import type { SessionSocket } from './session-socket.ts'

export async function serveAttach(core: Core, stack: string, session: SessionSocket, caller: Caller): Promise<void> {
  const open = await session.open(AttachOpen)
  const { engine } = core
  const { signal } = session
  const container = await target(core, stack, open, signal)
  const { Id, Config } = container
  caller.policy?.checkContainer(container)
  if (open.start) mustBeStartable(core, stack, container)
  else mustRun(container)
  const stream = await engine.containers.attach(
    Id,
    {
      tty: Config.Tty,
      stdin: open.stdin && Config.OpenStdin,
      stdout: true,
      stderr: true,
      ...(open.detachKeys === undefined ? {} : { detachKeys: open.detachKeys }),
    },
    { signal },
  )
  // The Engine removes some containers as they end: who asks later asks in vain.
  const ended = new AbortController()
  const exit = await exitOf(engine, container, AbortSignal.any([signal, ended.signal]))
  try {
    await converse(session, {
      stream,
      container: container.Name.replace(/^\//, ''),
      tty: Config.Tty,
      size: open.size,
      resize: (size) => engine.containers.resize(Id, size, { signal }),
      // What ends of it was not stopped past the daemon.
      kill: (name) => core.endings.during(Id, () => engine.containers.kill(Id, name, { signal })),
      ...(open.start ? { start: () => start(engine, container, signal) } : {}),
    })
    session.send({ type: 'exit', code: await exit.code })
  } catch (error) {
    stream.close()
    throw error
  } finally {
    ended.abort()
  }
}

async function target(core: Core, stack: string, open: AttachOpen, signal: AbortSignal): Promise<ContainerInspect> {
  const { engine, observer } = core
  if ('service' in open.target) {
    return engine.containers.inspect(chooseRunning(await observer.containers(stack, signal), open.target).Id, {
      signal,
    })
  }
  const container = await engine.containers.inspect(open.target.container, { signal })
  if (container.Config.Labels[COMPOSE.project] === stack) return container
  throw new Problem('container-not-found', `stack ${stack} has no container ${open.target.container}`, {
    hint: 'see what is there: evenkeel ps -a',
  })
}

/** One-off containers start with their caller. Those of services are started by the stack's loop, and by nobody beside it. */
function mustBeStartable({ store }: Core, stack: string, { Config, Name }: ContainerInspect): void {
  if (Config.Labels[COMPOSE.oneOff] !== 'True') {
    throw new Problem('conflict', `${Name.replace(/^\//, '')} is no one-off container`, {
      hint: `start its service: evenkeel -p ${stack} start ${Config.Labels[COMPOSE.service] ?? ''}`.trimEnd(),
    })
  }
  mustNotBeHeld(store, stack)
}

/** In the words of `docker attach`. */
function mustRun({ State }: ContainerInspect): void {
  const refuse = (what: string, hint: string) => new Problem('conflict', `You cannot attach to a ${what}`, { hint })
  if (State.Paused) throw refuse('paused container, unpause it first', 'or read what it says: evenkeel logs')
  if (State.Restarting) throw refuse('restarting container, wait until it is running', 'see: evenkeel logs')
}

/** Resolves once the Engine listens for the end. */
async function exitOf(
  engine: Engine,
  { Id, HostConfig, State }: ContainerInspect,
  signal: AbortSignal,
): Promise<{ readonly code: Promise<number> }> {
  const condition = HostConfig.AutoRemove === true ? 'removed' : State.Running ? 'not-running' : 'next-exit'
  let code!: Promise<number>
  await new Promise<void>((resolve, reject) => {
    code = engine.containers.wait(Id, condition, { signal, onListening: resolve }).then(({ StatusCode }) => StatusCode)
    code.catch(reject)
  })
  return { code }
}

async function start(engine: Engine, { Id, Config }: ContainerInspect, signal: AbortSignal): Promise<void> {
  try {
    await engine.containers.start(Id, { signal })
  } catch (error) {
    throw explainStart(error, Config.Labels[COMPOSE.service] ?? '')
  }
}
