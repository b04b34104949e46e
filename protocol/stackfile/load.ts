/**
 * Loads a stack: from Compose files to the canonical model, as `docker compose config` would print it. Does no I/O of
 * its own; files come from the caller. Throws a Problem that holds every error that was found.
 */

import { Problem } from '../problems.ts'
import { Budget, LIMITS } from './budget.ts'
import { checkConsistency } from './consistency.ts'
import type { LoadContext } from './context.ts'
import { resolveEnvFiles, resolveLabelFiles } from './env-files.ts'
import { FileLoader } from './file-loader.ts'
import { isAbsolute } from './file-paths.ts'
import { Findings } from './findings.ts'
import { readErrorPages } from './ingress-policy.ts'
import type { LoadRequest } from './load-request.ts'
import type { Model } from './model.ts'
import { normalize } from './normalize.ts'
import { applyProfiles, selectServices } from './profiles.ts'
import type { LoadedService, Project } from './project.ts'
import { resolveProjectName } from './project-name.ts'
import { pruneResources } from './prune.ts'
import { prepare } from './setup.ts'
import { MODEL } from './shapes.ts'
import { SourceFiles } from './source-files.ts'
import { type MapNode, sizeOfPlain, textNode, toPlain } from './tree.ts'
import { type Variable, VariableList } from './variables.ts'

export type { LoadOptions, LoadRequest } from './load-request.ts'
export type { FileSource } from './source-files.ts'
export type { Variable } from './variables.ts'

export interface LoadedStack {
  readonly model: Model
  /** Services that are off, or were not named. */
  readonly disabledServices: string[]
  readonly configFiles: string[]
  /** Files that the variables came from. */
  readonly environmentFiles: string[]
  readonly workingDir: string
  readonly warnings: string[]
  /** Sources of binds that the files name relative to themselves or to `~`: paths of the machine that reads them. */
  readonly localBinds: string[]
  /** Those that the files ask for, where the request said to list them. */
  readonly variables: Variable[]
  /** Variables that were filled in from, those of the env files included. */
  readonly environment: Record<string, string>
  /** Every profile that a service has. */
  readonly profiles: string[]
}

export function loadStack(request: LoadRequest): LoadedStack {
  const options = request.options ?? {}
  const findings = new Findings()
  const warnings = new Set<string>()
  const warn = (message: string): void => {
    warnings.add(message)
  }
  const budget = new Budget(options.isModel === true ? LIMITS.levels : LIMITS.depth)
  const context: LoadContext = {
    source: new SourceFiles(request.source, budget),
    findings,
    budget,
    variables: options.listVariables === true ? new VariableList() : undefined,
    warn,
    warnUnset: (name) => warn(`The "${name}" variable is not set. Defaulting to a blank string.`),
    interpolate: options.interpolate !== false,
    home: request.environment.HOME,
    localBinds: new Set(),
  }
  const setup = prepare(request, context)
  findings.throwIfAny()
  const loader = new FileLoader(context, { resolvePaths: options.resolvePaths !== false })
  const named = loader.projectName(setup.files)
  // Where nothing is filled in, Compose also leaves names without values alone.
  const environment = context.interpolate ? setup.environment : new Map<string, string>()
  const { workingDir } = setup
  const name = resolveProjectName(
    {
      given: request.projectName,
      environment: setup.environment,
      named,
      directory: workingDir,
      cleaning: options.normalize === false ? 'as-written' : 'clean',
    },
    context,
  )
  environment.set('COMPOSE_PROJECT_NAME', name)
  const scope = { directory: workingDir, base: workingDir, environment }
  const root = loader.project(
    setup.files.map((file) => ({ file })),
    scope,
  )
  findings.throwIfAny()
  if (root === undefined || root.entries.size === 0) {
    throw new Problem('stack-file-invalid', `${setup.files.join(', ')} is empty`, {
      hint: 'A stack file begins with "services:".',
    })
  }
  if (options.normalize !== false) {
    root.entries.set('name', textNode(name, root.at))
    normalize(root, name, environment)
  }
  const finished = context.interpolate
    ? finish(root, name, request, setup.profiles, environment, context)
    : { model: toPlain(root) as Model, disabled: [], profiles: [] }
  budget.checkResult(sizeOfPlain(finished.model), root.at)
  return {
    model: finished.model,
    disabledServices: finished.disabled,
    configFiles: [...setup.files],
    environmentFiles: [...setup.environmentFiles],
    workingDir,
    warnings: [...warnings, ...findings.warnings],
    localBinds: [...context.localBinds].filter(isAbsolute),
    variables: context.variables?.list() ?? [],
    environment: Object.fromEntries(environment),
    profiles: finished.profiles,
  }
}

/** From the finished tree to the model. */
function finish(
  root: MapNode,
  name: string,
  request: LoadRequest,
  profiles: readonly string[],
  environment: ReadonlyMap<string, string>,
  context: LoadContext,
): { model: Model; disabled: string[]; profiles: string[] } {
  const options = request.options ?? {}
  const { findings } = context
  const decoded = { ...(MODEL.decode(root, [], findings) as Project['model']), name }
  findings.throwIfAny()
  const all: LoadedService[] = Object.values(decoded.services)
  const enabled = applyProfiles(decoded, root, profiles, request.services ?? [])
  if (options.consistency !== false) checkConsistency(enabled, findings)
  findings.throwIfAny()
  const project = selectServices(enabled, request.services ?? [])
  const readsEnvironment = options.resolveEnvironment !== false
  if (readsEnvironment) resolveEnvFiles(project, environment, context)
  if (readsEnvironment) readErrorPages(project, context)
  if (options.resolveLabels ?? readsEnvironment) resolveLabelFiles(project, context)
  findings.throwIfAny()
  const { model } = project
  if (options.allResources !== true) pruneResources(model)
  for (const config of Object.values(model.configs ?? {})) {
    // The value comes from the environment of whoever deploys, not from the model.
    if (config.environment !== undefined) delete config.content
  }
  return {
    model,
    disabled: Object.keys(project.disabled).sort(),
    profiles: [...new Set(all.flatMap((service) => service.profiles ?? []))].sort(),
  }
}
