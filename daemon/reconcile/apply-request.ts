/** What a stack is meant to be after a request. Pure, so that `plan` previews exactly what `up` will do. */
import { Problem } from '../../protocol/problems.ts'
import { autoscaleOf, clamp } from '../../protocol/stackfile/autoscale.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { RunState, ServiceState } from '../stack/desired.ts'
import type { StackRow } from '../store/stacks.ts'
import { applyDecision, mustLeaveTrialAlone } from './apply-trial.ts'
import { type ChangeRequest, isOperation, type OperationRequest } from './requests.ts'
import type { AppliedState, StackState } from './stack-state.ts'

/** `before` is undefined for a stack that is not known. `modelOf` answers the model of a revision. */
export function applyRequest(
  name: string,
  before: StackState | undefined,
  request: ChangeRequest,
  modelOf: (revision: number) => Model,
  at: string,
): AppliedState {
  const applied = apply(name, before, request, modelOf, at)
  // What is said of services holds for what is on trial of them as well (apply-trial.ts: asNow).
  const isDecided = request.kind === 'promote' || request.kind === 'abort' || applied.stack.presence === 'absent'
  return isDecided ? applied : { ...applied, trial: before?.trial }
}

function apply(
  name: string,
  before: StackState | undefined,
  request: ChangeRequest,
  modelOf: (revision: number) => Model,
  at: string,
): AppliedState {
  if (request.kind === 'up') return applyUp(name, before, request, modelOf(request.revision), at)
  if (before === undefined) throw new Problem('stack-not-found', `there is no stack ${name}`)
  if (request.kind === 'down') return applyDown(before, request.options.services, at)
  if (before.stack.presence === 'absent') {
    throw new Problem('stack-not-found', `stack ${name} is down`, { hint: 'bring it up first: evenkeel up' })
  }
  if (isOperation(request)) return applyOperation(before, request, at)
  if (request.kind === 'promote' || request.kind === 'abort') return applyDecision(before, request, at)
  const model = modelOf(before.stack.revision)
  if (request.kind === 'scale') mustBeWithinBounds(model, request.options.scale)
  const named = request.kind === 'scale' ? Object.keys(request.options.scale) : request.options.services
  mustHave(before, named)
  const scope = scopeOf(model, named, request.options.dependencies)
  const services = before.services.map((state): ServiceState => {
    if (scope !== 'all' && !scope.has(state.service)) return state
    switch (request.kind) {
      case 'start':
        return { ...state, run: 'running' }
      case 'stop':
        return state.run === 'removed' ? state : { ...state, run: 'stopped' }
      case 'restart':
        return request.anew?.includes(state.service) === true
          ? { ...state, run: 'running', recreate: state.recreate + 1 }
          : { ...state, run: 'running', restart: state.restart + 1 }
      case 'scale':
        return { ...state, run: 'running', scale: request.options.scale[state.service] ?? state.scale }
    }
  })
  return { stack: converging(before.stack, at), services, scope, oneOffs: [] }
}

function applyUp(
  name: string,
  before: StackState | undefined,
  request: Extract<ChangeRequest, { kind: 'up' }>,
  model: Model,
  at: string,
): AppliedState {
  const { options, revision } = request
  mustLeaveTrialAlone(before, request)
  for (const service of [...options.services, ...Object.keys(options.scale)]) {
    if (model.services[service] === undefined) {
      throw new Problem('service-not-found', `no such service: ${service}`, {
        hint: `the file has: ${Object.keys(model.services).join(', ')}`,
      })
    }
  }
  mustBeWithinBounds(model, options.scale)
  const wanted = scopeOf(model, options.services, options.dependencies)
  const oneOffs = options.purpose === 'one-off' ? options.services : []
  if (options.purpose === 'one-off' && oneOffs.length === 0) {
    throw new Problem('bad-request', 'a one-off container is made of a service', { hint: 'name the service' })
  }
  const scope = wanted === 'all' ? wanted : new Set([...wanted].filter((service) => !oneOffs.includes(service)))
  const known = new Map((before?.services ?? []).map((state) => [state.service, state]))
  // What a `down` has not finished with yet is not there for a later `up` of other services.
  const isPresent = before?.stack.presence === 'present'
  const services: ServiceState[] = []
  for (const service of Object.keys(model.services)) {
    const old = known.get(service)
    if (scope !== 'all' && !scope.has(service)) {
      if (old !== undefined && isPresent) services.push(old)
      continue
    }
    const run: RunState =
      options.start === 'start'
        ? 'running'
        : old === undefined || !isPresent || old.run === 'removed'
          ? 'stopped'
          : old.run
    services.push({
      service,
      revision,
      run,
      scale: options.scale[service] ?? reachedScale(model, old),
      recreate: (old?.recreate ?? 0) + (isForced(service, request) ? 1 : 0),
      restart: old?.restart ?? 0,
      outdated: options.recreate === 'never' ? 'keep' : 'replace',
    })
  }
  // A partial `up` says nothing about services that it does not name, in the file or not.
  if (scope !== 'all' && isPresent) {
    for (const [service, old] of known) if (model.services[service] === undefined) services.push(old)
  }
  return {
    stack: {
      name,
      presence: 'present',
      revision,
      disabled: request.disabled,
      condition: 'converging',
      reason: undefined,
      updatedAt: at,
    },
    services,
    scope,
    oneOffs: oneOffs.map((service) => ({
      service,
      revision,
      run: 'running',
      scale: 1,
      recreate: 0,
      restart: 0,
      outdated: 'replace',
    })),
  }
}

/** A service that scales by itself stays at what it has come to, as far as the file still has it so. */
function reachedScale(model: Model, old: ServiceState | undefined): number | undefined {
  const autoscale = autoscaleOf(model.services[old?.service ?? ''])
  return autoscale === undefined || old?.scale === undefined ? undefined : clamp(old.scale, autoscale)
}

function mustBeWithinBounds(model: Model, scale: Readonly<Record<string, number>>): void {
  for (const [service, replicas] of Object.entries(scale)) {
    const autoscale = autoscaleOf(model.services[service])
    if (autoscale === undefined || clamp(replicas, autoscale) === replicas) continue
    throw new Problem(
      'bad-request',
      `${service} scales by itself, from ${autoscale.min} to ${autoscale.max} replicas: ${replicas} is not within`,
      { hint: `change services.${service}.x-evenkeel.scale in the file, or take it out` },
    )
  }
}

function mustHave({ stack, services }: StackState, named: readonly string[]): void {
  for (const service of named) {
    if (services.some((state) => state.service === service)) continue
    throw new Problem('service-not-found', `no such service: ${service}`, {
      hint: `stack ${stack.name} has: ${services.map((state) => state.service).join(', ')}`,
    })
  }
}

function isForced(service: string, { options }: Extract<ChangeRequest, { kind: 'up' }>): boolean {
  if (options.recreate === 'force-all') return true
  return options.recreate === 'force' && (options.services.length === 0 || options.services.includes(service))
}

function applyDown(before: StackState, named: readonly string[], at: string): AppliedState {
  if (named.length === 0)
    return {
      stack: { ...converging(before.stack, at), presence: 'absent' },
      services: before.services,
      scope: 'all',
      oneOffs: [],
    }
  mustHave(before, named)
  const services = before.services.map((state) =>
    named.includes(state.service) ? { ...state, run: 'removed' as const } : state,
  )
  return { stack: converging(before.stack, at), services, scope: new Set(named), oneOffs: [] }
}

/**
 * A signal that means stop is the operator's stop, and a pause lasts until it is taken back. `rm` changes nothing that is
 * meant of a service: which of its replicas it left empty stands in memory.
 */
function applyOperation(before: StackState, request: OperationRequest, at: string): AppliedState {
  const named = request.options.services
  mustHave(before, named)
  const services = before.services.map((state) =>
    named.length === 0 || named.includes(state.service) ? { ...state, run: runAfter(state, request) } : state,
  )
  return {
    stack: converging(before.stack, at),
    services,
    scope: named.length === 0 ? 'all' : new Set(named),
    oneOffs: [],
  }
}

function runAfter({ run, service }: ServiceState, request: OperationRequest): RunState {
  switch (request.kind) {
    case 'kill':
      return run !== 'removed' && (request.stops === 'all' || request.stops.includes(service)) ? 'stopped' : run
    case 'pause':
      return run === 'running' ? 'paused' : run
    case 'unpause':
      return run === 'paused' ? 'running' : run
    case 'remove':
      return run
  }
}

const converging = (stack: StackRow, at: string): StackRow => ({
  ...stack,
  condition: 'converging',
  reason: undefined,
  updatedAt: at,
})

export function scopeOf(
  model: Model,
  named: readonly string[],
  dependencies: 'include' | 'ignore',
): ReadonlySet<string> | 'all' {
  if (named.length === 0) return 'all'
  const scope = new Set<string>()
  const visit = (service: string): void => {
    if (scope.has(service)) return
    scope.add(service)
    if (dependencies === 'ignore') return
    for (const name of Object.keys(model.services[service]?.depends_on ?? {})) {
      if (model.services[name] !== undefined) visit(name)
    }
  }
  for (const service of named) visit(service)
  return scope
}
