/** `run`: what the one-off needs is brought up by the normal path, then it is made, and this terminal becomes its own. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Problem } from '../../protocol/problems.ts'
import type { RunRequest } from '../../protocol/resources/run.ts'
import type { UpRequestInput } from '../../protocol/resources/stack.ts'
import type { TerminalSize } from '../../protocol/session.ts'
import { Budget } from '../../protocol/stackfile/budget.ts'
import { splitCommand } from '../../protocol/stackfile/command-line.ts'
import { EnvFileError, readDotenv } from '../../protocol/stackfile/dotenv.ts'
import type { LoadedStack } from '../../protocol/stackfile/load.ts'
import { SourceText } from '../../protocol/stackfile/source-text.ts'
import { loadFromDisk, nodeFiles, type StackSelection } from '../stack-source.ts'
import type { Context, Values } from './command.ts'
import { converse, terminalSize } from './converse.ts'
import { followDeployment } from './follow-deployment.ts'
import { Output } from './output.ts'
import { prepareUp } from './prepare-up.ts'
import type { RUN_OPTIONS } from './run-options.ts'
import { sessionEnvironment, wantsTerminal } from './session-options.ts'

type RunValues = Values<typeof RUN_OPTIONS>

export async function runOneOff(context: Context, values: RunValues, words: readonly string[]): Promise<number> {
  const [service, ...command] = words
  if (service === undefined) {
    throw new Problem('bad-request', 'requires at least 1 arg(s), only received 0', {
      hint: 'write evenkeel run SERVICE [COMMAND] [ARGS...]',
    })
  }
  if (values['service-ports'] === true && (values.publish ?? []).length > 0) {
    throw new Problem('bad-request', '--service-ports and --publish are incompatible', { hint: 'leave one out' })
  }
  const { api } = context
  const detach = values.detach === true
  const off = values['no-TTY'] ?? values['no-tty']
  const tty = wantsTerminal({
    off: detach && values.tty !== true ? true : off,
    on: values.tty,
    stdin: values.interactive,
  })
  const loaded = loadWith(service, context.selection, process.env)
  if (values.quiet !== true) for (const warning of loaded.warnings) context.warn(warning)
  const size = tty ? terminalSize() : undefined
  const request = runRequest(values, service, command, { tty, size, environment: process.env, cwd: process.cwd() })

  const stack = loaded.model.name
  const output = values.quiet === true ? new Output({ progress: 'quiet', ansi: 'never' }, process.env) : context.output
  const accepted = await api.call('up', { stack }, await prepareUp({ api, output }, loaded, upOptions(values, service)))
  await followDeployment({ api, output }, accepted, {
    pullProgress: values['quiet-pull'] === true,
    builds: values['quiet-build'] === true,
    warnings: values.quiet === true,
  })

  const { id, warnings } = await api.call('run', { stack }, request)
  if (values.quiet !== true) for (const warning of warnings) context.warn(warning)
  if (detach) {
    context.output.line(id)
    return 0
  }
  return converse(api, {
    name: 'attach',
    stack,
    stdin: values.interactive,
    detachKeys: undefined,
    signals: 'proxy',
    open: {
      type: 'attach',
      target: { container: id },
      start: true,
      stdin: values.interactive,
      ...(size === undefined ? {} : { size }),
    },
  })
}

/** The whole file: the others of the stack are part of its revision. A service that is named needs no profile. */
function loadWith(
  service: string,
  selection: StackSelection,
  environment: Readonly<Record<string, string | undefined>>,
): LoadedStack {
  const loaded = loadFromDisk(selection)
  if (loaded.model.services[service] !== undefined) return loaded
  const all = loadFromDisk({ ...selection, profiles: ['*'] })
  const found = all.model.services[service]
  if (found === undefined) {
    throw new Problem('service-not-found', `no such service: ${service}`, {
      hint: `the file has: ${Object.keys(all.model.services).join(', ')}`,
    })
  }
  const active = selection.profiles.length > 0 ? selection.profiles : (environment.COMPOSE_PROFILES ?? '').split(',')
  return loadFromDisk({ ...selection, profiles: [...active.filter(Boolean), ...(found.profiles ?? [])] })
}

function upOptions(values: RunValues, service: string): NonNullable<UpRequestInput['options']> {
  return {
    services: [service],
    purpose: 'one-off',
    dependencies: values['no-deps'] === true ? 'ignore' : 'include',
    build: values.build === true ? 'always' : 'missing',
    orphans: values['remove-orphans'] === true ? 'remove' : 'keep',
    ...(values.pull === undefined ? {} : { pull: values.pull as 'always' }),
  }
}

export function runRequest(
  values: RunValues,
  service: string,
  command: readonly string[],
  here: {
    readonly tty: boolean
    readonly size?: TerminalSize | undefined
    readonly environment: Readonly<Record<string, string | undefined>>
    readonly cwd: string
  },
): RunRequest {
  return {
    service,
    remove: values.rm === true,
    servicePorts: values['service-ports'] === true ? 'publish' : 'none',
    aliases: values['use-aliases'] === true ? 'service' : 'none',
    start: values.detach === true ? 'now' : 'later',
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(here.size === undefined ? {} : { size: here.size }),
    overrides: {
      ...(command.length === 0 ? {} : { command: [...command] }),
      ...(values.entrypoint === undefined ? {} : { entrypoint: entrypointOf(values.entrypoint) }),
      environment: environmentOf(values, here.environment),
      labels: Object.fromEntries((values.label ?? []).map((label) => pair(label))),
      tty: here.tty,
      stdin: values.interactive,
      volumes: (values.volume ?? []).map((volume) => absoluteSource(volume, here.cwd)),
      ports: values.publish ?? [],
      capAdd: values['cap-add'] ?? [],
      capDrop: values['cap-drop'] ?? [],
      ...(values.user === undefined ? {} : { user: values.user }),
      ...(values.workdir === undefined ? {} : { workingDir: values.workdir }),
    },
  }
}

function entrypointOf(text: string): string[] {
  const words = splitCommand(text)
  if (words === undefined) {
    throw new Problem('bad-request', `invalid --entrypoint: ${text}`, { hint: 'a quote or bracket is not closed' })
  }
  return words.arguments
}

/** `-e` wins over files, and a file over those named after it, as in Compose. */
function environmentOf(values: RunValues, environment: Readonly<Record<string, string | undefined>>) {
  const found = new Map(sessionEnvironment(values.env ?? [], environment).map((entry) => pair(entry)))
  for (const file of values['env-from-file'] ?? []) {
    const variables = new Map<string, string>()
    const source = nodeFiles.read(resolve(file))
    if (source === undefined) {
      throw new Problem('bad-request', `open ${file}: no such file or directory`, { hint: 'correct --env-from-file' })
    }
    try {
      readDotenv(new SourceText(file, source), variables, {
        lookup: (name) => found.get(name),
        unset: () => {},
        budget: new Budget(),
      })
    } catch (error) {
      if (!(error instanceof EnvFileError)) throw error
      throw new Problem('bad-request', `${file}: ${error.message}`, { hint: error.hint, cause: error })
    }
    for (const [name, value] of variables) if (!found.has(name)) found.set(name, value)
  }
  return Object.fromEntries(found)
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** A relative source is relative to where the command was given, not to the stack file: so it is in Compose. */
function absoluteSource(volume: string, cwd: string): string {
  const colon = volume.indexOf(':')
  if (colon < 0) return volume
  const source = volume.slice(0, colon)
  if (source === '~' || source.startsWith('~/')) return `${join(homedir(), source.slice(1))}${volume.slice(colon)}`
  return /^\.{1,2}(\/|$)/.test(source) ? `${resolve(cwd, source)}${volume.slice(colon)}` : volume
}
