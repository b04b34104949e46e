/** Which release the services of a stack belong to once a request is the desired state, and whether that release can be had. */
import { Problem } from '../../protocol/problems.ts'
import type { ImagePin } from '../../protocol/resources/revision.ts'
import { plan } from '../stack/plan.ts'
import type { Policy } from '../stack/policy.ts'
import { assignReleases, withEveryRelease } from '../stack/release.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Store } from '../store/store.ts'
import type { Core } from './core.ts'
import { goodState } from './go-back.ts'
import { memoryOf } from './run-plan.ts'
import type { AppliedState, StackState } from './stack-state.ts'

export interface Applying {
  readonly before: StackState | undefined
  readonly applied: AppliedState
  /** Those that are not stored yet among them. */
  readonly revision: (number: number) => RevisionRow | undefined
  /** What images were found to be; others are as their revisions are pinned. */
  readonly pins: readonly ImagePin[]
}

/** The same with the release of each service. */
export function decideReleases({ store, desired }: Core, applying: Applying): AppliedState {
  const { before, applied, revision } = applying
  const after = desired.compose(applied.stack, applied.services, revision, pinsOf(store, applying))
  const states = before?.services ?? []
  const isOne = Object.values(after.services).some(({ releasing }) => releasing !== undefined)
  if (!isOne && states.every(({ release }) => release === undefined)) return applied
  const name = applied.stack.name
  const releaseOf = (service: string) => states.find((state) => state.service === service)?.release
  const good = goodState(store, name)
  const isLost = [...states, ...(good?.services ?? [])].some((state) => revision(state.revision) === undefined)
  // After a rebuild nobody knows what the containers were made of: they stay on the networks that they are on.
  if (isLost) return withReleases(applied, releaseOf, releaseOf)
  const known = [
    ...(before === undefined ? [] : [desired.compose(before.stack, states, revision)]),
    ...(good === undefined ? [] : [desired.compose({ ...applied.stack, ...good }, good.services, revision)]),
  ]
  const last = Number(store.memory.all(name, 'release').last ?? 0)
  const next = Math.max(last, ...[...states, ...(good?.services ?? [])].map(({ release = 0 }) => release)) + 1
  const releases = assignReleases(after, known, next)
  return withReleases(applied, (service) => releases[service], releaseOf)
}

function withReleases(
  applied: AppliedState,
  ofServices: (service: string) => number | undefined,
  ofOneOffs: (service: string) => number | undefined,
): AppliedState {
  return {
    ...applied,
    services: applied.services.map((state) => ({ ...state, release: ofServices(state.service) })),
    oneOffs: applied.oneOffs.map((state) => ({ ...state, release: ofOneOffs(state.service) })),
  }
}

/** Before anything is changed. */
export async function mustBeReleasable(
  core: Core,
  applying: Applying,
  policy: Policy,
  signal: AbortSignal,
): Promise<void> {
  const { applied, revision } = applying
  if (applied.services.every(({ release }) => release === undefined)) return
  const declared = core.desired.compose(applied.stack, applied.services, revision, pinsOf(core.store, applying))
  const observed = await core.observer.observe(declared, signal)
  const desired = withEveryRelease(declared, observed)
  const memory = memoryOf(core, applied.stack.name, observed)
  const nowMs = core.clock.now().getTime()
  const { blocked } = plan({ nowMs, desired, observed, memory, policy, explain: () => 'it is of another release' })
  if (blocked !== undefined) throw new Problem('conflict', blocked.reason, { hint: blocked.hint })
}

/** The number of a release is given once, whatever becomes of it. */
export function rememberReleases({ memory }: Store, { stack, services }: AppliedState): void {
  const highest = Math.max(0, ...services.map(({ release = 0 }) => release))
  const known = memory.all(stack.name, 'release')
  if (highest <= Number(known.last ?? 0)) return
  memory.set(stack.name, 'release', 'last', highest)
  if (known.switched === undefined) memory.set(stack.name, 'release', 'switched', highest - 1)
}

const pinsOf =
  (store: Store, { applied, pins }: Applying) =>
  (number: number): ImagePin[] => [
    ...pins,
    ...store.revisions
      .pins(applied.stack.name, number)
      .filter(({ service }) => !pins.some((pin) => pin.service === service)),
  ]
