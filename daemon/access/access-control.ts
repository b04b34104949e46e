/** The use cases around users and tokens. Nobody gives more than they have: owners are made and removed by owners alone. */
import type { Role } from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Token, TokenCreated, TokenRequest, User, UserRequest } from '../../protocol/resources/access.ts'
import type { Store } from '../store/store.ts'
import type { Admitted } from './gate.ts'
import { hashOf, newSecret } from './token.ts'

/** Enough for people and machines, and a bound. */
const LIMIT = 10_000

export interface AccessCollaborators {
  readonly store: Pick<Store, 'access' | 'transaction'>
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

  putUser(name: string, { role, stacks }: UserRequest, caller: Admitted): User {
    const { store, now } = this.#with
    const { access } = store
    const before = access.user(name)
    mayRule(caller, role)
    if (before !== undefined) mayRule(caller, before.role)
    else if (access.users().length >= LIMIT) throw new Problem('conflict', `there are ${LIMIT} users already`)
    store.transaction(() =>
      access.putUser({ name, role, stacks, createdAt: now().toISOString(), createdBy: caller.name }),
    )
    this.#with.changed()
    return access.user(name)!
  }

  removeUser(name: string, caller: Admitted): void {
    const { store } = this.#with
    mayRule(caller, this.#mustFindUser(name).role)
    store.transaction(() => store.access.removeUser(name))
    this.#with.changed()
  }

  tokens(): Token[] {
    return this.#with.store.access.tokens()
  }

  createToken(request: TokenRequest, caller: Admitted): TokenCreated {
    const { store, now } = this.#with
    const { access } = store
    const user = request.user === undefined ? undefined : this.#mustFindUser(request.user)
    const role = request.role ?? user?.role
    if (role !== undefined) mayRule(caller, role)
    if (user !== undefined) mayRule(caller, user.role)
    if (access.token(request.name) !== undefined) {
      throw new Problem('conflict', `there is a token ${request.name} already`, {
        hint: 'give another name, or revoke that one: evenkeel token rm',
      })
    }
    if (access.tokens().length >= LIMIT) throw new Problem('conflict', `there are ${LIMIT} tokens already`)
    const at = now()
    const secret = newSecret()
    const { expiresInSeconds } = request
    const stacks = request.stacks ?? (user === undefined ? ['*'] : undefined)
    const token: Token = {
      name: request.name,
      ...(user === undefined ? {} : { user: user.name }),
      ...(request.role === undefined ? {} : { role: request.role }),
      ...(stacks === undefined ? {} : { stacks }),
      createdAt: at.toISOString(),
      createdBy: caller.name,
      ...(expiresInSeconds === null
        ? {}
        : { expiresAt: new Date(at.getTime() + expiresInSeconds * 1000).toISOString() }),
    }
    store.transaction(() => access.addToken({ ...token, hash: hashOf(secret) }))
    return { ...token, secret }
  }

  removeToken(name: string, caller: Admitted): void {
    const { store } = this.#with
    const token = store.access.token(name)
    if (token === undefined) {
      throw new Problem('token-not-found', `there is no token ${name}`, { hint: 'see: evenkeel token ls' })
    }
    if (token.role !== undefined) mayRule(caller, token.role)
    if (token.user !== undefined) mayRule(caller, this.#mustFindUser(token.user).role)
    store.transaction(() => store.access.removeToken(name))
    this.#with.changed()
  }

  #mustFindUser(name: string): User {
    const user = this.#with.store.access.user(name)
    if (user !== undefined) return user
    throw new Problem('user-not-found', `there is no user ${name}`, { hint: 'see: evenkeel user ls' })
  }
}

function mayRule(caller: Admitted, role: Role): void {
  if (role !== 'owner' || caller.may('access.own')) return
  throw new Problem('forbidden', 'only an owner makes, changes or removes owners')
}
