/** What was asked of a stack, as a deployment keeps it: enough to carry it out after a crash, and no credentials. */
import type { KillOptions, PauseOptions, RemoveOptions } from '../../protocol/resources/operations.ts'
import type {
  DownOptions,
  ScaleRequest,
  ServicesRequest,
  TrialDecision,
  UpOptions,
} from '../../protocol/resources/stack.ts'
import type { Operation } from '../stack/operation.ts'
import { HEAL, type Policy } from '../stack/policy.ts'
import type { ImageOptions } from './images.ts'

/** A request that moves the desired state of a stack. */
export type ChangeRequest =
  | {
      readonly kind: 'up'
      readonly revision: number
      readonly options: UpOptions
      readonly disabled: readonly string[]
      /**
       * The images that its revision is pinned to already, whatever their tags mean by now: `pinned` for a way back, `tried`
       * where the revision is on trial.
       */
      readonly images?: 'pinned' | 'tried'
    }
  | { readonly kind: 'down'; readonly options: DownOptions }
  | { readonly kind: 'start' | 'stop'; readonly options: ServicesRequest }
  /** `anew`: services whose containers are made anew, because no restart changes what they have. */
  | { readonly kind: 'restart'; readonly options: ServicesRequest; readonly anew?: readonly string[] }
  | { readonly kind: 'scale'; readonly options: ScaleRequest }
  | { readonly kind: 'promote'; readonly options: TrialDecision }
  /** `because`: what failed on trial, where nobody asked for it. */
  | { readonly kind: 'abort'; readonly options: TrialDecision; readonly because?: string }
  | OperationRequest

/** It is about containers that are there: no image is looked for, and nothing is made. */
export type OperationRequest =
  /** `stops`: services that the signal is meant to stop; `all` of those that it reaches, whatever they are by then. */
  | { readonly kind: 'kill'; readonly options: KillOptions; readonly stops: readonly string[] | 'all' }
  | { readonly kind: 'pause' | 'unpause'; readonly options: PauseOptions }
  | { readonly kind: 'remove'; readonly options: RemoveOptions }

export function isOperation(request: StackRequest): request is OperationRequest {
  return operationOf(request) !== undefined
}

export function operationOf(request: StackRequest): Operation | undefined {
  switch (request.kind) {
    case 'kill':
      return {
        kind: 'kill',
        signal: request.options.signal,
        orphans: request.options.orphans,
        stops: request.stops,
      }
    case 'pause':
    case 'unpause':
      return { kind: request.kind }
    case 'remove':
      return { ...request.options, kind: 'remove' }
    default:
      return undefined
  }
}

/** Whether it asks for containers to be there again that were removed on purpose. */
export function fillsVacancies(request: StackRequest): boolean {
  return request.kind === 'up' || request.kind === 'start' || request.kind === 'scale'
}

export type StackRequest =
  | ChangeRequest
  /** Takes over a project that Docker Compose started, as it is. */
  | { readonly kind: 'adopt'; readonly revision: number; readonly disabled: readonly string[] }
  /** Forgets the stack and leaves its containers to others. */
  | { readonly kind: 'eject' }

/** A request over the whole stack makes older ones of its kind pointless; one over some services does not. */
export function isWholeStack(request: StackRequest): boolean {
  if (request.kind === 'promote' || request.kind === 'abort') return true
  return (request.kind === 'up' || request.kind === 'down') && request.options.services.length === 0
}

export function policyOf(request: StackRequest, scope: ReadonlySet<string> | 'all'): Policy {
  const base: Policy = {
    mode: 'request',
    scope,
    orphans: 'keep',
    anonymousVolumes: 'carry',
    wait: 'started',
    lookAlikes: 'refuse',
    dependents: 'restart',
    graceSeconds: undefined,
  }
  switch (request.kind) {
    case 'up':
      return {
        ...base,
        orphans: request.options.orphans,
        anonymousVolumes: request.options.anonymousVolumes === 'renew' ? 'renew' : 'carry',
        wait: request.options.wait,
        lookAlikes: request.options.takeOver ? 'replace' : 'refuse',
        graceSeconds: request.options.timeoutSeconds,
        rollout: request.images === 'pinned' ? 'rollback' : undefined,
      }
    case 'down':
      return { ...base, orphans: request.options.orphans, graceSeconds: request.options.timeoutSeconds }
    case 'start':
    case 'stop':
    case 'restart':
      return {
        ...base,
        wait: request.options.wait,
        dependents: request.options.dependents,
        graceSeconds: request.options.timeoutSeconds,
      }
    case 'promote':
    case 'abort':
      return { ...base, wait: request.options.wait, graceSeconds: request.options.timeoutSeconds }
    case 'scale':
    case 'kill':
    case 'pause':
    case 'unpause':
    case 'remove':
      return base
    // Nobody asked for a start: what has ended stays as it is.
    case 'adopt':
    case 'eject':
      return HEAL
  }
}

export function waitTimeoutMs(request: StackRequest): number | undefined {
  const mayWait =
    request.kind === 'up' || request.kind === 'start' || request.kind === 'promote' || request.kind === 'abort'
  if (!mayWait) return undefined
  const seconds = request.options.waitTimeoutSeconds
  return seconds === undefined || seconds <= 0 ? undefined : seconds * 1000
}

/** Undefined: images are taken as they are pinned. */
export function imageOptionsOf(request: StackRequest): ImageOptions | undefined {
  return request.kind === 'up' && request.images === undefined
    ? { pull: request.options.pull, build: request.options.build }
    : undefined
}
