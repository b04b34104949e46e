/** Makes the ingress that this machine can have, and has it taken up again whenever that may be needed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine, EngineEvent } from '../engine/types.ts'
import type { Store } from '../store/store.ts'
import type { AccessLog } from './access-log.ts'
import type { ListenAddress } from './config.ts'
import { HaproxyIngress, type Ingress, noIngress } from './ingress.ts'

export interface IngressConfig {
  /** Undefined: there is to be none. */
  readonly image: string | undefined
  /** Where routes by host and path are served. */
  readonly http: ListenAddress
  /** The same over HTTPS. */
  readonly https: ListenAddress
}

interface Surroundings {
  readonly config: IngressConfig
  readonly engine: Engine
  readonly store: Store
  readonly state: string
  readonly uid: number | undefined
  /** Certificate, chain and key of a host (PEM); undefined: it has none. */
  readonly certificateOf: (host: string) => string | undefined
  readonly clock: ConstructorParameters<typeof HaproxyIngress>[0]['clock']
  readonly log: ConstructorParameters<typeof HaproxyIngress>[0]['log']
}

/** The connection to the Engine, as it goes and comes. */
interface Watch {
  /** Of containers of the daemon's own. */
  readonly own: { subscribe(receiver: (event: EngineEvent) => void): unknown }
  readonly states: { subscribe(receiver: (state: string) => void): unknown }
}

export interface OpenedIngress extends Ingress {
  /** Undefined where there is no ingress. */
  readonly https:
    | Pick<HaproxyIngress, 'encryptedHosts' | 'serveCertificates' | 'answerChallenge' | 'changes'>
    | undefined
  /** Undefined where there is no ingress. */
  readonly access: AccessLog | undefined
  follow(watch: Watch): void
}

export function openIngress({
  config,
  engine,
  store,
  state,
  uid,
  clock,
  log,
  certificateOf,
}: Surroundings): OpenedIngress {
  const why = whyNone(config.image, engine.address, uid)
  if (why !== undefined) return { ...noIngress(why), https: undefined, access: undefined, follow: () => {} }
  const ingress = new HaproxyIngress({
    engine,
    memory: store.memory,
    instance: store.instance,
    clock,
    log,
    folder: join(state, 'ingress'),
    image: config.image!,
    settings: { http: config.http, https: config.https, ipv6: hasIpv6(), cookieKey: store.instance },
    certificateOf,
  })
  return Object.assign(ingress, { https: ingress, follow: (watch: Watch) => follow(ingress, watch, log) })
}

function whyNone(image: string | undefined, engine: string, uid: number | undefined): string | undefined {
  if (image === undefined) return 'evenkeeld was started with --ingress-image none'
  if (!engine.startsWith('unix:')) return `the ingress needs an Engine of this machine, and ${engine} is elsewhere`
  if (engine.includes('/run/user/') || uid !== 0)
    return 'the ingress needs a rootful Engine, and evenkeeld to run as root'
  return undefined
}

function follow(ingress: HaproxyIngress, watch: Watch, log: Surroundings['log']): void {
  const takeUp = (): void => {
    ingress.takeUp().catch((err) => log.warn({ err }, 'the ingress is not as it is to be'))
  }
  watch.states.subscribe((state) => {
    if (state === 'connected') takeUp()
  })
  watch.own.subscribe(({ Type, Action, Actor }) => {
    if (Type !== 'container' || Actor.Attributes.name !== ingress.containerName) return
    if (Action === 'die' || Action === 'destroy' || Action === 'start') takeUp()
  })
}

function hasIpv6(): boolean {
  try {
    return readFileSync('/proc/net/if_inet6', 'utf8') !== ''
  } catch {
    // A kernel without it has no such file.
    return false
  }
}
