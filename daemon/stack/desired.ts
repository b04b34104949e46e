/** What a stack is meant to be. Pure data: read from the store, changed by requests, never by what is observed. */
import { autoscaleOf, clamp } from '../../protocol/stackfile/autoscale.ts'
import type { Dependency, Model } from '../../protocol/stackfile/model.ts'
import type { Probes } from './probe.ts'
import type { Rollouts } from './rollout.ts'
import type { ServiceRouting } from './routing.ts'
import type { Steps } from './steps.ts'

/**
 * `stopped`: its containers exist and do not run (`stop`, `create`). `removed`: it has none (`down SERVICE`, `rm`) until
 * somebody brings it up again.
 */
export type RunState = 'running' | 'stopped' | 'paused' | 'removed'

/** One service of a stack as the store keeps it. Each service has its own revision: `up web` moves `web` alone. */
export interface ServiceState {
  readonly service: string
  readonly revision: number
  readonly run: RunState
  /** Set by `--scale` or `scale`; otherwise the file's. */
  readonly scale: number | undefined
  /** Raised by `--force-recreate`; containers carry the value they were made with. */
  readonly recreate: number
  /** Raised by `restart`. */
  readonly restart: number
  /** `keep`: containers of an older spec are accepted (`--no-recreate`). */
  readonly outdated: 'replace' | 'keep'
  /** The release on whose networks its containers are made (release.ts). Undefined: on those of the file. */
  readonly release?: number | undefined
}

/**
 * `unhealthy`: `replace` also what can write to a mount, `report` never, else what writes to none is replaced. `halted`:
 * what somebody stopped past us is started again `always`, `once` within an hour (the default), or `never`.
 */
export interface Healing {
  readonly unhealthy: 'replace' | 'report' | undefined
  readonly halted: 'always' | 'once' | 'never'
}

/** A service with all that the planner needs to know of it. */
export interface DesiredService extends ServiceState {
  readonly replicas: number
  /** Fixed name of its only container, where the file has one. */
  readonly containerName: string | undefined
  /** What names of its containers end in while it is on trial. */
  readonly suffix?: string | undefined
  readonly image: { readonly reference: string; readonly id: string | undefined }
  /** Undefined while the image is not there yet: then nothing can be compared. */
  readonly specHash: string | undefined
  readonly dependsOn: Readonly<Record<string, Dependency>>
  /** Names on the Engine: those that it is made on first, then those of releases that it serves as well. */
  readonly networks: readonly string[]
  /** Those of the file that each release has for itself. */
  readonly releaseNetworks?: readonly string[] | undefined
  /** Of a stack that is released as a whole: `atomic`, it is switched with the others; `shared`, it is left out (`dns`). */
  readonly releasing?: 'atomic' | 'shared' | undefined
  readonly volumes: readonly string[]
  /** `no`, `always`, `unless-stopped`, `on-failure`. */
  readonly restartPolicy: string
  /** Services whose first container lends it a namespace or its volumes: it lives and dies with that. */
  readonly sharesWith: readonly string[]
  /** Host ports that are fixed in the file, so that a conflict is found before anything is touched. */
  readonly hostPorts: readonly { readonly ip: string; readonly port: number; readonly protocol: string }[]
  readonly healthcheck: 'present' | 'absent' | 'image'
  /** What the loop does by itself about a container that is not well. The file's word: `x-evenkeel`. */
  readonly healing?: Healing | undefined
  /** Undefined: as in Compose, all at once and stop-first. */
  readonly rollouts?: Rollouts | undefined
  /** Undefined: the ingress has nothing of it. */
  readonly routing?: ServiceRouting | undefined
  readonly steps?: Steps | undefined
  readonly probes?: Probes | undefined
}

export interface DesiredNetwork {
  readonly key: string
  readonly name: string
  readonly external: boolean
  /** No service of the file uses it, and it is wanted all the same (`--all-resources`). */
  readonly spare?: boolean
  readonly specHash: string
  /** Undefined: it is one of the file. */
  readonly release?: number | undefined
  /** Why there can be no other one like it, for people. */
  readonly onlyOnce?: string | undefined
  /** Empty: the Engine chooses one from its pools. Undefined: its addresses come from elsewhere. */
  readonly subnets?: readonly string[] | undefined
}

export interface DesiredVolume {
  readonly key: string
  readonly name: string
  readonly external: boolean
  /** No service of the file uses it, and it is wanted all the same (`--all-resources`). */
  readonly spare?: boolean
  readonly specHash: string
}

export type Strategy = 'canary' | 'blue-green'

/** A revision on trial beside what serves (trial.ts). */
export interface DesiredTrial {
  readonly strategy: Strategy
  readonly revision: number
  /** Percent of what is new that it gets, once all of its replicas count. */
  readonly share: number
  /** Those of which replicas stand beside the others, as they are on trial. */
  readonly services: Readonly<Record<string, DesiredService>>
  /** How long the others are kept once it has all of the traffic. Undefined: until somebody decides. */
  readonly keepMs?: number | undefined
}

export interface DesiredStack {
  readonly stack: string
  readonly instance: string
  readonly presence: 'present' | 'absent'
  readonly revision: number
  readonly services: Readonly<Record<string, DesiredService>>
  /** Services of the file whose profile is off: their containers are neither orphans nor wanted. */
  readonly disabled: readonly string[]
  readonly networks: readonly DesiredNetwork[]
  readonly volumes: readonly DesiredVolume[]
  /** What one-off containers are about to be made of: what these need is to be there, and nothing else of them. */
  readonly oneOffs?: readonly DesiredService[]
  readonly trial?: DesiredTrial | undefined
}

/**
 * Count of replicas that the file asks for: `scale`, else `deploy.replicas`, else one (`mode: global` counts as one). A
 * service that a provider stands for has none; one that scales by itself keeps within its bounds.
 */
export function declaredReplicas(model: Model, service: string): number {
  const spec = model.services[service]
  if (spec?.provider !== undefined) return 0
  if (spec?.deploy?.mode === 'global') return 1
  const replicas = spec?.scale ?? spec?.deploy?.replicas ?? 1
  const autoscale = autoscaleOf(spec)
  return autoscale === undefined ? replicas : clamp(replicas, autoscale)
}
