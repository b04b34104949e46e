/**
 * The lists of an Engine that many stacks ask for at once: at start, after a gap, once a minute. One list of all projects
 * costs the Engine little more than that of one, so that those who ask in the same turn of the event loop share it.
 */
import type { ContainerSummary, Engine, NetworkInfo, VolumeInfo } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'

/** From so many on one list for all is asked for. */
const SHARED_FROM = 4

interface Waiting<T> {
  readonly stack: string
  readonly resolve: (items: Promise<T[]>) => void
}

class SharedList<T> {
  readonly #list: (label: string, signal?: AbortSignal) => Promise<T[]>
  readonly #stackOf: (item: T) => string | undefined
  readonly #turn: () => Promise<void>
  #waiting: (Waiting<T> & { readonly signal: AbortSignal | undefined })[] | undefined

  constructor(
    list: (label: string, signal?: AbortSignal) => Promise<T[]>,
    stackOf: (item: T) => string | undefined,
    turn: () => Promise<void>,
  ) {
    this.#list = list
    this.#stackOf = stackOf
    this.#turn = turn
  }

  /** What the Engine says from now on, never what it said before. */
  of(stack: string, signal: AbortSignal | undefined): Promise<T[]> {
    const asked = new Promise<T[]>((resolve) => {
      if (this.#waiting === undefined) {
        this.#waiting = []
        void this.#turn().then(() => this.#ask())
      }
      this.#waiting.push({ stack, resolve, signal })
    })
    return signal === undefined ? asked : endedBy(signal, asked)
  }

  #ask(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    if (waiting.length < SHARED_FROM) {
      for (const { stack, resolve, signal } of waiting) resolve(this.#list(`${COMPOSE.project}=${stack}`, signal))
      return
    }
    const all = this.#list(COMPOSE.project).then((items) => {
      const byStack = new Map<string | undefined, T[]>()
      for (const item of items) {
        const stack = this.#stackOf(item)
        const known = byStack.get(stack)
        if (known === undefined) byStack.set(stack, [item])
        else known.push(item)
      }
      return byStack
    })
    for (const { stack, resolve } of waiting) resolve(all.then((byStack) => byStack.get(stack) ?? []))
  }
}

/** One list that is the same for whoever asks. */
class SharedAnswer<T> {
  readonly #list: () => Promise<T[]>
  readonly #turn: () => Promise<void>
  #asked: Promise<T[]> | undefined

  constructor(list: () => Promise<T[]>, turn: () => Promise<void>) {
    this.#list = list
    this.#turn = turn
  }

  /** What the Engine says from now on, never what it said before. */
  get(signal: AbortSignal): Promise<T[]> {
    this.#asked ??= this.#turn().then(() => {
      this.#asked = undefined
      return this.#list()
    })
    return endedBy(signal, this.#asked)
  }
}

export class SharedLists {
  readonly #running: SharedAnswer<ContainerSummary>
  readonly #containers: SharedList<ContainerSummary>
  readonly #networks: SharedList<NetworkInfo>
  readonly #volumes: SharedList<VolumeInfo>

  /** `turn` resolves when all who ask now have asked. */
  constructor({ containers, networks, volumes }: Engine, turn: () => Promise<void>) {
    const stackOf = ({ Labels }: { Labels: Readonly<Record<string, string>> | null }) => Labels?.[COMPOSE.project]
    this.#running = new SharedAnswer(() => containers.list({}), turn)
    this.#containers = new SharedList(
      (label, signal) => containers.list({ all: true, filters: { label: [label] } }, { signal }),
      stackOf,
      turn,
    )
    this.#networks = new SharedList(
      (label, signal) => networks.list({ filters: { label: [label] } }, { signal }),
      stackOf,
      turn,
    )
    this.#volumes = new SharedList(
      (label, signal) => volumes.list({ filters: { label: [label] } }, { signal }),
      stackOf,
      turn,
    )
  }

  /** All containers of the project, ours or not, running or not. */
  containers(stack: string, signal: AbortSignal | undefined): Promise<ContainerSummary[]> {
    return this.#containers.of(stack, signal)
  }

  /** All that run, of whatever stack or none. */
  running(signal: AbortSignal): Promise<ContainerSummary[]> {
    return this.#running.get(signal)
  }

  networks(stack: string, signal: AbortSignal): Promise<NetworkInfo[]> {
    return this.#networks.of(stack, signal)
  }

  volumes(stack: string, signal: AbortSignal): Promise<VolumeInfo[]> {
    return this.#volumes.of(stack, signal)
  }
}

/** Whoever gives up does not wait for the others' list. */
function endedBy<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
    if (signal.aborted) end()
  })
}
