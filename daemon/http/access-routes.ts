/** The routes about who calls, who may do what, and what was done. */
import { PERMISSIONS, type Permission } from '../../protocol/access.ts'
import {
  AccessName,
  type AuditEntry,
  type AuditQuery,
  type AuditVerification,
  type TokenRequest,
  type UserRequest,
} from '../../protocol/resources/access.ts'
import type { AcceptRequest, InvitationRequest } from '../../protocol/resources/invitation.ts'
import { LabelName, type LabelRequest } from '../../protocol/resources/label.ts'
import type { RoleRequest } from '../../protocol/resources/role.ts'
import type { TeamRequest } from '../../protocol/resources/team.ts'
import type { RouteName } from '../../protocol/routes.ts'
import type { AccessControl } from '../access/access-control.ts'
import type { InvitationControl } from '../access/invitation-control.ts'
import type { LabelControl } from '../access/label-control.ts'
import type { RoleControl } from '../access/role-control.ts'
import type { TeamControl } from '../access/team-control.ts'
import { checked } from './checked.ts'
import type { Handler, Input } from './handler.ts'

export interface AccessApi {
  readonly access: AccessControl
  readonly roles: RoleControl
  readonly teams: TeamControl
  readonly invitations: InvitationControl
  readonly labels: LabelControl
  readonly audit: AuditReader
}

export interface AuditReader {
  find(query: AuditQuery): AuditEntry[]
  verify(): Promise<AuditVerification>
}

export function accessRoutes({ access, roles, teams, invitations, labels, audit }: AccessApi) {
  const named = ({ params }: Input, param: 'user' | 'token' | 'role' | 'team'): string =>
    checked(AccessName, params[param], `the name of the ${param}`)
  const labelName = ({ params }: Input): string => checked(LabelName, params.label, 'the name of the label')
  return {
    whoami: ({ caller }) => ({
      name: caller.name,
      origin: caller.origin,
      rights: caller.chain.map((rights) => rights.map(({ role, stacks }) => ({ role, stacks }))),
      permissions: Object.keys(PERMISSIONS).filter((permission) => caller.may(permission as Permission)),
      policy: caller.policy === undefined ? 'free' : 'bound',
    }),
    users: () => ({ users: access.users() }),
    putUser: (input) => access.putUser(named(input, 'user'), input.body as UserRequest, input.caller),
    removeUser: (input) => {
      access.removeUser(named(input, 'user'), input.caller)
      return { user: input.params.user! }
    },
    tokens: () => ({ tokens: access.tokens() }),
    createToken: (input) => access.createToken(input.body as TokenRequest, input.caller),
    removeToken: (input) => {
      access.removeToken(named(input, 'token'), input.caller)
      return { token: input.params.token! }
    },
    roles: () => ({ roles: roles.list() }),
    putRole: (input) => roles.put(named(input, 'role'), input.body as RoleRequest, input.caller),
    removeRole: (input) => {
      roles.remove(named(input, 'role'), input.caller)
      return { role: input.params.role! }
    },
    teams: () => ({ teams: teams.list() }),
    putTeam: (input) => teams.put(named(input, 'team'), input.body as TeamRequest, input.caller),
    removeTeam: (input) => {
      teams.remove(named(input, 'team'), input.caller)
      return { team: input.params.team! }
    },
    joinTeam: (input) => teams.join(named(input, 'team'), named(input, 'user'), input.caller),
    leaveTeam: (input) => teams.leave(named(input, 'team'), named(input, 'user'), input.caller),
    labels: ({ params }) => labels.list(params.stack!),
    putLabel: (input) =>
      labels.put(input.params.stack!, labelName(input), (input.body as LabelRequest).value, input.caller),
    removeLabel: (input) => labels.remove(input.params.stack!, labelName(input), input.caller),
    invitations: () => ({ invitations: invitations.list() }),
    createInvitation: (input) => invitations.create(input.body as InvitationRequest, input.caller),
    removeInvitation: (input) => {
      invitations.remove(named(input, 'user'), input.caller)
      return { user: input.params.user! }
    },
    acceptInvitation: (input) => invitations.accept(input.body as AcceptRequest, input.caller),
    audit: (input) => ({ entries: audit.find(input.query as unknown as AuditQuery) }),
    verifyAudit: () => audit.verify(),
  } satisfies Partial<Record<RouteName, Handler>>
}
