/** The use cases around roles: the daemon's own are fixed, others are made by permission. */
import { type Permission, ROLE_NAMES, ROLES } from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import type { RoleDefinition, RoleRequest } from '../../protocol/resources/role.ts'
import { type AccessCollaborators, mustHaveRoom } from './access-control.ts'
import type { Admitted } from './gate.ts'
import { mustHold, noRole } from './ruling.ts'

/** Holders in words. */
const SHOWN = 5

export class RoleControl {
  readonly #with: AccessCollaborators

  constructor(collaborators: AccessCollaborators) {
    this.#with = collaborators
  }

  list(): RoleDefinition[] {
    const fixed = ROLE_NAMES.map((name) => ({ name, permissions: ROLES[name] }))
    return [...fixed, ...this.#with.store.roles.all().map((row) => ({ ...row, permissions: [...row.permissions] }))]
  }

  /** Whoever has it has what it says from now on: so it takes the old and the new, on all stacks. */
  put(name: string, request: RoleRequest, caller: Admitted): RoleDefinition {
    const { store, now } = this.#with
    mustBeOwn(name)
    const permissions = [...new Set(request.permissions)]
    const before = store.roles.find(name)
    mustHoldAll(caller, name, permissions)
    if (before !== undefined) mustHoldAll(caller, name, before.permissions)
    else mustHaveRoom(store.roles.all(), 'roles')
    store.transaction(() =>
      store.roles.put({ name, permissions, createdAt: now().toISOString(), createdBy: caller.name }),
    )
    this.#with.changed()
    const row = store.roles.find(name)!
    return { ...row, permissions: [...row.permissions] }
  }

  remove(name: string, caller: Admitted): void {
    const { store } = this.#with
    mustBeOwn(name)
    const role = store.roles.find(name)
    if (role === undefined) throw noRole(name)
    mustHoldAll(caller, name, role.permissions)
    const holders = store.roles.holders(name)
    if (holders.length > 0) {
      const more = holders.length > SHOWN ? `, and ${holders.length - SHOWN} more` : ''
      throw new Problem('conflict', `role ${name} is of ${holders.slice(0, SHOWN).join(', ')}${more}`, {
        hint: 'give them another one first',
      })
    }
    store.transaction(() => store.roles.remove(name))
  }
}

const mustHoldAll = (caller: Admitted, role: string, permissions: readonly Permission[]): void =>
  mustHold(caller, [{ role, permissions, stacks: ['*'] }])

function mustBeOwn(name: string): void {
  if (Object.hasOwn(ROLES, name))
    throw new Problem('conflict', `the role ${name} is the daemon's own, and stays as it is`, {
      hint: 'give another name',
    })
}
