/** A stack from this machine's files and environment, as a request: nothing but resolved values crosses the wire. */
import { statSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Problem } from '../protocol/problems.ts'
import type { BuildRequestInput } from '../protocol/resources/job.ts'
import type { FileContent, UpRequestInput } from '../protocol/resources/stack.ts'
import { LIMITS } from '../protocol/stackfile/budget.ts'
import { decodeText } from '../protocol/stackfile/decode-text.ts'
import { type FileSource, type LoadedStack, type LoadRequest, loadStack } from '../protocol/stackfile/load.ts'
import type { FileObject, Model } from '../protocol/stackfile/model.ts'
import { readFileBounded } from './read-file.ts'

export interface StackSelection {
  readonly files: readonly string[]
  readonly projectName: string | undefined
  readonly projectDirectory: string | undefined
  readonly profiles: readonly string[]
  readonly envFiles: readonly string[]
  /** Networks, volumes and the like that no service uses belong to the stack as well. */
  readonly allResources?: boolean
}

const SECRET_LIMIT_BYTES = 1_000_000

export const nodeFiles: FileSource = {
  read(path) {
    const bytes = readFileBounded(path, LIMITS.fileBytes)
    return bytes === undefined ? undefined : decodeText(bytes)
  },
  isDirectory(path) {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  },
}

export function loadFromDisk(
  selection: StackSelection,
  options: { readonly load?: LoadRequest['options']; readonly services?: readonly string[] } = {},
): LoadedStack {
  const { projectDirectory } = selection
  return loadStack({
    // Where none is named the loader looks: `COMPOSE_FILE` may also stand in the `.env` that it reads.
    files: selection.files.map((file) => (file === '-' ? '-' : resolve(file))),
    cwd: process.cwd(),
    profiles: [...selection.profiles],
    environment: callersEnvironment(),
    source: nodeFiles,
    ...(projectDirectory === undefined ? {} : { workingDir: resolve(projectDirectory) }),
    ...(selection.projectName === undefined ? {} : { projectName: selection.projectName }),
    ...(selection.envFiles.length === 0 ? {} : { envFiles: selection.envFiles.map((file) => resolve(file)) }),
    options: { ...options.load, ...(selection.allResources === true ? { allResources: true } : {}) },
    ...(options.services === undefined ? {} : { services: options.services }),
  })
}

/** The environment as the caller has it: the launcher keeps one variable from Node, under another name. */
export function callersEnvironment(): Record<string, string> {
  const { EVENKEEL_NODE_EXTRA_CA_CERTS: certificates, ...environment } = process.env as Record<string, string>
  return certificates === undefined ? environment : { ...environment, NODE_EXTRA_CA_CERTS: certificates }
}

/** Everything of a request but its options. */
export function requestOf(
  loaded: LoadedStack,
): Pick<UpRequestInput, 'model' | 'source' | 'disabledServices' | 'files'> {
  const { model } = loaded
  return {
    model: withProfiles(model, loaded.workingDir),
    source: {
      workingDir: loaded.workingDir,
      configFiles: [...loaded.configFiles],
      environmentFiles: [...loaded.environmentFiles],
      host: hostname(),
    },
    disabledServices: [...loaded.disabledServices],
    files: filesOf(model, loaded.environment),
  }
}

/**
 * What a job on images needs of a stack: nothing of what its containers will be, and of secrets only what the builds of these
 * services read.
 */
export function imagesRequestOf(
  { model, workingDir, configFiles, environmentFiles, environment }: LoadedStack,
  built: readonly string[],
): Pick<BuildRequestInput, 'model' | 'source' | 'files'> {
  const services = Object.fromEntries(
    Object.entries(model.services).map(([name, { image, build, platform, pull_policy, depends_on, provider }]) => [
      name,
      {
        ...(image === undefined ? {} : { image }),
        ...(provider === undefined ? {} : { provider }),
        ...(build === undefined ? {} : { build }),
        ...(platform === undefined ? {} : { platform }),
        ...(pull_policy === undefined ? {} : { pull_policy }),
        ...(depends_on === undefined ? {} : { depends_on }),
      },
    ]),
  )
  const reduced: Model = {
    name: model.name,
    services,
    ...(model.secrets === undefined ? {} : { secrets: model.secrets }),
  }
  const builds = { ...reduced, services: Object.fromEntries(built.map((name) => [name, services[name]!])) }
  return {
    model: reduced,
    source: {
      workingDir,
      configFiles: [...configFiles],
      environmentFiles: [...environmentFiles],
      host: hostname(),
    },
    files: filesOf(builds, environment),
  }
}

/**
 * A seccomp profile from a file of this machine goes as its content: the daemon's machine has another file, or none.
 * Its path is relative to the project's folder, as Compose has it.
 */
function withProfiles(model: Model, workingDir: string): Model {
  const inline = (option: string, path: string): string => {
    const file = /^seccomp[=:](?!unconfined$|builtin$|\s*\{)(.+)$/.exec(option)?.[1]
    if (file === undefined) return option
    const text = nodeFiles.read(resolve(workingDir, file))
    if (text === undefined)
      throw new Problem('stack-file-invalid', `${path}: there is no seccomp profile ${file}`, {
        hint: 'correct the path',
      })
    try {
      return `seccomp=${JSON.stringify(JSON.parse(text))}`
    } catch (cause) {
      throw new Problem('stack-file-invalid', `${path}: the seccomp profile ${file} is not JSON`, { cause })
    }
  }
  const services = Object.entries(model.services).map(([name, service]) => [
    name,
    service.security_opt === undefined
      ? service
      : {
          ...service,
          security_opt: service.security_opt.map((option, at) =>
            inline(option, `services.${name}.security_opt[${at}]`),
          ),
        },
  ])
  return { ...model, services: Object.fromEntries(services) }
}

/** The bytes of each config and secret that some service uses. */
function filesOf(model: Model, environment: Readonly<Record<string, string>>): FileContent[] {
  const files: FileContent[] = []
  for (const kind of ['config', 'secret'] as const) {
    const objects = (kind === 'config' ? model.configs : model.secrets) ?? {}
    const used = new Set(
      Object.values(model.services).flatMap((service) =>
        (kind === 'config'
          ? (service.configs ?? [])
          : [...(service.secrets ?? []), ...(service.build?.secrets ?? [])]
        ).map((reference) => reference.source),
      ),
    )
    for (const [name, object] of Object.entries(objects)) {
      // One of the daemon's own: it stays where it is.
      if (kind === 'secret' && object.external === true) mustNotBuild(model, name)
      else if (used.has(name)) files.push(contentOf(kind, name, object, environment))
    }
  }
  return files
}

function mustNotBuild({ services }: Model, secret: string): void {
  for (const [name, { build }] of Object.entries(services)) {
    const at = (build?.secrets ?? []).findIndex(({ source }) => source === secret)
    if (at >= 0)
      throw new Problem(
        'unsupported',
        `services.${name}.build.secrets[${at}]: builds are given no secrets of the daemon`,
        {
          hint: `say where its content is: secrets.${secret}.file`,
        },
      )
  }
}

function contentOf(
  kind: 'config' | 'secret',
  name: string,
  object: FileObject,
  environment: Readonly<Record<string, string>>,
): FileContent {
  const path = `${kind}s.${name}`
  if (object.external === true) {
    throw new Problem('unsupported', `${path}: an external ${kind} exists only in Swarm mode`, {
      hint: `say where its content is: ${path}.file`,
    })
  }
  if (object.content !== undefined)
    return { kind, name, delivery: 'inline', base64: base64(path, Buffer.from(object.content)) }
  if (object.environment !== undefined) {
    const value = environment[object.environment]
    if (value === undefined) {
      throw new Problem(
        'stack-file-invalid',
        `${path}: environment variable "${object.environment}" required by ${kind} "${name}" is not set`,
        {
          hint: `set it: export ${object.environment}=...`,
        },
      )
    }
    return { kind, name, delivery: 'inline', base64: base64(path, Buffer.from(value)) }
  }
  const file = object.file ?? ''
  const bytes = readContent(`${path}.file`, file)
  const { mode, uid, gid } = statSync(file)
  return { kind, name, delivery: 'file', base64: base64(path, bytes), mode: mode & 0o777, uid, gid }
}

function readContent(path: string, file: string): Buffer {
  let bytes: Buffer | undefined
  try {
    bytes = readFileBounded(file, SECRET_LIMIT_BYTES)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw new Problem(
      error.code === 'payload-too-large' ? error.code : 'stack-file-invalid',
      `${path}: ${error.message}`,
      {
        hint: error.code === 'payload-too-large' ? 'a config or secret has at most 1 MB' : 'correct the path',
      },
    )
  }
  if (bytes !== undefined) return bytes
  throw new Problem('stack-file-invalid', `${path}: cannot read ${file}: ENOENT`, {
    hint: 'make the file, or correct the path',
  })
}

function base64(path: string, bytes: Buffer): string {
  if (bytes.length > SECRET_LIMIT_BYTES) {
    throw new Problem(
      'payload-too-large',
      `${path} has ${bytes.length} bytes; a config or secret has at most ${SECRET_LIMIT_BYTES}`,
    )
  }
  return bytes.toString('base64')
}
