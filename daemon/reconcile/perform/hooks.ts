/** `post_start` and `pre_stop`: commands run inside the container, in order, at least once. */
import { Problem } from '../../../protocol/problems.ts'
import type { Engine, ExecCreateBody } from '../../engine/types.ts'
import type { Setting } from '../performance.ts'
import { isStatus } from './engine-answers.ts'

const OUTPUT_LIMIT = 4096

export async function runHooks(
  kind: 'post_start' | 'pre_stop',
  id: string,
  service: string,
  { context, with: { engine }, signal }: Setting,
): Promise<void> {
  if (context.desired.services[service] === undefined) return
  const hooks = context.revisionOf(service).model.services[service]?.[kind] ?? []
  for (const hook of hooks) {
    const environment = Object.entries(hook.environment ?? {}).flatMap(([key, value]) =>
      value === null ? [] : [`${key}=${value}`],
    )
    const exec = await createExec(
      engine,
      kind,
      id,
      {
        Cmd: hook.command,
        AttachStdout: true,
        AttachStderr: true,
        Env: environment,
        ...(hook.user === undefined ? {} : { User: hook.user }),
        ...(hook.working_dir === undefined ? {} : { WorkingDir: hook.working_dir }),
        ...(hook.privileged === undefined ? {} : { Privileged: hook.privileged }),
      },
      signal,
    )
    if (exec === undefined) return
    const stream = await engine.exec.start(exec.Id, { tty: false }, { signal })
    stream.input.end()
    let output = ''
    for await (const chunk of stream.output) output = (output + chunk.data.toString()).slice(-OUTPUT_LIMIT)
    const { ExitCode } = await engine.exec.inspect(exec.Id, { signal })
    if (ExitCode !== 0) {
      throw new Problem(
        'dependency-failed',
        `${kind} hook of ${service} exited with status ${ExitCode}: ${output.trim()}`,
        {
          hint: `try the command by hand: docker exec ${id.slice(0, 12)} ...`,
        },
      )
    }
  }
}

/** Undefined where the container does not run any more: before a stop that is as good as stopped. */
async function createExec(
  engine: Engine,
  kind: 'post_start' | 'pre_stop',
  id: string,
  body: ExecCreateBody,
  signal: AbortSignal,
): Promise<{ Id: string } | undefined> {
  try {
    return await engine.exec.create(id, body, { signal })
  } catch (error) {
    if (kind === 'pre_stop' && isStatus(error, 409)) return undefined
    throw error
  }
}
