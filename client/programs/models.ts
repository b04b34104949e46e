/** The models of a stack, made ready by Docker's Model plugin as Docker Compose has it do so. */
import { Problem } from '../../protocol/problems.ts'
import type { AiModel } from '../../protocol/stackfile/model.ts'
import { pluginPath } from './find.ts'
import { outputOf, type Program, runProgram } from './run.ts'

interface ModelSetting {
  readonly environment: Readonly<Record<string, string>>
  readonly say: (object: string, text: string) => void
}

/** Answers the address at which they are served. */
export async function makeModelsReady(
  models: Readonly<Record<string, AiModel>>,
  { environment, say }: ModelSetting,
): Promise<string> {
  const path = pluginPath('model')
  if (path === undefined) {
    throw new Problem('dependency-failed', "'models' support requires Docker Model plugin", {
      hint: "install docker-model among Docker's plugins on this machine",
    })
  }
  const program = (...args: string[]): Program => ({ path, args, environment })
  const [status, known] = await Promise.all([
    jsonOf<{ readonly endpoint?: string }>(program('status', '--json')),
    jsonOf<readonly { readonly tags?: readonly string[] }[]>(program('ls', '--json')),
  ])
  const there = new Set(known.flatMap(({ tags }) => tags ?? []))
  await Promise.all(
    Object.entries(models).map(async ([key, { name = key, model, context_size, runtime_flags = [] }]) => {
      if (!there.has(model)) {
        say(name, 'Pulling')
        // How far it is, for terminals: what counts is that it ends.
        await runProgram(program('pull', model), () => {})
        say(name, 'Pulled')
      }
      say(name, 'Configuring')
      const size = context_size === undefined || context_size <= 0 ? [] : ['--context-size', String(context_size)]
      const flags = runtime_flags.length === 0 ? [] : ['--', ...runtime_flags]
      await runProgram(program('configure', ...size, model, ...flags), () => {})
    }),
  )
  return status.endpoint ?? ''
}

async function jsonOf<T>(program: Program): Promise<T> {
  const text = await outputOf(program)
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new Problem('dependency-failed', `docker-model ${program.args.join(' ')} gave an answer that is not JSON`, {
      cause,
    })
  }
}
