/** What a simulated machine has: containers, networks, volumes and images, as dockerd keeps them. */
import type { ContainerCreateBody, EndpointSettings } from '../../daemon/engine/types.ts'
import type { Program } from './program.ts'

/** `ghost`: a daemon that is dead, whose call was on its way already. `program`: the container's own. */
export type Actor = 'daemon' | 'ghost' | 'hand' | 'engine' | 'program'

export interface SimulatedMount {
  readonly Type: string
  readonly Name?: string
  readonly Source: string
  readonly Destination: string
  readonly RW: boolean
  /** Made by the Engine for this container, not named by anybody: `v=1` removes it. */
  readonly anonymous: boolean
}

export interface SimulatedContainer {
  readonly id: string
  name: string
  readonly body: ContainerCreateBody
  readonly labels: Readonly<Record<string, string>>
  readonly env: readonly string[]
  readonly imageId: string
  readonly program: Program
  readonly createdAtMs: number
  /** By the clock that never jumps. */
  readonly createdMonotonicMs: number
  startedMonotonicMs: number
  state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  /** `unhealthy` as well from a pause until it is asked again, with the streak that it had. */
  health: 'starting' | 'healthy' | 'unhealthy' | undefined
  failingStreak: number
  exitCode: number
  startedAtMs: number
  finishedAtMs: number
  policy: { Name: string; MaximumRetryCount: number }
  manuallyStopped: boolean
  /** How often somebody ended it past the daemon. What ends by itself just after it was told to by hand counts too. */
  endsByHand: number
  /** When somebody last told it to end past the daemon. */
  toldByHandMs: number
  startedBefore: boolean
  /** dockerd went down as it started it or just afterwards, and its containerd has kept the task: no start of it succeeds. */
  hasTaskLeft: boolean
  restartCount: number
  failures: number
  lastExit: Actor | undefined
  /** Grows with each process, so that what was due for an older one is void. */
  process: number
  /** By network name. The id is known from the first start on. */
  readonly networks: Map<string, { networkId: string; settings: EndpointSettings }>
  readonly mounts: readonly SimulatedMount[]
  readonly ports: readonly { ip: string; hostPort: number; port: number; protocol: string }[]
  /** How often a process of it ended. */
  exits: number
  /** Until when dockerd cleans up after its end: it holds the container's lock, its ports and endpoints meanwhile. */
  settlesAtMs: number
  /** What a list shows until then: dockerd tells of an end before it writes it down. */
  shown: Shown | undefined
}

/** What a list tells of a container's state. */
export type Shown = Pick<SimulatedContainer, 'state' | 'health' | 'exitCode' | 'startedAtMs' | 'finishedAtMs'>

export interface SimulatedNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
}

export interface SimulatedVolume {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

export interface SimulatedImage {
  readonly id: string
  readonly volumes: readonly string[]
  readonly entrypoint?: readonly string[]
  /** What its program does, by its environment. */
  readonly program?: (env: readonly string[]) => Program
}

export interface MachineObserver {
  started(container: SimulatedContainer, actor: Actor): void
  healthy(container: SimulatedContainer): void
  /** It was healthy until now. */
  unwell(container: SimulatedContainer): void
  exited(container: SimulatedContainer, actor: Actor): void
  removed(container: SimulatedContainer): void
  volumeRemoved(name: string, actor: Actor): void
  /** A container was created that names a volume which is not there: dockerd makes an empty one. */
  volumeImplied(name: string, container: string): void
}

/** As the Engine counts: one that waits to be started again runs. */
export const isUp = ({ state }: Pick<SimulatedContainer, 'state'>): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting'
