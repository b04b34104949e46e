/** An authority that speaks ACME (RFC 8555): Let's Encrypt and its kin. */
import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { createSecureContext, rootCertificates } from 'node:tls'
import type { Client, Order } from 'acme-client'
import { Problem } from '../../protocol/problems.ts'
import type { AcmeConfig } from './acme-config.ts'
import { isOfType, refusedBy, retryAfterMs } from './acme-errors.ts'
import { type CertificateVault, makeKey } from './certificate-vault.ts'
import type { Challenge, ChallengeWay } from './challenges.ts'
import { type Issuer, Refused } from './issuer.ts'

type Library = typeof import('acme-client')

interface Parts {
  readonly config: Pick<AcmeConfig, 'authority' | 'email' | 'authorityCertificate'>
  readonly vault: Pick<CertificateVault, 'account' | 'keepAccount'>
  readonly way: ChallengeWay
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void }
}

interface Clock {
  now(): Date
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

const CALL_MS = 30_000
const ANSWER_BYTES = 1024 ** 2
/** Looks until the authority has made up its mind. */
const FIRST_LOOK_MS = 250
const LOOK_LIMIT_MS = 5000
const DECISION_MS = 300_000

/** One context for all connections: to read what all trust takes longer than a handshake. */
function agentTrusting(path: string | undefined): Agent {
  if (path === undefined) return new Agent({ keepAlive: true })
  const secureContext = createSecureContext({ ca: [...rootCertificates, readFileSync(path, 'utf8')] })
  return new Agent({ keepAlive: true, secureContext })
}

/** What the library throws away of an answer that is an error: the document, and when to come back. */
class AcmeAnswer extends Error {
  readonly status: number
  readonly document: unknown
  readonly retryAfter: unknown

  constructor(status: number, document: unknown, retryAfter: unknown) {
    super(`status ${status}`)
    this.status = status
    this.document = document
    this.retryAfter = retryAfter
  }
}

export class AcmeIssuer implements Issuer {
  readonly authority: string
  readonly #parts: Parts
  #library: Promise<Library> | undefined
  #client: Promise<Client> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.authority = parts.config.authority
  }

  async issue(host: string, signal: AbortSignal): Promise<{ certificate: string; key: string }> {
    try {
      const library = await this.#load(signal)
      const order = await this.#order(library, host)
      await this.#authorize(await this.#account(library), order, host, signal)
      return await this.#collect(library, order, host, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw this.#inWords(error, host)
    }
  }

  /** The library costs megabytes, and most daemons never need it. */
  #load(signal: AbortSignal): Promise<Library> {
    const open = async (): Promise<Library> => {
      const library = await import('acme-client')
      const { axios } = library
      const { authorityCertificate } = this.#parts.config
      // It would ask again by itself, and for as long as it is told to wait: the keeper does that, and says so.
      axios.interceptors.request.clear()
      axios.interceptors.response.clear()
      axios.interceptors.response.use((answer) => {
        const { status, data, headers } = answer
        if (status < 400 || isOfType(data, 'badNonce')) return answer
        throw new AcmeAnswer(status, data, headers['retry-after'])
      })
      Object.assign(axios.defaults, {
        timeout: CALL_MS,
        maxContentLength: ANSWER_BYTES,
        signal,
        httpsAgent: agentTrusting(authorityCertificate),
      })
      return library
    }
    this.#library ??= open().catch((error: unknown) => {
      this.#library = undefined
      throw error
    })
    return this.#library
  }

  /** One for all orders, and known to the authority. */
  #account(library: Library): Promise<Client> {
    const { config, vault } = this.#parts
    const open = async (): Promise<Client> => {
      const { key, url } = vault.account(config.authority)
      const client = new library.Client({
        directoryUrl: config.authority,
        accountKey: key,
        ...(url === undefined ? {} : { accountUrl: url }),
      })
      const contact = config.email === undefined ? [] : [`mailto:${config.email}`]
      if (url !== undefined) await client.updateAccount({ contact })
      else await client.createAccount({ termsOfServiceAgreed: true, contact })
      if (url === undefined) vault.keepAccount(config.authority, { key, url: client.getAccountUrl() })
      return client
    }
    this.#client ??= open().catch((error: unknown) => {
      this.#client = undefined
      throw error
    })
    return this.#client
  }

  async #order(library: Library, host: string): Promise<Order> {
    const request = async (): Promise<Order> =>
      (await this.#account(library)).createOrder({ identifiers: [{ type: 'dns', value: host }] })
    try {
      return await request()
    } catch (error) {
      if (!(error instanceof AcmeAnswer) || !isOfType(error.document, 'accountDoesNotExist')) throw error
      // The authority has forgotten it: it is told again who we are, with the same key.
      const { vault, config } = this.#parts
      vault.keepAccount(config.authority, { key: vault.account(config.authority).key, url: undefined })
      this.#client = undefined
      return request()
    }
  }

  async #authorize(client: Client, order: Order, host: string, signal: AbortSignal): Promise<void> {
    const { way, log } = this.#parts
    const look = async () => (await client.getAuthorizations(order))[0]!
    const asked = await look()
    if (asked.status === 'valid') return
    const offered = asked.challenges.find(({ type }) => type === way.type)
    if (offered === undefined) throw new Refused(`the authority has no ${way.type} for ${host}`, {})
    const challenge: Challenge = {
      host,
      token: offered.token,
      text: await client.getChallengeKeyAuthorization(offered),
    }
    try {
      await way.set(challenge, signal)
      await client.completeChallenge(offered)
      const answer = await this.#until(look, ({ status }) => status !== 'pending', signal)
      if (answer.status === 'valid') return
      const failed = answer.challenges.find(({ type }) => type === way.type) as { error?: unknown } | undefined
      throw refusedBy(this.authority, host, failed?.error ?? { detail: `it is ${answer.status}` })
    } finally {
      await way.clear(challenge).catch((err) => log.warn({ err, host }, 'the answer to an authority stays for now'))
    }
  }

  async #collect(
    library: Library,
    order: Order,
    host: string,
    signal: AbortSignal,
  ): Promise<{ certificate: string; key: string }> {
    const client = await this.#account(library)
    const key = makeKey()
    const [, request] = await library.crypto.createCsr({ altNames: [host] }, key)
    const isDecided = ({ status }: Order): boolean =>
      status !== 'pending' && status !== 'ready' && status !== 'processing'
    const ordered = { ...(await client.finalizeOrder(order, request)), url: order.url }
    const done = isDecided(ordered) ? ordered : await this.#until(() => client.getOrder(order), isDecided, signal)
    if (done.status !== 'valid')
      throw refusedBy(this.authority, host, done.error ?? { detail: 'the order is not valid' })
    return { certificate: await client.getCertificate(done), key }
  }

  async #until<T>(look: () => Promise<T>, isDecided: (answer: T) => boolean, signal: AbortSignal): Promise<T> {
    const { clock } = this.#parts
    const end = clock.now().getTime() + DECISION_MS
    for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 1.5, LOOK_LIMIT_MS)) {
      await clock.sleep(waitMs, signal)
      signal.throwIfAborted()
      const answer = await look()
      if (isDecided(answer)) return answer
      if (clock.now().getTime() > end)
        throw new Refused(`the authority did not decide within ${DECISION_MS / 60_000} minutes`, {})
    }
  }

  #inWords(error: unknown, host: string): Problem {
    if (error instanceof Problem) return error
    if (error instanceof AcmeAnswer) {
      const { status, document, retryAfter } = error
      const waitMs = retryAfterMs(retryAfter, this.#parts.clock.now())
      return refusedBy(this.authority, host, document, { status, retryAfterMs: waitMs })
    }
    const { code, message } = error as NodeJS.ErrnoException
    return new Refused(`${new URL(this.authority).host} cannot be asked: ${code ?? message}`, {
      hint: /CERT|SELF_SIGNED|ISSUER/.test(code ?? '')
        ? 'its certificate is not trusted here: evenkeeld --acme-ca FILE names its authority'
        : 'see the connection of this machine; the certificate that is there goes on',
      cause: error,
    })
  }
}
