/** The use cases around teams. What a team has its members have, so that whoever gives a member rules over the team. */
import type { Team, TeamRequest } from '../../protocol/resources/team.ts'
import { type AccessCollaborators, mustHaveRoom } from './access-control.ts'
import type { Admitted } from './gate.ts'
import { mustBeRole, mustHold, noTeam, noUser } from './ruling.ts'

export class TeamControl {
  readonly #with: AccessCollaborators

  constructor(collaborators: AccessCollaborators) {
    this.#with = collaborators
  }

  list(): Team[] {
    return this.#with.store.teams.all()
  }

  put(name: string, { role, stacks }: TeamRequest, caller: Admitted): Team {
    const { store, rights, now } = this.#with
    const before = store.teams.find(name)
    mustBeRole(role, rights)
    mustHold(caller, [rights.grant(role, stacks)])
    if (before !== undefined) this.#mustRule(before, caller)
    else mustHaveRoom(store.teams.all(), 'teams')
    store.transaction(() =>
      store.teams.put({ name, role, stacks, createdAt: now().toISOString(), createdBy: caller.name }),
    )
    return this.#changed(name)
  }

  remove(name: string, caller: Admitted): void {
    this.#mustRule(this.#mustFind(name), caller)
    const { store, changed } = this.#with
    store.transaction(() => store.teams.remove(name))
    changed()
  }

  join(name: string, user: string, caller: Admitted): Team {
    return this.#changeMember(name, user, caller, () => this.#with.store.teams.join(name, user))
  }

  leave(name: string, user: string, caller: Admitted): Team {
    return this.#changeMember(name, user, caller, () => this.#with.store.teams.leave(name, user))
  }

  #changeMember(name: string, user: string, caller: Admitted, change: () => void): Team {
    const { store } = this.#with
    this.#mustRule(this.#mustFind(name), caller)
    if (store.access.user(user) === undefined) throw noUser(user)
    store.transaction(change)
    return this.#changed(name)
  }

  #changed(name: string): Team {
    this.#with.changed()
    return this.#mustFind(name)
  }

  #mustRule({ role, stacks }: Team, caller: Admitted): void {
    mustHold(caller, [this.#with.rights.grant(role, stacks)])
  }

  #mustFind(name: string): Team {
    const team = this.#with.store.teams.find(name)
    if (team === undefined) throw noTeam(name)
    return team
  }
}
