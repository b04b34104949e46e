/**
 * A provider: a program that makes what a service stands for elsewhere (`provider`), spoken to as Docker Compose speaks to
 * it: https://github.com/docker/compose/blob/v2.40.3/docs/extension.md.
 */
import { Problem } from '../../protocol/problems.ts'
import type { Provider } from '../../protocol/stackfile/model.ts'
import { pluginPath, programPath } from './find.ts'
import { outputOf, type Program, runProgram } from './run.ts'

export interface ProviderSetting {
  readonly project: string
  readonly environment: Readonly<Record<string, string>>
  readonly cwd: string
  readonly say: (service: string, text: string) => void
}

type Verb = 'up' | 'down'

const DOING = { up: ['Creating', 'Created'], down: ['Removing', 'Removed'] } as const
const METADATA_MS = 30_000

/** Answers the variables that it sets for the services that depend on this one, by name without the prefix. */
export async function runProvider(
  verb: Verb,
  service: string,
  provider: Provider,
  setting: ProviderSetting,
): Promise<Readonly<Record<string, string>>> {
  const { environment, say } = setting
  const path = pathOf(service, provider, setting)
  const parameters = parametersOf(await metadataOf({ path, args: ['compose', 'metadata'], environment }), verb)
  const program: Program = {
    path,
    args: argumentsOf(verb, service, provider, setting.project, parameters),
    environment,
  }
  const [doing, done] = DOING[verb]
  const variables: Record<string, string> = {}
  say(service, doing)
  await runProgram(program, (line) => {
    if (line.trim() === '') return
    const { type, message } = messageOf(service, line)
    if (type === 'info') say(service, message)
    else if (type === 'error') throw new Problem('dependency-failed', `provider of service ${service}: ${message}`)
    else if (type === 'setenv') {
      const at = message.indexOf('=')
      if (at < 0) throw invalid(service, message)
      variables[message.slice(0, at)] = message.slice(at + 1)
    } else if (type !== 'debug') throw invalid(service, type)
  })
  say(service, done)
  return variables
}

/** A plugin of Docker's comes first, as in Compose. */
function pathOf(service: string, { type }: Provider, { environment, cwd }: ProviderSetting): string {
  if (type === 'compose') {
    throw new Problem('stack-file-invalid', `services.${service}.provider.type: "compose" is no provider`)
  }
  const path = pluginPath(type) ?? programPath(type, environment, cwd)
  if (path !== undefined) return path
  throw new Problem(
    'dependency-failed',
    `services.${service}.provider: there is no program "${type}" on this machine`,
    {
      hint: `install it here: ${type} in the PATH, or docker-${type} among Docker's plugins`,
    },
  )
}

interface Metadata {
  readonly description?: string
  readonly up?: { readonly parameters?: readonly Parameter[] }
  readonly down?: { readonly parameters?: readonly Parameter[] }
}

interface Parameter {
  readonly name: string
  readonly required?: boolean
}

/** One that tells nothing of itself is given all options. */
async function metadataOf(program: Program): Promise<Metadata> {
  try {
    const told: unknown = JSON.parse(await outputOf({ ...program, timeoutMs: METADATA_MS }))
    return typeof told === 'object' && told !== null ? told : {}
  } catch {
    // It need not know the question.
    return {}
  }
}

/** Undefined: it takes any option. */
function parametersOf({ description, up, down }: Metadata, verb: Verb): readonly Parameter[] | undefined {
  const isEmpty = !description && up?.parameters === undefined && down?.parameters === undefined
  return isEmpty ? undefined : ((verb === 'up' ? up : down)?.parameters ?? [])
}

function argumentsOf(
  verb: Verb,
  service: string,
  { type, options = {} }: Provider,
  project: string,
  parameters: readonly Parameter[] | undefined,
): string[] {
  const missing = parameters?.find(({ name, required }) => required === true && options[name] === undefined)
  if (missing !== undefined) {
    throw new Problem(
      'stack-file-invalid',
      `required parameter "${missing.name}" is missing from provider "${type}" definition`,
      {
        hint: `set services.${service}.provider.options.${missing.name}`,
      },
    )
  }
  const known = Object.entries(options).filter(([name]) => parameters?.some((one) => one.name === name) ?? true)
  const flags = known.flatMap(([name, values]) => values.map((value) => `--${name}=${value}`))
  return ['compose', `--project-name=${project}`, verb, ...flags, service]
}

function messageOf(service: string, line: string): { readonly type: string; readonly message: string } {
  let told: unknown
  try {
    told = JSON.parse(line)
  } catch (cause) {
    throw invalid(service, line.slice(0, 200), cause)
  }
  const { type, message } = (told ?? {}) as { readonly type?: unknown; readonly message?: unknown }
  return { type: typeof type === 'string' ? type : '', message: typeof message === 'string' ? message : '' }
}

const invalid = (service: string, what: string, cause?: unknown) =>
  new Problem('dependency-failed', `provider of service ${service}: invalid response from plugin: ${what}`, { cause })
