/** Adopting and ejecting: what is read for it, and what is written down. No container is touched by either. */
import { Problem } from '../../protocol/problems.ts'
import type { Adoption } from '../stack/adopt.ts'
import type { ServiceState } from '../stack/desired.ts'
import { OURS } from '../stack/labels.ts'
import type { Observed } from '../stack/observed.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { StackRow } from '../store/stacks.ts'
import type { Core } from './core.ts'
import { imageReference } from './desired-reader.ts'
import type { StackState } from './stack-state.ts'

export interface Adoptable extends Adoption {
  readonly state: StackState
  readonly observed: Observed
}

/** What the project's containers stand for, held against this revision. */
export async function decideAdoption(
  core: Core,
  revision: RevisionRow,
  disabled: readonly string[],
  signal: AbortSignal,
): Promise<Adoptable> {
  const { model, number, stack } = revision
  const row: StackRow = {
    name: stack,
    presence: 'present',
    revision: number,
    disabled,
    condition: 'converging',
    reason: undefined,
    updatedAt: core.clock.now().toISOString(),
  }
  const desired = core.desired.compose(row, Object.keys(model.services).map(notYet(number)), () => revision)
  const observed = await core.observer.observe(desired, signal)
  const { adopt } = await import('../stack/adopt.ts')
  const fileDigests = Object.fromEntries(revision.files.map((file) => [`${file.kind}:${file.name}`, file.digest]))
  const adoption = adopt({ model, revision: number, observed, fileDigests })
  return { ...adoption, observed, state: { stack: row, services: adoption.services } }
}

const notYet =
  (revision: number) =>
  (service: string): ServiceState => ({
    service,
    revision,
    run: 'running',
    scale: undefined,
    recreate: 0,
    restart: 0,
    outdated: 'keep',
  })

/** Makes it the desired state, pinned to the images that run. */
export function commitAdoption(core: Core, deployment: string, revision: RevisionRow, adoptable: Adoptable): void {
  const { store } = core
  const { stack, model, number } = revision
  const { state, adopted, images, observed } = adoptable
  store.batch(() => {
    store.stacks.save(state.stack)
    for (const { service } of store.stacks.services(stack)) store.stacks.removeService(stack, service)
    for (const service of state.services) store.stacks.saveService(stack, service)
    store.adopted.forgetStack(stack)
    for (const one of adopted) store.adopted.add(stack, one)
    for (const [service, imageId] of Object.entries(images)) {
      store.revisions.pin(stack, number, {
        service,
        reference: imageReference(model.name, service, model.services[service]!),
        imageId,
      })
    }
    // One that is there now and gone later must not silently be made again.
    for (const volume of Object.values(model.volumes ?? {})) {
      const isThere = observed.volumes.some(({ name }) => name === volume?.name)
      if (volume !== null && volume.external !== true && isThere) store.memory.set(stack, 'volume', volume.name, true)
    }
    store.deployments.applied(deployment, number)
  })
}

/** Forgets the stack. Its revisions and deployments stay: `history` shows them, and adopting it goes on from there. */
export function eject({ store, endings }: Core, stack: string): void {
  store.batch(() => {
    store.stacks.remove(stack)
    store.trials.forget(stack)
    store.memory.forgetStack(stack)
    store.adopted.forgetStack(stack)
    store.holds.remove(stack)
  })
  endings.forgetStack(stack)
}

/** Throws where the project cannot be adopted. */
export async function mustBeAdoptable(
  { store, observer }: Core,
  stack: string,
  services: ReadonlySet<string>,
  others: 'take' | 'refuse',
  signal: AbortSignal,
): Promise<void> {
  if (store.stacks.find(stack)?.presence === 'present') {
    throw new Problem('conflict', `stack ${stack} is kept by this daemon already`, { hint: 'see: evenkeel ps' })
  }
  const containers = await observer.containers(stack, signal)
  const fitting = containers.filter(({ Labels }) => services.has(Labels['com.docker.compose.service'] ?? ''))
  if (fitting.length === 0) {
    throw new Problem('container-not-found', `project ${stack} has no container of a service of this file`, {
      hint: 'see `docker compose ls` for the projects that are there; `evenkeel up` begins a new one',
    })
  }
  const made = fitting.filter(({ Labels }) => ![undefined, store.instance].includes(Labels[OURS.instance]))
  if (others === 'refuse' && made.length > 0) {
    throw new Problem(
      'stack-owned-elsewhere',
      `${made.length} container(s) of ${stack} were made by another evenkeeld`,
      {
        hint: 'eject the stack there first; then, or where that daemon is no more, adopt it with --take-over',
      },
    )
  }
}
