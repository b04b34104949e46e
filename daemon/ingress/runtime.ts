/** HAProxy's runtime API, through its master's Unix socket: one command a connection, to the newest worker or to all. */
import { connect } from 'node:net'
import { Problem } from '../../protocol/problems.ts'
import { changeMap, readMap } from './runtime-maps.ts'
import { countersOf, type Reading, SLOW_TABLE } from './traffic.ts'

const ANSWER_MS = 5000
const ANSWER_BYTES = 8 * 1024 ** 2

export interface RuntimeServer {
  readonly backend: string
  readonly name: string
  /** With its port. */
  readonly address: string
  readonly state: 'ready' | 'draining' | 'out'
  readonly weight: number
}

/** What a server is to be. `weight` undefined: that which it has. */
export type ServerState = Pick<RuntimeServer, 'backend' | 'name' | 'state'> & { readonly weight?: number }

const WORDS: Readonly<Record<RuntimeServer['state'], string>> = { ready: 'ready', draining: 'drain', out: 'maint' }
/** So many commands of any length fit into one of HAProxy's buffers of 16 KiB. */
const AT_ONCE = 25

export interface Workers {
  readonly current: number | undefined
  /** With connections of before a reload. */
  readonly old: readonly number[]
  readonly failedReloads: number
}

export class Runtime {
  readonly #path: string
  readonly #workerPath: string

  /** Of the master, and of the newest worker: that one takes several commands at once, with nothing in between. */
  constructor(path: string, workerPath: string) {
    this.#path = path
    this.#workerPath = workerPath
  }

  /** The structure that the newest worker serves (config.ts). */
  async structure(): Promise<string | undefined> {
    return /^description: (.*)$/m.exec(await this.ask('@1 show info'))?.[1]?.trim()
  }

  /** Answers at once: whether it worked shows in {@link workers} and {@link structure}. */
  async reload(): Promise<void> {
    await this.ask('reload')
  }

  async workers(): Promise<Workers> {
    const text = await this.ask('show proc')
    const old = text.split('# old workers')[1]?.split('#')[0] ?? ''
    const pids = (of: string): number[] => [...of.matchAll(/^(\d+)\s+worker/gm)].map(([, pid]) => Number(pid))
    return {
      current: pids(text.split('# old workers')[0] ?? '')[0],
      old: pids(old),
      failedReloads: Number(/\[failed: (\d+)\]/.exec(text)?.[1] ?? 0),
    }
  }

  async servers(): Promise<RuntimeServer[]> {
    const lines = (await this.ask('@1 show servers state')).split('\n')
    const head =
      lines
        .find((line) => line.startsWith('# be_id'))
        ?.slice(2)
        .split(' ') ?? []
    const at = (fields: readonly string[], key: string): string => fields[head.indexOf(key)] ?? ''
    return lines
      .filter((line) => /^\d+ /.test(line) && line.includes(' '))
      .map((line) => line.split(' '))
      .filter((fields) => fields.length > 5)
      .map((fields) => ({
        backend: at(fields, 'be_name'),
        name: at(fields, 'srv_name'),
        address: `${at(fields, 'srv_addr')}:${at(fields, 'srv_port')}`,
        state: stateOf(Number(at(fields, 'srv_admin_state'))),
        weight: Number(at(fields, 'srv_uweight')),
      }))
  }

  /** It gets nothing until it is ready. `more`: words of its configuration besides. */
  async add(backend: string, name: string, address: string, more = ''): Promise<void> {
    await this.must(`@1 add server ${backend}/${name} ${address} ${more}`.trim(), /registered|already exists/i)
  }

  /** Its container has another address; what is open to the old one stays open. */
  async move(backend: string, name: string, { host, port }: { host: string; port: number }): Promise<void> {
    await this.must(`@1 set server ${backend}/${name} addr ${host} port ${port}`, /changed|no need to change/i)
  }

  /** HAProxy gives those that it began with their cookies; of others it is to be asked. */
  async makeCookies(backend: string): Promise<void> {
    await this.must(`@1 enable dynamic-cookie backend ${backend}`, /^\s*$/)
  }

  /** In this order, and all of them before anything else is done. */
  async setStates(states: readonly ServerState[]): Promise<void> {
    for (let at = 0; at < states.length; at += AT_ONCE) {
      const commands = states.slice(at, at + AT_ONCE).flatMap(({ backend, name, state, weight }) => {
        const server = `set server ${backend}/${name}`
        return [...(weight === undefined ? [] : [`${server} weight ${weight}`]), `${server} state ${WORDS[state]}`]
      })
      await this.must(commands.join('; '), /^\s*$/, this.#workerPath)
    }
  }

  /** False where it has connections still. */
  async remove(backend: string, name: string): Promise<boolean> {
    await this.must(`@1 set server ${backend}/${name} state maint`, /^\s*$/)
    return /deleted/i.test(await this.ask(`@1 del server ${backend}/${name}`))
  }

  /** Open on this server, whichever worker they came to. */
  async connections(name: string): Promise<number> {
    const pids = await this.#pids()
    const counts = await Promise.all(pids.map(async (pid) => sessionsOf(await this.#stat(pid), name)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** What has come to each backend, by worker. */
  async traffic(): Promise<Reading> {
    const readings = await Promise.all(
      (await this.#pids()).map(async (pid) => {
        const of = (command: string): Promise<string> => this.ask(`@!${pid} ${command}`).catch(() => '')
        const counters = countersOf(await of('show stat -1 2 -1'), await of(`show table ${SLOW_TABLE}`))
        return [String(pid), counters] as const
      }),
    )
    // One that ends meanwhile has no backends any more: it is not there.
    return Object.fromEntries(readings.filter(([, counters]) => Object.keys(counters).length > 0))
  }

  /** Whatever each worker that has the map thinks stands in it: this does from now on. Answers whether one was told anything. */
  async replaceMap(path: string, entries: ReadonlyMap<string, string>): Promise<boolean> {
    let isTold = false
    for (const pid of await this.#pids()) {
      const there = await readMap(this, `@!${pid}`, path)
      if (there.size === 0) continue
      await changeMap(this, `@!${pid}`, path, { there, wanted: entries })
      isTold = true
    }
    return isTold
  }

  async #pids(): Promise<number[]> {
    const { current, old } = await this.workers()
    return [...(current === undefined ? [] : [current]), ...old]
  }

  /** A worker that ends meanwhile has none. */
  async #stat(pid: number): Promise<string> {
    return this.ask(`@!${pid} show stat -1 4 -1`).catch(() => '')
  }

  /** Throws where the answer is another one. What a command carries besides its first line, a key for one, is not told. */
  async must(command: string, expected: RegExp, path?: string): Promise<void> {
    const answer = await this.ask(command, path)
    if (expected.test(answer)) return
    throw new Problem(
      'ingress-failed',
      `the ingress refused "${command.split('\n')[0]!.replace(/^@1 /, '')}": ${answer.trim()}`,
      {
        hint: 'see its log: docker logs of the container evenkeel-ingress-*',
      },
    )
  }

  /** One command; after `<<`, with lines up to an empty one. */
  ask(command: string, path: string = this.#path): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      let answer = ''
      const fail = (why: string): void => {
        socket.destroy()
        reject(
          new Problem('ingress-failed', `the ingress does not answer (${why})`, {
            hint: 'see the container evenkeel-ingress-*: it is to run, and the daemon to be on the same machine',
          }),
        )
      }
      socket.setEncoding('utf8')
      socket.setTimeout(ANSWER_MS, () => fail(`not within ${ANSWER_MS / 1000} s`))
      socket.on('data', (text: string) => {
        answer += text
        if (answer.length > ANSWER_BYTES) fail('its answer is too long')
      })
      socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
      socket.once('end', () => {
        socket.destroy()
        resolve(answer)
      })
      socket.end(`${command}\n`)
    })
  }
}

/** Bits of `srv_admin_state`: 0x01 and its kin are maintenance, 0x08 and 0x10 drain (HAProxy management guide, 9.3). */
const MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20
const DRAIN = 0x08 | 0x10

function stateOf(bits: number): RuntimeServer['state'] {
  if ((bits & MAINTENANCE) !== 0) return 'out'
  return (bits & DRAIN) !== 0 ? 'draining' : 'ready'
}

/** `scur` of all backends that have the server. */
export function sessionsOf(csv: string, name: string): number {
  const [head = '', ...lines] = csv.split('\n')
  const keys = head.replace(/^# /, '').split(',')
  const [svname, scur] = [keys.indexOf('svname'), keys.indexOf('scur')]
  return lines
    .map((line) => line.split(','))
    .filter((fields) => fields[svname] === name)
    .reduce((sum, fields) => sum + Number(fields[scur] ?? 0), 0)
}
