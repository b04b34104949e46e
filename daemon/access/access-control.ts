/** The use cases around users and tokens. */
import { Problem } from '../../protocol/problems.ts'
import type { Token, TokenCreated, TokenRequest, User, UserRequest } from '../../protocol/resources/access.ts'
import type { Store } from '../store/store.ts'
import type { Admitted } from './gate.ts'
import type { RightsReader } from './rights.ts'
import { mustBeRole, mustHold, noUser } from './ruling.ts'
import { hashOf, newSecret } from './token.ts'

/** Enough for people and machines, and a bound. */
export const ACCESS_LIMIT = 10_000

export interface AccessCollaborators {
  readonly store: Pick<Store, 'access' | 'roles' | 'teams' | 'invitations' | 'transaction'>
  readonly rights: RightsReader
  readonly now: () => Date
  /** Rights have changed. */
  readonly changed: () => void
}

export class AccessControl {
  readonly #with: AccessCollaborators

  constructor(collaborators: AccessCollaborators) {
    this.#with = collaborators
  }

  users(): User[] {
    return this.#with.store.access.users()
  }

  putUser(name: string, request: UserRequest, caller: Admitted): User {
    const { store, rights, now } = this.#with
    const { access } = store
    const { role, stacks } = request
    const before = access.user(name)
    const user = {
      name,
      stacks,
      kind: request.kind ?? before?.kind ?? 'person',
      ...(role === undefined ? {} : { role }),
    }
    if (role !== undefined) mustBeRole(role, rights)
    mustHold(caller, rights.ofAccount(user))
    if (before !== undefined) mustHold(caller, rights.ofAccount(before))
    else mustHaveRoom(access.users(), 'users')
    store.transaction(() => access.putUser({ ...user, createdAt: now().toISOString(), createdBy: caller.name }))
    this.#with.changed()
    return access.user(name)!
  }

  removeUser(name: string, caller: Admitted): void {
    const { store, rights } = this.#with
    mustHold(caller, rights.ofAccount(this.#mustFindUser(name)))
    store.transaction(() => store.access.removeUser(name))
    this.#with.changed()
  }

  tokens(): Token[] {
    return this.#with.store.access.tokens()
  }

  createToken(request: TokenRequest, caller: Admitted): TokenCreated {
    const { store, rights, now } = this.#with
    const { access } = store
    const { name, role, expiresInSeconds } = request
    const user = request.user === undefined ? undefined : this.#mustFindUser(request.user)
    const stacks = request.stacks ?? (user === undefined ? ['*'] : undefined)
    const at = now()
    const token: Token = {
      name,
      ...(user === undefined ? {} : { user: user.name }),
      ...(role === undefined ? {} : { role }),
      ...(stacks === undefined ? {} : { stacks }),
      createdAt: at.toISOString(),
      createdBy: caller.name,
      ...(expiresInSeconds === null ? {} : { expiresAt: expiryOf(at, expiresInSeconds) }),
    }
    if (role !== undefined) mustBeRole(role, rights)
    this.#mustRule(token, caller)
    if (access.token(name) !== undefined) throw tokenTaken(name)
    mustHaveRoom(access.tokens(), 'tokens')
    const secret = newSecret()
    store.transaction(() => access.addToken({ ...token, hash: hashOf(secret) }))
    return { ...token, secret }
  }

  removeToken(name: string, caller: Admitted): void {
    const { store } = this.#with
    const token = store.access.token(name)
    if (token === undefined) {
      throw new Problem('token-not-found', `there is no token ${name}`, { hint: 'see: evenkeel token ls' })
    }
    this.#mustRule(token, caller)
    store.transaction(() => store.access.removeToken(name))
    this.#with.changed()
  }

  /** A token speaks in its user's name: whoever makes or revokes it holds what both have. */
  #mustRule(token: Token, caller: Admitted): void {
    const { rights } = this.#with
    // As its user: what the user has is looked at in any case.
    if (token.role !== undefined) mustHold(caller, rights.ofTokenItself(token) ?? [])
    if (token.user !== undefined) mustHold(caller, rights.ofAccount(this.#mustFindUser(token.user)))
  }

  #mustFindUser(name: string): User {
    const user = this.#with.store.access.user(name)
    if (user !== undefined) return user
    throw noUser(name)
  }
}

export function mustHaveRoom(present: readonly unknown[], what: string): void {
  if (present.length >= ACCESS_LIMIT) throw new Problem('conflict', `there are ${ACCESS_LIMIT} ${what} already`)
}

export const expiryOf = (at: Date, seconds: number): string => new Date(at.getTime() + seconds * 1000).toISOString()

export const tokenTaken = (name: string): Problem =>
  new Problem('conflict', `there is a token ${name} already`, {
    hint: 'give another name, or revoke that one: evenkeel token rm',
  })
