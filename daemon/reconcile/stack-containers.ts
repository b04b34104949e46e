/** What is read of a stack's containers, and images made of them: nothing here changes what the stack is meant to be. */
import type { Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'
import type {
  CommitRequest,
  ContainerImage,
  ContainerProcesses,
  StackVolume,
} from '../../protocol/resources/operations.ts'
import { secretVariables } from '../../protocol/stackfile/secret-variables.ts'
import { splitReference } from '../engine/images.ts'
import type { ContainerSummary, ImageInspect } from '../engine/types.ts'
import { containerName } from '../stack/container-name.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { isStatus } from './perform/engine-answers.ts'
import { removeSupersededImages } from './superseded-images.ts'

export class StackContainers {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** Containers of these services, or of all, by service and number. Rejects for a stack or service that is not there. */
  async select(stack: string, services: readonly string[], signal: AbortSignal): Promise<ContainerSummary[]> {
    const { store, observer } = this.#core
    const all = await observer.containers(stack, signal)
    if (all.length === 0 && store.stacks.find(stack) === undefined) {
      throw new Problem('stack-not-found', `there is no stack ${stack}`, { hint: 'see: evenkeel ls' })
    }
    const known = new Set([...store.stacks.services(stack).map((state) => state.service), ...all.map(serviceOf)])
    for (const service of services) {
      if (known.has(service)) continue
      throw new Problem('service-not-found', `no such service: ${service}`, {
        hint: known.size === 0 ? undefined : `stack ${stack} has: ${[...known].sort().join(', ')}`,
      })
    }
    return all
      .filter((container) => services.length === 0 || services.includes(serviceOf(container)))
      .sort((a, b) => compare(serviceOf(a), serviceOf(b)) || Number(isOneOff(a)) - Number(isOneOff(b)) || order(a, b))
  }

  /** The container with this number, or with index 0 the first of its service: one that runs, as for Compose. */
  async running(stack: string, service: string, index: number, signal: AbortSignal): Promise<ContainerSummary> {
    const found = (await this.select(stack, [service], signal)).find(
      (container) => isRunning(container) && (index === 0 || numberOf(container) === index),
    )
    if (found !== undefined) return found
    throw new Problem(
      'conflict',
      index === 0 ? `service "${service}" is not running` : `service "${service}" is not running container #${index}`,
      { hint: `see: evenkeel -p ${stack} ps -a ${service}` },
    )
  }

  async processes(stack: string, services: readonly string[]): Promise<ContainerProcesses[]> {
    const signal = deadline()
    const running = (await this.select(stack, services, signal)).filter(isRunning)
    const answers = await Promise.all(
      running.map(async (container) => {
        try {
          const { Titles, Processes } = await this.#core.engine.containers.top(container.Id, undefined, { signal })
          return [{ ...namesOf(container), titles: Titles, processes: Processes }]
        } catch (error) {
          // It has ended since, or the Engine starts it again just now: it has no processes to show.
          if (isStatus(error, 404) || isStatus(error, 409)) return []
          throw error
        }
      }),
    )
    return answers.flat()
  }

  async images(stack: string, services: readonly string[]): Promise<ContainerImage[]> {
    const signal = deadline()
    const containers = await this.select(stack, services, signal)
    const ids = [...new Set(containers.map((container) => container.ImageID))]
    const inspected = await Promise.all(
      ids.map(async (id) => [id, await this.#core.engine.images.inspect(id, { signal })] as const),
    )
    const images = new Map(inspected)
    return containers.map((container) => imageOf(container, images.get(container.ImageID)))
  }

  /** Those with the stack's label; with services only those that their containers mount. */
  async volumes(stack: string, services: readonly string[]): Promise<StackVolume[]> {
    const signal = deadline()
    const containers = await this.select(stack, services, signal)
    const mounted = new Set(containers.flatMap(({ Mounts }) => Mounts.map((mount) => mount.Name)))
    const label = [`${COMPOSE.project}=${stack}`]
    const volumes = await this.#core.engine.volumes.list({ filters: { label } }, { signal })
    return volumes
      .filter((volume) => services.length === 0 || mounted.has(volume.Name))
      .sort((a, b) => compare(a.Name, b.Name))
      .map((volume) => ({
        name: volume.Name,
        driver: volume.Driver,
        scope: volume.Scope,
        mountpoint: volume.Mountpoint,
        labels: { ...volume.Labels },
      }))
  }

  /** Images of earlier revisions that nothing leads to or uses. */
  removeSuperseded(stack: string): Promise<string[]> {
    return removeSupersededImages(this.#core, stack)
  }

  /** A tar of all its files, as it is read from the Engine. */
  async fileSystem(stack: string, service: string, index: number): Promise<Readable> {
    const { Id } = await this.running(stack, service, index, deadline())
    return this.#core.engine.containers.export(Id)
  }

  async commit(stack: string, request: CommitRequest): Promise<{ container: string; id: string }> {
    const { engine, frozen } = this.#core
    const { service, index, reference, author, message, changes, during } = request
    const container = await this.running(stack, service, index, deadline())
    this.#mustHoldNoSecret(stack, container)
    const target = reference === undefined ? {} : splitReference(reference)
    if (during === 'pause') frozen.add(container.Id)
    try {
      const { Id } = await engine.containers.commit({
        container: container.Id,
        ...target,
        changes,
        pause: during === 'pause',
        ...(author === undefined ? {} : { author }),
        ...(message === undefined ? {} : { comment: message }),
      })
      return { container: containerName(container), id: Id }
    } finally {
      frozen.delete(container.Id)
    }
  }

  /** The Engine keeps in an image what its container was made with, variables included, whatever is said to take them out. */
  #mustHoldNoSecret(stack: string, { Labels }: ContainerSummary): void {
    const revision = this.#core.store.revisions.find(stack, Number(Labels[OURS.revision] ?? 0))
    const spec = revision?.model.services[Labels[COMPOSE.service] ?? '']
    const variables = spec === undefined ? [] : secretVariables(spec).map(({ variable }) => variable)
    if (variables.length === 0) return
    throw new Problem(
      'conflict',
      `the image would have the secrets of the container in the clear: ${variables.join(', ')}`,
      {
        hint: 'have them as files: take x-evenkeel out of its `secrets`',
      },
    )
  }
}

export const serviceOf = (container: ContainerSummary): string => container.Labels[COMPOSE.service] ?? ''
export const numberOf = (container: ContainerSummary): number => Number(container.Labels[COMPOSE.number] ?? 0)
export const isOneOff = (container: ContainerSummary): boolean => container.Labels[COMPOSE.oneOff] === 'True'
export const isRunning = ({ State }: ContainerSummary): boolean =>
  State === 'running' || State === 'paused' || State === 'restarting'

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const order = (a: ContainerSummary, b: ContainerSummary): number => numberOf(a) - numberOf(b)

const namesOf = (container: ContainerSummary) => ({
  container: containerName(container),
  service: serviceOf(container),
  replica: numberOf(container),
})

/** The name is the container's own: an image that lost its tag to another one keeps what it was asked for by. */
function imageOf(container: ContainerSummary, image: ImageInspect | undefined): ContainerImage {
  const isId = /^(sha256:)?[0-9a-f]{12,64}$/.test(container.Image)
  const { repo, tag } = isId ? { repo: '', tag: '' } : splitReference(container.Image)
  const lastTagTime = timestampOf(image?.Metadata?.LastTagTime)
  const createdAt = timestampOf(image?.Created)
  return {
    container: containerName(container),
    service: serviceOf(container),
    id: container.ImageID,
    repository: repo,
    tag: tag.includes(':') ? '' : tag,
    platform: image === undefined ? '' : [image.Os, image.Architecture, image.Variant].filter(Boolean).join('/'),
    sizeBytes: image?.Size ?? 0,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(lastTagTime === undefined ? {} : { lastTagTime }),
  }
}

/** Go writes a time that was never set as the year 1. */
function timestampOf(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.startsWith('0001-') ? undefined : text
}
