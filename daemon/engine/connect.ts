/** A Docker Engine over HTTP: negotiates the API version on first use, and again after the connection was lost. */
import { Problem } from '../../protocol/problems.ts'
import type { EngineAddress } from './address.ts'
import { containersOf } from './containers.ts'
import { execOf } from './exec.ts'
import { filtersOf } from './filters.ts'
import { imagesOf } from './images.ts'
import { jsonLines } from './json-lines.ts'
import { networksOf } from './networks.ts'
import { type Call, Transport } from './transport.ts'
import type { Engine, EngineEvent, EngineVersion } from './types.ts'
import { volumesOf } from './volumes.ts'

/** The range that we speak. 1.41 is Engine 20.10; 1.51 is Engine 28.3, whose fields we know. */
export const OLDEST_API = '1.41'
export const NEWEST_API = '1.51'

export function connectEngine(address: EngineAddress): Engine {
  const bare = new Transport(address)
  const http = new NegotiatedTransport(address, bare)
  return {
    address: address.url,
    version: (options) => unlessAborted(http.version(), options?.signal),
    atLeast: async (api) => compareApi((await http.version()).negotiated, api) >= 0,
    ping: async (options) => {
      await bare.status({ method: 'GET', path: '/_ping', timeoutMs: 5000, ...options })
    },
    info: (options) => http.json({ method: 'GET', path: '/info', ...options }),
    async *events({ since, until, filters }, options) {
      const query = { since, until, filters: filtersOf(filters) }
      const bytes = http.bytes({ method: 'GET', path: '/events', query, ...options })
      for await (const { value, text } of jsonLines<EngineEvent>(bytes)) yield { ...value, timeNano: timeNanoOf(text) }
    },
    containers: containersOf(http),
    exec: execOf(http),
    images: imagesOf(http),
    networks: networksOf(http),
    volumes: volumesOf(http),
    upgrade: (path, headers, options) => http.upgrade({ method: 'POST', path, headers, protocol: 'h2c', ...options }),
    close: async () => {
      await Promise.all([bare.close(), http.close()])
    },
  }
}

/** Nanoseconds do not fit a double: they are read from the text of the line. */
function timeNanoOf(text: string): string {
  return /"timeNano":(\d+)/.exec(text)?.[1] ?? '0'
}

class NegotiatedTransport extends Transport {
  readonly #bare: Transport
  #version: Promise<EngineVersion> | undefined
  #isNegotiated = false

  constructor(address: EngineAddress, bare: Transport) {
    super(address)
    this.#bare = bare
  }

  /** One question for all who ask; a failure is not kept. An Engine that comes back may be another one. */
  version(): Promise<EngineVersion> {
    this.#version ??= this.#negotiate().catch((error: unknown) => {
      this.#version = undefined
      throw error
    })
    return this.#version
  }

  override async send(call: Call) {
    if (!this.#isNegotiated) await unlessAborted(this.version(), call.signal)
    return super.send(call)
  }

  override async upgrade(call: Call & { readonly protocol: string }) {
    if (!this.#isNegotiated) await unlessAborted(this.version(), call.signal)
    return super.upgrade(call)
  }

  override async bulk(call: Call) {
    if (!this.#isNegotiated) await unlessAborted(this.version(), call.signal)
    return super.bulk(call)
  }

  override async bulkUpload(call: Call & { readonly contentType: string }) {
    if (!this.#isNegotiated) await unlessAborted(this.version(), call.signal)
    return super.bulkUpload(call)
  }

  protected override connectionLost(): void {
    this.#version = undefined
    this.#isNegotiated = false
  }

  async #negotiate(): Promise<EngineVersion> {
    const raw = await this.#bare.json<RawVersion>({ method: 'GET', path: '/version', timeoutMs: 10_000 })
    const newest = raw.ApiVersion ?? '1.24'
    const oldest = raw.MinAPIVersion ?? '1.12'
    const negotiated = compareApi(newest, NEWEST_API) < 0 ? newest : NEWEST_API
    if (compareApi(negotiated, OLDEST_API) < 0) {
      throw new Problem('engine-too-old', `the Engine ${raw.Version} speaks API ${newest}; ${OLDEST_API} is needed`, {
        hint: 'update it to Engine 20.10 or newer',
      })
    }
    if (compareApi(negotiated, oldest) < 0) {
      throw new Problem(
        'engine-too-old',
        `the Engine ${raw.Version} wants API ${oldest} at least; this evenkeeld speaks ${NEWEST_API}`,
        {
          hint: 'update evenkeel',
        },
      )
    }
    this.useVersion(negotiated)
    const runc = raw.Components?.find(({ Name }) => Name === 'runc')?.Version
    this.#isNegotiated = true
    return {
      version: raw.Version ?? '',
      apiVersion: newest,
      minApiVersion: oldest,
      negotiated,
      os: raw.Os ?? '',
      arch: raw.Arch ?? '',
      ...(runc === undefined ? {} : { runc }),
    }
  }
}

type RawVersion = Partial<Record<'Version' | 'ApiVersion' | 'MinAPIVersion' | 'Os' | 'Arch', string>> & {
  readonly Components?: readonly { readonly Name?: string; readonly Version?: string }[]
}

/** The work goes on for others who wait for it; who aborts no longer does. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  // A signal of its own: Node warns of a signal that many listen to, and many calls may share the caller's.
  const own = AbortSignal.any([signal])
  return new Promise((resolve, reject) => {
    const abort = () => reject(own.reason)
    if (own.aborted) abort()
    own.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => own.removeEventListener('abort', abort))
  })
}

/** By number: 1.9 is older than 1.41. */
export function compareApi(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}
