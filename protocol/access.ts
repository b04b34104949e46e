/**
 * Who may do what: the permissions that routes ask for, the roles as sets of them, and how far a grant reaches. Plain data
 * and pure rules, so that daemon, client and tests judge alike.
 */

/**
 * `stack`: held on stacks, by name. A route that names no stack needs it on any, and its answer is cut down to those.
 * `daemon`: reaches beyond any stack; only a grant for all stacks (`*`) carries it.
 */
export const PERMISSIONS = {
  /** To be known at all: versions, the API's description, who one is. */
  connect: 'stack',
  read: 'stack',
  /** Models with the values of their environments, which may be secret. */
  model: 'stack',
  logs: 'stack',
  deploy: 'stack',
  operate: 'stack',
  exec: 'stack',
  /** Gives containers values that the caller cannot read again. */
  'secret.write': 'stack',
  'image.read': 'stack',
  'context.write': 'stack',
  'volume.read': 'stack',
  'volume.protect': 'stack',
  /** What volumes hold: out, in, and gone. */
  'volume.data': 'stack',
  'system.read': 'daemon',
  administer: 'daemon',
  'audit.read': 'daemon',
  /** Users, teams, roles, tokens and invitations, as far as the caller's own rights go. */
  'access.manage': 'daemon',
  /** Those of owners. */
  'access.own': 'daemon',
  /** To become the user whom an invitation names: what its secret is good for, and nothing else. */
  'invitation.accept': 'daemon',
} as const satisfies Record<string, 'stack' | 'daemon'>

export type Permission = keyof typeof PERMISSIONS

/** What a role of the daemon's own may be made of. */
export const GRANTABLE = (Object.keys(PERMISSIONS) as Permission[]).filter(
  (permission) => permission !== 'access.own' && permission !== 'invitation.accept',
) as [Permission, ...Permission[]]

/** What says who else may do what. Service accounts never have it. */
export const RULING: readonly Permission[] = ['access.manage', 'access.own']

const VIEW = ['connect', 'read', 'volume.read'] as const
const DEPLOY = ['deploy', 'image.read', 'context.write'] as const
const MANAGE = ['system.read', 'administer', 'audit.read', 'access.manage'] as const

/** From the most to the least. What a role has not is refused, also what comes to exist later. */
export const ROLES = {
  owner: Object.keys(PERMISSIONS) as Permission[],
  administrator: [
    ...VIEW,
    ...DEPLOY,
    ...MANAGE,
    'model',
    'logs',
    'operate',
    'exec',
    'secret.write',
    'volume.protect',
    'volume.data',
  ] as Permission[],
  'power-user': [
    ...VIEW,
    ...DEPLOY,
    'system.read',
    'model',
    'logs',
    'operate',
    'exec',
    'secret.write',
    'volume.protect',
    'volume.data',
  ] as Permission[],
  operations: [...VIEW, 'system.read', 'logs', 'operate', 'image.read', 'volume.protect'] as Permission[],
  developer: [...VIEW, ...DEPLOY, 'model', 'logs', 'operate', 'exec', 'secret.write'] as Permission[],
  deployer: [...VIEW, ...DEPLOY] as Permission[],
  viewer: [...VIEW, 'logs'] as Permission[],
} as const satisfies Record<string, readonly Permission[]>

export type Role = keyof typeof ROLES

export const ROLE_NAMES = Object.keys(ROLES) as [Role, ...Role[]]

/** Roles that may ask the Engine for anything, where they are for all stacks. All others are bound by the policy. */
export const UNBOUND_ROLES: readonly string[] = ['owner', 'administrator'] satisfies Role[]

/** A stack as grants reach it. */
export interface Subject {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** A role on stacks by pattern: of their names, or of a label's value (`KEY=VALUE`). `*` stands for any characters. */
export interface Grant {
  /** One of {@link ROLES}, or of the daemon's own. */
  readonly role: string
  readonly permissions: readonly Permission[]
  readonly stacks: readonly string[]
}

/** What one user, token or socket has: any of the grants suffices. */
export type Rights = readonly Grant[]

export const grantOf = (role: Role, stacks: readonly string[]): Grant => ({ role, permissions: ROLES[role], stacks })

/** `stack` undefined: on any. Rights of several are a chain, a token's and its user's: each has to allow it. */
export function allows(chain: readonly Rights[], permission: Permission, stack?: Subject): boolean {
  return chain.length > 0 && chain.every((rights) => rights.some((grant) => grantAllows(grant, permission, stack)))
}

/** Whether the permission holds on every stack there is or may come to be. */
export const allowsEverywhere = (chain: readonly Rights[], permission: Permission): boolean =>
  chain.length > 0 &&
  chain.every((rights) =>
    rights.some(({ permissions, stacks }) => permissions.includes(permission) && stacks.includes('*')),
  )

function grantAllows({ permissions, stacks }: Grant, permission: Permission, stack: Subject | undefined): boolean {
  if (!permissions.includes(permission)) return false
  if (PERMISSIONS[permission] === 'daemon') return stacks.includes('*')
  return stack === undefined || stacks.some((pattern) => reaches(pattern, stack))
}

export function reaches(pattern: string, { name, labels }: Subject): boolean {
  const wanted = labelOf(pattern)
  if (wanted === undefined) return matchesPattern(pattern, name)
  const value = Object.hasOwn(labels, wanted.label) ? labels[wanted.label] : undefined
  return value !== undefined && matchesPattern(wanted.value, value)
}

/** Undefined: the pattern is one of names, which have no `=`. */
function labelOf(pattern: string): { readonly label: string; readonly value: string } | undefined {
  const at = pattern.indexOf('=')
  return at < 0 ? undefined : { label: pattern.slice(0, at), value: pattern.slice(at + 1) }
}

/** Whether the policy does not bind: whoever is free of it has the host, and so all stacks, in any case. */
export const isUnbound = (chain: readonly Rights[]): boolean =>
  chain.length > 0 &&
  chain.every((rights) => rights.some(({ role, stacks }) => UNBOUND_ROLES.includes(role) && stacks.includes('*')))

/** What of a grant the chain does not hold itself, and so cannot hand on; undefined: it holds all of it. */
export function lacking(
  chain: readonly Rights[],
  { role, permissions, stacks }: Grant,
): { readonly permission: Permission; readonly pattern: string } | 'freedom from the policy' | undefined {
  for (const permission of permissions) {
    // Without all stacks nothing of it would hold.
    const isIdle = PERMISSIONS[permission] === 'daemon' && !stacks.includes('*')
    const pattern = isIdle ? undefined : stacks.find((one) => !holds(chain, permission, one))
    if (pattern !== undefined) return { permission, pattern }
  }
  const isFree = UNBOUND_ROLES.includes(role) && stacks.includes('*')
  return isFree && !isUnbound(chain) ? 'freedom from the policy' : undefined
}

/** A pattern takes all that another one takes if it takes its text, in which only a star can stand for a star. */
const holds = (chain: readonly Rights[], permission: Permission, pattern: string): boolean =>
  chain.length > 0 &&
  chain.every((rights) =>
    rights.some(
      ({ permissions, stacks }) => permissions.includes(permission) && stacks.some((own) => covers(own, pattern)),
    ),
  )

function covers(own: string, pattern: string): boolean {
  if (own === '*') return true
  const [ours, theirs] = [labelOf(own), labelOf(pattern)]
  if (ours === undefined || theirs === undefined) return ours === theirs && matchesPattern(own, pattern)
  return ours.label === theirs.label && matchesPattern(ours.value, theirs.value)
}

/** Linear in both, whatever they hold: the text between stars is looked for from left to right. */
export function matchesPattern(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return name === pattern
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > name.length - last.length) return false
    at = found + part.length
  }
  return true
}

/** What a path of the route table is about, and where its name stands in it. */
export type RouteObject =
  | { readonly kind: 'stack' | 'deployment' | 'job' | 'volume'; readonly param: string }
  | { readonly kind: 'none' }

const OBJECTS = [
  { kind: 'stack', param: 'stack', prefix: '/v1/stacks/:stack' },
  { kind: 'deployment', param: 'id', prefix: '/v1/deployments/:id' },
  { kind: 'job', param: 'id', prefix: '/v1/jobs/:id' },
  { kind: 'volume', param: 'volume', prefix: '/v1/volumes/:volume' },
] as const

export function objectOf(path: string): RouteObject {
  const found = OBJECTS.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
  return found === undefined ? { kind: 'none' } : { kind: found.kind, param: found.param }
}
