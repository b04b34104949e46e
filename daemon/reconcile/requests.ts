/** What was asked of a stack, as a deployment keeps it: enough to carry it out after a crash, and no credentials. */
import type { DownOptions, ScaleRequest, ServicesRequest, UpOptions } from '../../protocol/resources/stack.ts'
import { HEAL, type Policy } from '../stack/policy.ts'
import type { ImageOptions } from './images.ts'

/** A request that moves the desired state of a stack. */
export type ChangeRequest =
  | {
      readonly kind: 'up'
      readonly revision: number
      readonly options: UpOptions
      readonly disabled: readonly string[]
    }
  | { readonly kind: 'down'; readonly options: DownOptions }
  | { readonly kind: 'start' | 'stop' | 'restart'; readonly options: ServicesRequest }
  | { readonly kind: 'scale'; readonly options: ScaleRequest }

export type StackRequest =
  | ChangeRequest
  /** Takes over a project that Docker Compose started, as it is. */
  | { readonly kind: 'adopt'; readonly revision: number; readonly disabled: readonly string[] }
  /** Forgets the stack and leaves its containers to others. */
  | { readonly kind: 'eject' }

/** A request over the whole stack makes older ones of its kind pointless; one over some services does not. */
export function isWholeStack(request: StackRequest): boolean {
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
    case 'scale':
      return base
    // Nobody asked for a start: what has ended stays as it is.
    case 'adopt':
    case 'eject':
      return HEAL
  }
}

export function waitTimeoutMs(request: StackRequest): number | undefined {
  if (request.kind !== 'up' && request.kind !== 'start') return undefined
  const seconds = request.options.waitTimeoutSeconds
  return seconds === undefined || seconds <= 0 ? undefined : seconds * 1000
}

/** Undefined: images are taken as they are pinned. */
export function imageOptionsOf(request: StackRequest): ImageOptions | undefined {
  return request.kind === 'up' ? { pull: request.options.pull, build: request.options.build } : undefined
}
