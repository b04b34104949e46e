/**
 * The one place that decides who may do what. Everything is refused that is not found to be allowed: an unknown connection,
 * no or a wrong credential, a role without the permission, an object beyond the grant's reach.
 */
import type { IncomingHttpHeaders } from 'node:http'
import {
  allows,
  allowsEverywhere,
  type Grant,
  grantOf,
  isUnbound,
  type Permission,
  type Rights,
  type RouteObject,
  type Subject,
} from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Token } from '../../protocol/resources/access.ts'
import type { ModelPolicy } from '../stack/model-policy.ts'
import type { Store } from '../store/store.ts'
import { type Lockouts, sourceOf } from './lockouts.ts'
import { type Origin, textOf } from './origin.ts'
import type { RateLimits } from './rate-limits.ts'
import { mustBeFromHere } from './request-rules.ts'
import type { RightsReader } from './rights.ts'
import type { StrangerNotes } from './stranger-notes.ts'
import { hashOf, isWellFormed } from './token.ts'

/** What a route is about: a kind of object, and which one. */
export type Target =
  | { readonly kind: Exclude<RouteObject['kind'], 'none'>; readonly id: string }
  | { readonly kind: 'none' }

export interface Admitted {
  /** For history and audit. */
  readonly name: string
  readonly origin: string
  /** Of what lets the caller in, and of the user behind it. */
  readonly chain: readonly Rights[]
  /** Whom an invitation names, where it is all that the caller has. */
  readonly invited?: string
  /** What may be asked of the Engine; undefined: anything. */
  readonly policy?: ModelPolicy
  may(permission: Permission, stack?: string): boolean
}

/** Who calls, before it is known whether they may. */
interface Identity {
  readonly name: string
  readonly origin: Origin
  /** What the rights are read from, each time anew. */
  readonly by:
    | { readonly kind: 'socket' }
    | { readonly kind: 'token'; readonly token: string; readonly createdAt: string }
    | { readonly kind: 'certificate'; readonly user: string }
    | { readonly kind: 'invitation'; readonly user: string; readonly hash: string }
}

export interface GateCollaborators {
  readonly store: Pick<Store, 'access' | 'invitations' | 'labels' | 'audit' | 'batch'>
  readonly rights: RightsReader
  readonly lockouts: Lockouts
  /** By account, and by address, which several accounts may share. */
  readonly rates: { readonly account: RateLimits; readonly source: RateLimits }
  readonly strangers: StrangerNotes
  readonly policy: ModelPolicy
  readonly now: () => Date
  /** Which stack something belongs to; undefined where there is no such thing. */
  readonly stackOf: {
    readonly deployment: (id: string) => string | undefined
    readonly job: (id: string) => string | undefined
    readonly volume: (name: string) => Promise<string | undefined>
  }
}

export interface Knock {
  readonly origin: Origin | undefined
  readonly headers: IncomingHttpHeaders
  /** Name of the route, for the audit. */
  readonly action: string
}

interface ToNote {
  readonly action: string
  readonly object: string
  readonly outcome: 'done' | 'refused' | 'failed'
  readonly problem?: Pick<Problem, 'code'> | undefined
}

/** Last use is told to the minute. */
const USED_EVERY_MS = 60_000

export class Gate {
  readonly #with: GateCollaborators
  readonly #live = new Set<() => void>()

  constructor(collaborators: GateCollaborators) {
    this.#with = collaborators
  }

  /** Rejects with the Problem that the caller is to see. What is refused is in the audit then. */
  async admit(knock: Knock, permission: Permission, target: Target): Promise<Admitted> {
    let identity: Identity | undefined
    try {
      this.#pace('source', knock.origin)
      identity = this.#identify(knock)
      // All tokens of a user are one account.
      this.#pace('account', knock.origin, identity.name.split('/')[0])
      return await this.#allow(identity, permission, target)
    } catch (error) {
      if (error instanceof Problem && error.code !== 'too-many-attempts') {
        const object = target.kind === 'none' ? '' : target.id
        const refusal = { action: knock.action, object, problem: error, outcome: 'refused' } as const
        if (identity === undefined || error.code === 'too-many-requests')
          this.#noteSparingly(knock.origin, refusal, identity?.name)
        else this.note({ name: identity.name, origin: textOf(identity.origin) }, refusal)
      }
      throw error
    }
  }

  /**
   * Calls `end` as soon as the caller may no longer do what it is doing: a token was revoked or ran out, a user was removed
   * or given another role, a team or a role is another one now. Answers how to stop watching.
   */
  watch(admitted: Admitted, permission: Permission, target: Target, end: (problem: Problem) => void): () => void {
    const check = () => {
      this.#stillAllowed(admitted, permission, target).catch((error: unknown) => {
        if (!this.#live.delete(check)) return
        end(error instanceof Problem ? error : new Problem('forbidden', 'this caller may no longer do that'))
      })
    }
    this.#live.add(check)
    return () => this.#live.delete(check)
  }

  /** To be called when rights have changed, and now and then for those that ran out. */
  recheck(): void {
    for (const check of this.#live) check()
  }

  note(who: Pick<Admitted, 'name' | 'origin'>, what: ToNote): void {
    const { store, now } = this.#with
    store.audit.add({
      at: now().toISOString(),
      actor: who.name,
      origin: who.origin,
      action: what.action,
      // What callers choose is cut to a size.
      object: what.object.slice(0, 300),
      outcome: what.outcome,
      ...(what.problem === undefined ? {} : { code: what.problem.code }),
    })
  }

  /** What costs its cause nothing is not to fill the audit. */
  #noteSparingly(origin: Origin | undefined, what: ToNote, name?: string): void {
    const { strangers, now } = this.#with
    const from = origin === undefined ? 'unknown' : textOf(origin)
    const source = name ?? (origin?.kind === 'tls' ? sourceOf(origin.address) : from)
    const { isNoted, leftOut } = strangers.take(source, now().getTime())
    if (leftOut > 0) {
      const sum = { action: 'refuse strangers', object: `${leftOut} more, within an hour`, outcome: 'refused' } as const
      this.note({ name: 'unknown', origin: 'unknown' }, sum)
    }
    if (isNoted) this.note({ name: name ?? 'unknown', origin: from }, what)
  }

  /** The owner's socket is open in any case. */
  #pace(by: 'source' | 'account', origin: Origin | undefined, name?: string): void {
    if (origin === undefined || (origin.kind === 'socket' && origin.role === 'owner')) return
    if (by === 'source' && origin.kind === 'socket') return
    const { rates, now } = this.#with
    const caller = name ?? (origin.kind === 'tls' ? sourceOf(origin.address) : '')
    const waitMs = rates[by].take(caller, now().getTime())
    if (waitMs > 0) throw tooOften(waitMs)
  }

  #identify({ origin, headers }: Knock): Identity {
    if (origin === undefined) throw new Problem('unauthenticated', 'the connection came in at no listener')
    mustBeFromHere(headers, origin)
    if (headers.authorization !== undefined) return this.#byToken(headers.authorization, origin)
    if (origin.kind === 'socket') return { name: origin.name, origin, by: { kind: 'socket' } }
    if (origin.certifiedName !== undefined) {
      const user = origin.certifiedName
      return { name: user, origin, by: { kind: 'certificate', user } }
    }
    throw new Problem('unauthenticated', 'this needs a token or a client certificate', {
      hint: 'set EVENKEEL_TOKEN, or make a context: evenkeel context add NAME --host URL --token-file FILE',
    })
  }

  #byToken(authorization: string, origin: Origin): Identity {
    const { lockouts, store, now } = this.#with
    const at = now()
    const source = origin.kind === 'tls' ? sourceOf(origin.address) : undefined
    const waitMs = source === undefined ? 0 : lockouts.waitMs(source, at.getTime())
    if (waitMs > 0) throw tooMany(waitMs)
    const secret = /^Bearer (\S{1,200})$/i.exec(authorization)?.[1] ?? ''
    const hash = isWellFormed(secret) ? hashOf(secret) : undefined
    const token = hash === undefined ? undefined : store.access.tokenByHash(hash)
    const invitation = hash === undefined || token !== undefined ? undefined : store.invitations.byHash(hash)
    const shown = token ?? invitation
    if (shown === undefined || hasExpired(shown, at)) {
      const wait = source === undefined ? 0 : lockouts.failed(source, at.getTime())
      if (wait > 0) {
        const action = `lock out for ${Math.round(wait / 1000)} s`
        this.#noteSparingly(origin, { action, object: source ?? '', outcome: 'done' })
      }
      throw new Problem('unauthenticated', 'the token is wrong, expired or revoked', {
        hint: 'make another one: evenkeel token create',
      })
    }
    if (source !== undefined) lockouts.succeeded(source)
    if (token === undefined) {
      const user = shown.name
      return { name: `invitation of ${user}`, origin, by: { kind: 'invitation', user, hash: hash! } }
    }
    this.#used(token, at, textOf(origin))
    const name = token.user === undefined ? token.name : `${token.user}/${token.name}`
    return { name, origin, by: { kind: 'token', token: token.name, createdAt: token.createdAt } }
  }

  #used(token: Token, at: Date, from: string): void {
    if (token.lastUsedAt !== undefined && at.getTime() - Date.parse(token.lastUsedAt) < USED_EVERY_MS) return
    const { store } = this.#with
    store.batch(() => store.access.tokenUsed(token.name, at.toISOString(), from))
  }

  async #allow(identity: Identity, permission: Permission, target: Target): Promise<Admitted> {
    const chain = this.#chainOf(identity)
    await this.#mustReach(chain, permission, target)
    const admitted: Admitted = {
      name: identity.name,
      origin: textOf(identity.origin),
      chain,
      ...(identity.by.kind === 'invitation' ? { invited: identity.by.user } : {}),
      ...(isUnbound(chain) ? {} : { policy: this.#with.policy }),
      may: (wanted, stack) => allows(chain, wanted, stack === undefined ? undefined : this.#subject(stack)),
    }
    IDENTITIES.set(admitted, identity)
    return admitted
  }

  async #stillAllowed(admitted: Admitted, permission: Permission, target: Target): Promise<void> {
    const identity = IDENTITIES.get(admitted)
    if (identity === undefined) throw new Problem('unauthenticated', 'who calls is not known')
    const chain = this.#chainOf(identity)
    await this.#mustReach(chain, permission, target)
    // What is cut down to a caller's stacks was cut by the rights of then.
    if (target.kind === 'none' && JSON.stringify(chain) !== JSON.stringify(admitted.chain))
      throw new Problem('forbidden', "the caller's rights have changed", { hint: 'begin anew' })
  }

  #chainOf({ by, origin }: Identity): readonly Rights[] {
    const { rights, now } = this.#with
    const { access, invitations } = this.#with.store
    if (by.kind === 'socket') return origin.kind === 'socket' ? [[grantOf(origin.role, ['*'])]] : []
    if (by.kind === 'certificate') {
      const user = access.user(by.user)
      if (user === undefined || user.kind === 'service') throw notKnown(by.user)
      return [rights.ofAccount(user)]
    }
    if (by.kind === 'invitation') {
      const row = invitations.byHash(by.hash)
      if (row === undefined || hasExpired(row, now()))
        throw new Problem('unauthenticated', 'the invitation has expired, was used or was taken back')
      return [[INVITED]]
    }
    const token = access.token(by.token)
    // Another one of the same name is another one.
    if (token === undefined || token.createdAt !== by.createdAt || hasExpired(token, now()))
      throw new Problem('unauthenticated', 'the token has expired or was revoked')
    const chain = rights.ofToken(token)
    if (chain === undefined) throw notKnown(token.user ?? token.name)
    return chain
  }

  async #mustReach(chain: readonly Rights[], permission: Permission, target: Target): Promise<void> {
    if (target.kind === 'none' || allowsEverywhere(chain, permission)) {
      if (allows(chain, permission)) return
      throw lacksPermission(permission)
    }
    const stack = target.kind === 'stack' ? target.id : await this.#with.stackOf[target.kind](target.id)
    // Whoever may not see it is told no more than that there is none, whether there is or not.
    const sees = target.kind === 'volume' ? 'volume.read' : 'read'
    const subject = stack === undefined ? undefined : this.#subject(stack)
    if (subject === undefined || !allows(chain, sees, subject)) throw absent(target)
    if (!allows(chain, permission, subject)) throw lacksPermission(permission)
  }

  #subject(name: string): Subject {
    return { name, labels: this.#with.store.labels.of(name) }
  }
}

/** All that an invitation is good for. */
const INVITED: Grant = { role: 'invited', permissions: ['invitation.accept'], stacks: ['*'] }

/** Rights are read anew for what lasts. */
const IDENTITIES = new WeakMap<Admitted, Identity>()

const hasExpired = ({ expiresAt }: Pick<Token, 'expiresAt'>, now: Date): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime()

const notKnown = (user: string) => new Problem('unauthenticated', `there is no user ${user}`)

export const lacksPermission = (permission: Permission): Problem =>
  new Problem('forbidden', `this caller's role has not the permission ${permission}`, {
    hint: 'evenkeel whoami shows what it may do',
  })

const tooMany = (waitMs: number) =>
  new Problem('too-many-attempts', 'too many wrong tokens came from this address', {
    hint: `wait ${Math.ceil(waitMs / 1000)} s; the daemon's socket is open meanwhile`,
  })

const tooOften = (waitMs: number) =>
  new Problem('too-many-requests', 'this caller asks too often', {
    hint: `try again in ${Math.ceil(waitMs / 1000)} s`,
  })

function absent({ kind, id }: Extract<Target, { id: string }>): Problem {
  if (kind === 'stack') return new Problem('stack-not-found', `there is no stack ${id} that you may see`)
  if (kind === 'deployment') return new Problem('deployment-not-found', `there is no deployment ${id}`)
  if (kind === 'job') return new Problem('job-not-found', `there is no job ${id}`)
  return new Problem('volume-not-found', `there is no volume ${id} that you may see`)
}
