/** Containers whose logs a test writes, with as much of the Engine's way to read them as followers rely on. */
import type { CallOptions, ContainerSummary, Engine, LogsQuery } from '../../../daemon/engine/types.ts'
import { Problem } from '../../../protocol/problems.ts'
import { frameOf, MOMENT, stampAt } from './log-bytes.ts'

interface Entry {
  readonly at: number
  readonly text: string
  readonly stream: 'stdout' | 'stderr'
}

export class FakeContainer {
  readonly service: string
  readonly replica: number
  readonly id: string
  readonly oneOff: boolean
  state: ContainerSummary['State'] = 'running'
  startedAt = 0
  entries: Entry[] = []
  /** How many entries were rotated away. */
  dropped = 0
  /** So many streams that follow bring what there is and then stand still, as Engine 20.10's do after an ill-timed rotation. */
  standstills = 0
  /** What a call for its log ends with instead. */
  failure: Problem | undefined
  #changed = (): void => {}
  #change: Promise<void> = Promise.resolve()

  constructor(service: string, { replica = 1, oneOff = false } = {}) {
    this.service = service
    this.replica = replica
    this.oneOff = oneOff
    const digits = [...`${service}-${replica}`].map((letter) => letter.charCodeAt(0).toString(16)).join('')
    this.id = digits.padStart(64, '0').split('').reverse().join('').padEnd(64, '0')
    this.#renew()
  }

  write(at: number, text: string, stream: 'stdout' | 'stderr' = 'stdout'): this {
    this.entries.push({ at, text, stream })
    return this.touch()
  }

  /** Its first entries are rotated away: also from under streams that have not come to them. */
  drop(count: number): this {
    this.entries.splice(0, count)
    this.dropped += count
    return this
  }

  /** Wakes those who follow. */
  touch(): this {
    const changed = this.#changed
    this.#renew()
    changed()
    return this
  }

  stop(): this {
    this.state = 'exited'
    return this.touch()
  }

  get change(): Promise<void> {
    return this.#change
  }

  #renew(): void {
    this.#change = new Promise((resolve) => {
      this.#changed = resolve
    })
  }

  get summary(): ContainerSummary {
    return {
      Id: this.id,
      Names: [`/shop-${this.service}-${this.replica}`],
      Image: 'i',
      ImageID: 'i',
      Command: '',
      Created: 0,
      Labels: {
        'com.docker.compose.service': this.service,
        'com.docker.compose.container-number': String(this.replica),
        'com.docker.compose.oneoff': this.oneOff ? 'True' : 'False',
      },
      State: this.state,
      Status: '',
      Ports: [],
      Mounts: [],
    }
  }
}

export class FakeLogs {
  readonly containers: FakeContainer[]
  readonly asked: LogsQuery[] = []
  /** What every call ends with while the Engine is away. */
  away: Problem | undefined
  /** What happens right behind a list, so that it is not in it. */
  afterList: (() => void) | undefined
  /** Entries that were taken of all streams. */
  sent = 0
  /** Streams that are open now. */
  open = 0

  constructor(containers: FakeContainer[]) {
    this.containers = containers
  }

  get following(): number {
    return this.asked.filter((query) => query.follow === true).length
  }

  readonly engine = {
    containers: {
      inspect: async (id: string) => {
        const { state, startedAt } = this.#find(id)
        return { Config: { Tty: false }, State: { Status: state, StartedAt: stampAt(startedAt) } }
      },
      logs: (id: string, query: LogsQuery, options?: CallOptions) => this.#logs(id, query, options?.signal),
    },
  } as unknown as Engine

  readonly list = async (): Promise<ContainerSummary[]> => {
    if (this.away !== undefined) throw this.away
    const list = this.containers.map((container) => container.summary)
    this.afterList?.()
    return list
  }

  #find(id: string): FakeContainer {
    const found = this.containers.find((container) => container.id === id)
    if (found !== undefined) return found
    throw new Problem('engine-error', `No such container: ${id}`, { engine: { call: 'GET', status: 404 } })
  }

  async *#logs(id: string, query: LogsQuery, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    this.asked.push(query)
    this.open += 1
    const ended = new Promise((resolve) => signal?.addEventListener('abort', resolve))
    try {
      const container = this.#find(id)
      if (container.failure !== undefined) throw container.failure
      const since = query.since === undefined ? 0 : Number(query.since) - MOMENT
      const until = query.until === undefined ? Number.POSITIVE_INFINITY : Number(query.until) - MOMENT
      const { tail } = query
      let next = container.dropped + (typeof tail === 'number' ? Math.max(container.entries.length - tail, 0) : 0)
      const standsStill = query.follow === true && container.standstills > 0
      if (standsStill) container.standstills -= 1
      for (;;) {
        signal?.throwIfAborted()
        const { change } = container
        const { state } = container
        const end = container.dropped + container.entries.length
        for (next = Math.max(next, container.dropped); next < end; next = Math.max(next + 1, container.dropped)) {
          const { at, text, stream } = container.entries[next - container.dropped]!
          if (at > until) return
          if (at < since) continue
          yield frameOf(`${query.timestamps === true ? `${stampAt(at)} ` : ''}${text}\n`, stream)
          this.sent += 1
        }
        if (this.away !== undefined) throw this.away
        if (query.follow !== true || (state !== 'running' && next === end)) return
        if (standsStill) {
          while (container.state === 'running' && signal?.aborted !== true)
            await Promise.race([container.change, ended])
          signal?.throwIfAborted()
          return
        }
        if (next < container.dropped + container.entries.length) continue
        await Promise.race([change, ended])
      }
    } finally {
      this.open -= 1
    }
  }
}
