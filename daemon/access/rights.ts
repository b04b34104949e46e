/** What users and tokens may do, read from the store each time anew, so that a change holds from the next look on. */
import {
  type Grant,
  PERMISSIONS,
  type Permission,
  type Rights,
  ROLES,
  type Role,
  RULING,
} from '../../protocol/access.ts'
import type { Token, User } from '../../protocol/resources/access.ts'
import type { Store } from '../store/store.ts'

/** Of a token that is bounded by its stacks alone: its user bounds the rest. */
const OF_ITS_USER = 'as its user'

export class RightsReader {
  readonly #store: Pick<Store, 'access' | 'roles' | 'teams'>

  constructor(store: Pick<Store, 'access' | 'roles' | 'teams'>) {
    this.#store = store
  }

  /** Of a role that there is not: nothing. */
  grant(role: string, stacks: readonly string[]): Grant {
    return { role, permissions: this.permissionsOf(role) ?? [], stacks }
  }

  permissionsOf(role: string): readonly Permission[] | undefined {
    return Object.hasOwn(ROLES, role) ? ROLES[role as Role] : this.#store.roles.find(role)?.permissions
  }

  /** Undefined: there is no such user. */
  ofUser(name: string): Rights | undefined {
    const user = this.#store.access.user(name)
    return user === undefined ? undefined : this.ofAccount(user)
  }

  /** Of one that is there, or is to be: what the user has, and what the teams have that there are for that name. */
  ofAccount({ name, role, stacks, kind }: Pick<User, 'name' | 'role' | 'stacks' | 'kind'>): Rights {
    const own = role === undefined ? [] : [{ role, stacks }]
    const rights = [...own, ...this.#store.teams.grantsOf(name)].map((given) => this.grant(given.role, given.stacks))
    return kind === 'service' ? rights.map(withoutRuling) : rights
  }

  /** What bounds the token itself; undefined: nothing but its user does. */
  ofTokenItself({ user, role, stacks }: Pick<Token, 'user' | 'role' | 'stacks'>): Rights | undefined {
    if (role !== undefined) return [this.grant(role, stacks ?? ['*'])]
    if (user === undefined) return []
    return stacks === undefined || stacks.includes('*')
      ? undefined
      : [{ role: OF_ITS_USER, permissions: Object.keys(PERMISSIONS) as Permission[], stacks }]
  }

  /** The token, and the user behind it. Undefined: that user is gone. */
  ofToken(token: Pick<Token, 'user' | 'role' | 'stacks'>): Rights[] | undefined {
    const own = this.ofTokenItself(token)
    const chain = own === undefined ? [] : [own]
    if (token.user === undefined) return chain
    const user = this.ofUser(token.user)
    return user === undefined ? undefined : [...chain, user]
  }
}

const withoutRuling = (grant: Grant): Grant => ({
  ...grant,
  permissions: grant.permissions.filter((permission) => !RULING.includes(permission)),
})
