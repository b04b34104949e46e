/** A command in a running container, for one caller. */
import { ExecOpen } from '../../protocol/resources/session.ts'
import type { ExecCreateBody } from '../engine/types.ts'
import type { Caller } from '../reconcile/control.ts'
import type { Core } from '../reconcile/core.ts'
import { isStatus } from '../reconcile/perform/engine-answers.ts'
import { chooseRunning } from '../stack/choose-container.ts'
import { containerName } from '../stack/container-name.ts'
import { converse } from './converse.ts'
import type { SessionSocket } from './session-socket.ts'

/** How soon to ask again for an exit code that the Engine does not know yet, and at most how late. */
const ASK_MS = { first: 5, last: 1000 } as const
/** How soon to try again in a container that the daemon has paused. */
const THAW_MS = 20

export async function serveExec(core: Core, stack: string, session: SessionSocket, caller: Caller): Promise<void> {
  const open = await session.open(ExecOpen)
  if (open.privileged) caller.policy?.refusePrivilegedExec()
  const { engine, observer } = core
  const { signal } = session
  const container = chooseRunning(await observer.containers(stack, signal), open)
  // Only for who is bound by it: it takes a call more.
  caller.policy?.checkContainer(await engine.containers.inspect(container.Id, { signal }))
  const thawed = <T>(call: () => Promise<T>) => onceThawed(core, container.Id, signal, call)
  const { Id } = await thawed(() => engine.exec.create(container.Id, bodyOf(open), { signal }))
  if (open.detach) {
    await thawed(() => engine.exec.startDetached(Id, { signal }))
    session.send({ type: 'exit', code: 0 })
    return
  }
  await converse(session, {
    stream: await thawed(() => engine.exec.start(Id, { tty: open.tty }, { signal })),
    container: containerName(container),
    tty: open.tty,
    size: open.size,
    resize: (size) => engine.exec.resize(Id, size, { signal }),
    // The Engine has no way to signal what an exec runs.
    kill: undefined,
  })
  session.send({ type: 'exit', code: await exitCode(core, Id, signal) })
}

/** The Engine refuses what is paused: where the daemon itself has paused it for a moment, that is waited for. */
async function onceThawed<T>(
  { frozen, clock }: Pick<Core, 'frozen' | 'clock'>,
  id: string,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const wasFrozen = frozen.has(id)
    try {
      return await call()
    } catch (error) {
      if (!isStatus(error, 409) || !(wasFrozen || frozen.has(id))) throw error
      await clock.sleep(THAW_MS, signal)
      signal.throwIfAborted()
    }
  }
}

function bodyOf(open: ExecOpen): ExecCreateBody {
  return {
    Cmd: open.command,
    Tty: open.tty,
    Privileged: open.privileged,
    AttachStdin: open.stdin && !open.detach,
    AttachStdout: !open.detach,
    AttachStderr: !open.detach,
    Env: open.environment,
    ...(open.user === undefined ? {} : { User: open.user }),
    ...(open.workingDir === undefined ? {} : { WorkingDir: open.workingDir }),
    ...(open.detachKeys === undefined ? {} : { DetachKeys: open.detachKeys }),
    // Engines below API 1.42 pass it over: there the program runs already when it is told its size.
    ...(open.tty && open.size !== undefined ? { ConsoleSize: [open.size.rows, open.size.columns] } : {}),
  }
}

/** The output may end before the Engine knows the exit code, and before a command that closed its output ends. */
async function exitCode({ engine, clock }: Core, id: string, signal: AbortSignal): Promise<number> {
  for (let waitMs: number = ASK_MS.first; ; waitMs = Math.min(waitMs * 2, ASK_MS.last)) {
    const { Running, ExitCode } = await engine.exec.inspect(id, { signal })
    if (!Running && ExitCode !== null) return ExitCode
    await clock.sleep(waitMs, signal)
    signal.throwIfAborted()
  }
}
