/** How a run goes about it, as its request asked. What it is to reach stands in the desired state, not here. */
export interface Policy {
  /**
   * `request`: somebody asked, exited containers of services in scope are started. `heal`: the loop by itself, which
   * leaves crashed containers to the Engine's restart policy and finished ones alone.
   */
  readonly mode: 'request' | 'heal'
  /** Services that the request names, with their dependencies where wanted. Others are only kept as they are. */
  readonly scope: ReadonlySet<string> | 'all'
  readonly orphans: 'keep' | 'remove'
  readonly anonymousVolumes: 'carry' | 'renew'
  readonly wait: 'started' | 'ready'
  /** Containers of the same project that another tool made may be replaced. */
  readonly lookAlikes: 'refuse' | 'replace'
  /** Whether `depends_on.X.restart: true` sets dependents in motion. */
  readonly dependents: 'restart' | 'leave'
  /** Which of a service's two rollouts counts. */
  readonly rollout?: 'update' | 'rollback' | undefined
  /** Seconds from the stop signal to SIGKILL. Undefined: the container's own. */
  readonly graceSeconds: number | undefined
}

export const HEAL: Policy = {
  mode: 'heal',
  scope: 'all',
  orphans: 'keep',
  anonymousVolumes: 'carry',
  wait: 'started',
  lookAlikes: 'refuse',
  dependents: 'restart',
  graceSeconds: undefined,
}

export const inScope = (policy: Policy, service: string): boolean => policy.scope === 'all' || policy.scope.has(service)
