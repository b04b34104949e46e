/** What the stages before the services did, and what is done to a service. */
import type { DesiredService } from './desired.ts'
import type { ObservedContainer } from './observed.ts'
import type { NetworkStage } from './plan-networks.ts'

export interface Stages {
  readonly images: Readonly<Record<string, readonly string[]>>
  readonly networks: NetworkStage
}

/** What the plan does to a service, for those that depend on it. */
export interface ServiceWork {
  readonly service: DesiredService
  /** Ids of the actions after which its replicas have been started. */
  readonly starts: string[]
  /** Ids of the actions that stop replicas for good (`stop`). */
  readonly stops: string[]
  /** Replicas that run and that nothing is done to. */
  readonly untouched: ObservedContainer[]
}
