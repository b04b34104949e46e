/** The rule of all that gives, changes or takes rights: nobody rules over what they do not hold themselves. */
import { lacking, type Rights, ROLE_NAMES } from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Admitted } from './gate.ts'
import type { RightsReader } from './rights.ts'

export function mustHold(caller: Pick<Admitted, 'chain'>, rights: Rights): void {
  for (const grant of rights) {
    const missing = lacking(caller.chain, grant)
    if (missing === undefined) continue
    const what = typeof missing === 'string' ? missing : `${missing.permission} on ${missing.pattern}`
    throw new Problem('forbidden', `nobody gives, changes or takes what they do not hold: ${grant.role}, ${what}`, {
      hint: 'evenkeel whoami shows what you hold',
    })
  }
}

export function mustBeRole(name: string, rights: RightsReader): void {
  if (rights.permissionsOf(name) === undefined) throw noRole(name)
}

export const noRole = (name: string): Problem =>
  new Problem('role-not-found', `there is no role ${name}`, {
    hint: `one of ${ROLE_NAMES.join(', ')}, or one of the daemon's own: evenkeel role ls`,
  })

export const noUser = (name: string): Problem =>
  new Problem('user-not-found', `there is no user ${name}`, { hint: 'see: evenkeel user ls' })

export const noTeam = (name: string): Problem =>
  new Problem('team-not-found', `there is no team ${name}`, { hint: 'see: evenkeel team ls' })
