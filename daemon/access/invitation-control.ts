/**
 * The use cases around invitations. The secret is one half; the addressee, which no answer but the list of those who rule
 * shows, is the other: a secret that went astray is worth nothing without it, and ends after a few wrong ones.
 */
import { timingSafeEqual } from 'node:crypto'
import { lacking, type Rights } from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import type {
  Accepted,
  AcceptRequest,
  Invitation,
  InvitationCreated,
  InvitationRequest,
} from '../../protocol/resources/invitation.ts'
import type { InvitationRow } from '../store/invitations.ts'
import { type AccessCollaborators, expiryOf, mustHaveRoom, tokenTaken } from './access-control.ts'
import type { Admitted } from './gate.ts'
import { mustBeRole, mustHold, noTeam } from './ruling.ts'
import { hashOf, newSecret } from './token.ts'

/** Wrong addressees until an invitation ends. */
const FAILURES_LIMIT = 3
/** Of the token that comes of one. */
const TOKEN_SECONDS = 90 * 86_400

export class InvitationControl {
  readonly #with: AccessCollaborators

  constructor(collaborators: AccessCollaborators) {
    this.#with = collaborators
  }

  list(): Invitation[] {
    return this.#with.store.invitations.all().map(shown)
  }

  create(request: InvitationRequest, caller: Admitted): InvitationCreated {
    const { store, rights, now } = this.#with
    const { invitations } = store
    const { name, role, team, expiresInSeconds } = request
    if (role !== undefined) mustBeRole(role, rights)
    if (team !== undefined && store.teams.find(team) === undefined) throw noTeam(team)
    mustHold(caller, this.#rightsOf(request))
    this.#mustBeNew(name)
    const at = now()
    const before = invitations.find(name)
    if (before !== undefined) {
      if (Date.parse(before.expiresAt) > at.getTime())
        throw new Problem('conflict', `there is an invitation for ${name} already`, {
          hint: `take that one back first: evenkeel invite rm ${name}`,
        })
    } else mustHaveRoom(invitations.all(), 'invitations')
    const secret = newSecret()
    const invitation: Invitation = {
      name,
      addressee: request.addressee,
      ...(role === undefined ? {} : { role }),
      stacks: request.stacks,
      ...(team === undefined ? {} : { team }),
      createdAt: at.toISOString(),
      createdBy: caller.name,
      expiresAt: expiryOf(at, expiresInSeconds),
    }
    store.transaction(() => {
      invitations.remove(name)
      invitations.add({ ...invitation, hash: hashOf(secret) })
    })
    this.#with.changed()
    return { ...invitation, secret }
  }

  remove(name: string, caller: Admitted): void {
    const { store, changed } = this.#with
    const invitation = store.invitations.find(name)
    if (invitation === undefined)
      throw new Problem('invitation-not-found', `there is no invitation for ${name}`, {
        hint: 'see: evenkeel invite ls',
      })
    mustHold(caller, this.#rightsOf(invitation))
    store.transaction(() => store.invitations.remove(name))
    changed()
  }

  /** Once: the invitation goes in the transaction that makes the user. */
  accept(request: AcceptRequest, { invited, name: by }: Admitted): Accepted {
    const { store, now, changed } = this.#with
    const row = invited === undefined ? undefined : store.invitations.find(invited)
    if (row === undefined)
      throw new Problem('bad-request', 'this takes the secret of an invitation in the place of a token', {
        hint: 'evenkeel invite accept ADDRESSEE < INVITATION',
      })
    if (!isSame(request.addressee, row.addressee)) throw this.#failed(row)
    this.#mustStillBeGiven(row)
    const { name } = row
    this.#mustBeNew(name)
    const token = request.token ?? name
    if (store.access.token(token) !== undefined) throw tokenTaken(token)
    mustHaveRoom(store.access.users(), 'users')
    mustHaveRoom(store.access.tokens(), 'tokens')
    const secret = newSecret()
    const at = now()
    const made = { createdAt: at.toISOString(), createdBy: `${row.createdBy}, by invitation` }
    const expiresAt = expiryOf(at, TOKEN_SECONDS)
    store.transaction(() => {
      store.invitations.remove(name)
      store.access.putUser({
        name,
        kind: 'person',
        ...(row.role === undefined ? {} : { role: row.role }),
        stacks: row.stacks,
        ...made,
      })
      if (row.team !== undefined) store.teams.join(row.team, name)
      store.access.addToken({ name: token, user: name, ...made, createdBy: by, expiresAt, hash: hashOf(secret) })
    })
    changed()
    return { user: store.access.user(name)!, token, expiresAt, secret }
  }

  #failed({ name, failures }: InvitationRow): Problem {
    const { store, changed } = this.#with
    const left = FAILURES_LIMIT - failures - 1
    store.transaction(() => (left > 0 ? store.invitations.failed(name) : store.invitations.remove(name)))
    if (left <= 0) changed()
    return new Problem('forbidden', 'the invitation is for another addressee', {
      hint: left > 0 ? `${left} more wrong one(s) end it` : 'it has ended: ask for another one',
    })
  }

  /** Whoever gave it must hold it still: an invitation does not outlive the rights that it was made with. */
  #mustStillBeGiven(row: InvitationRow): void {
    // Whoever may open a socket may open it still, for all that the daemon can know.
    if (row.createdBy.includes(' ')) return
    const wanted = this.#rightsOf(row)
    const isHeld = this.#chainsOf(row.createdBy).some((chain) =>
      wanted.every((grant) => lacking(chain, grant) === undefined),
    )
    if (isHeld) return
    throw new Problem('forbidden', 'whoever gave the invitation may give that no more', { hint: 'ask for another one' })
  }

  /** `user/token`, or a token of no user, or the user of a certificate: of the latter two it may be either. */
  #chainsOf(name: string): (readonly Rights[])[] {
    const { rights, store } = this.#with
    const [user, ofUser] = name.split('/')
    const token = store.access.token(ofUser ?? name)
    const chain =
      token === undefined || token.user !== (ofUser === undefined ? undefined : user)
        ? undefined
        : rights.ofToken(token)
    const certified = ofUser === undefined ? rights.ofUser(name) : undefined
    return [...(chain === undefined ? [] : [chain]), ...(certified === undefined ? [] : [[certified]])]
  }

  #mustBeNew(name: string): void {
    if (this.#with.store.access.user(name) !== undefined)
      throw new Problem('conflict', `there is a user ${name} already`, {
        hint: 'an invitation makes a new one; give that user a token: evenkeel token create --user',
      })
  }

  #rightsOf({ role, stacks, team }: Pick<Invitation, 'role' | 'stacks' | 'team'>): Rights {
    const { rights, store } = this.#with
    const of = team === undefined ? undefined : store.teams.find(team)
    return [
      ...(role === undefined ? [] : [rights.grant(role, stacks)]),
      ...(of === undefined ? [] : [rights.grant(of.role, of.stacks)]),
    ]
  }
}

/** Without the time of the comparison telling how far it is right; letters' case and spaces around do not count. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => Buffer.from(hashOf(text.trim().toLowerCase()), 'hex')
  return timingSafeEqual(digest(one), digest(other))
}

const shown = ({ hash: _, failures: __, ...invitation }: InvitationRow): Invitation => invitation
