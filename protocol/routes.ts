/**
 * The route table: method, path and the permission that a caller needs. Plain data, so that the client loads nothing
 * heavy; protocol/schemas.ts binds bodies, queries and answers to the same names. Server, client and OpenAPI use both.
 */

import type { Permission } from './access.ts'

export type { Permission } from './access.ts'

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly permission: Permission
  readonly summary: string
}

export const ROUTES = {
  version: { method: 'GET', path: '/v1/version', permission: 'connect', summary: 'Versions of daemon and API' },
  info: { method: 'GET', path: '/v1/info', permission: 'system.read', summary: 'The daemon and its Engine' },
  stacks: { method: 'GET', path: '/v1/stacks', permission: 'connect', summary: 'All stacks' },
  stack: { method: 'GET', path: '/v1/stacks/:stack', permission: 'read', summary: 'One stack' },
  up: { method: 'PUT', path: '/v1/stacks/:stack', permission: 'deploy', summary: 'Declare a stack and bring it up' },
  plan: { method: 'POST', path: '/v1/stacks/:stack/plan', permission: 'read', summary: 'What `up` would do' },
  drift: { method: 'GET', path: '/v1/stacks/:stack/plan', permission: 'read', summary: 'What the loop would do now' },
  down: { method: 'DELETE', path: '/v1/stacks/:stack', permission: 'deploy', summary: 'Take a stack down' },
  start: { method: 'POST', path: '/v1/stacks/:stack/start', permission: 'operate', summary: 'Start services' },
  stop: { method: 'POST', path: '/v1/stacks/:stack/stop', permission: 'operate', summary: 'Stop services' },
  restart: { method: 'POST', path: '/v1/stacks/:stack/restart', permission: 'operate', summary: 'Restart services' },
  scale: { method: 'POST', path: '/v1/stacks/:stack/scale', permission: 'operate', summary: 'Set replicas' },
  rollback: {
    method: 'POST',
    path: '/v1/stacks/:stack/rollback',
    permission: 'deploy',
    summary: 'Go back to an earlier revision',
  },
  promote: {
    method: 'POST',
    path: '/v1/stacks/:stack/promote',
    permission: 'deploy',
    summary: 'Have the revision on trial everywhere',
  },
  abort: {
    method: 'POST',
    path: '/v1/stacks/:stack/abort',
    permission: 'deploy',
    summary: 'Take the revision on trial back',
  },
  cancel: {
    method: 'POST',
    path: '/v1/stacks/:stack/cancel',
    permission: 'deploy',
    summary: 'End a deployment that waits or is under way, and go back to what was there',
  },
  planRollback: {
    method: 'POST',
    path: '/v1/stacks/:stack/rollback/plan',
    permission: 'read',
    summary: 'What going back would do',
  },
  kill: { method: 'POST', path: '/v1/stacks/:stack/kill', permission: 'operate', summary: 'Send a signal to services' },
  pause: { method: 'POST', path: '/v1/stacks/:stack/pause', permission: 'operate', summary: 'Pause services' },
  unpause: { method: 'POST', path: '/v1/stacks/:stack/unpause', permission: 'operate', summary: 'Unpause services' },
  pauseTraffic: {
    method: 'POST',
    path: '/v1/stacks/:stack/traffic/pause',
    permission: 'operate',
    summary: 'Have new requests and connections wait in the ingress',
  },
  resumeTraffic: {
    method: 'POST',
    path: '/v1/stacks/:stack/traffic/resume',
    permission: 'operate',
    summary: 'Let what waits in the ingress go on',
  },
  remove: {
    method: 'POST',
    path: '/v1/stacks/:stack/remove',
    permission: 'operate',
    summary: 'Remove stopped containers (rm)',
  },
  top: { method: 'GET', path: '/v1/stacks/:stack/top', permission: 'read', summary: 'Processes of containers' },
  stackImages: { method: 'GET', path: '/v1/stacks/:stack/images', permission: 'read', summary: 'Images of containers' },
  pruneImages: {
    method: 'POST',
    path: '/v1/stacks/:stack/images/prune',
    permission: 'deploy',
    summary: 'Remove images of earlier revisions that have no name and no use any more',
  },
  garbage: {
    method: 'GET',
    path: '/v1/images/garbage',
    permission: 'administer',
    summary: 'Images that only revisions of long ago need',
  },
  collectGarbage: {
    method: 'POST',
    path: '/v1/images/garbage',
    permission: 'administer',
    summary: 'Remove images that only revisions of long ago need',
  },
  stackVolumes: { method: 'GET', path: '/v1/stacks/:stack/volumes', permission: 'read', summary: 'Volumes of a stack' },
  export: {
    method: 'GET',
    path: '/v1/stacks/:stack/export',
    permission: 'exec',
    summary: 'The file system of a container (tar)',
  },
  commit: {
    method: 'POST',
    path: '/v1/stacks/:stack/commit',
    permission: 'exec',
    summary: 'Make an image of a container',
  },
  hold: { method: 'PUT', path: '/v1/stacks/:stack/hold', permission: 'operate', summary: 'Touch nothing of a stack' },
  resume: { method: 'DELETE', path: '/v1/stacks/:stack/hold', permission: 'operate', summary: 'Go on with a stack' },
  holdAll: { method: 'PUT', path: '/v1/hold', permission: 'administer', summary: 'Touch nothing at all' },
  resumeAll: { method: 'DELETE', path: '/v1/hold', permission: 'administer', summary: 'Go on' },
  adopt: {
    method: 'POST',
    path: '/v1/stacks/:stack/adopt',
    permission: 'deploy',
    summary: 'Take over a project that Docker Compose started, as it is',
  },
  planAdopted: {
    method: 'POST',
    path: '/v1/stacks/:stack/adopt/plan',
    permission: 'read',
    summary: 'What `up` would do once the project is adopted',
  },
  eject: {
    method: 'POST',
    path: '/v1/stacks/:stack/eject',
    permission: 'deploy',
    summary: 'Forget a stack and leave its containers as they are',
  },
  model: {
    method: 'GET',
    path: '/v1/stacks/:stack/model',
    permission: 'model',
    summary: 'The stack as it is meant to be, as one Compose model',
  },
  containers: { method: 'GET', path: '/v1/stacks/:stack/containers', permission: 'read', summary: 'Containers (ps)' },
  secrets: { method: 'GET', path: '/v1/stacks/:stack/secrets', permission: 'read', summary: 'Secrets, without values' },
  putSecret: {
    method: 'PUT',
    path: '/v1/stacks/:stack/secrets/:secret',
    permission: 'secret.write',
    summary: 'Set or rotate a secret',
  },
  removeSecret: {
    method: 'DELETE',
    path: '/v1/stacks/:stack/secrets/:secret',
    permission: 'secret.write',
    summary: 'Remove a secret that no service uses',
  },
  certificates: {
    method: 'GET',
    path: '/v1/certificates',
    permission: 'connect',
    summary: 'Certificates of hosts, without keys',
  },
  putCertificate: {
    method: 'PUT',
    path: '/v1/certificates/:host',
    permission: 'administer',
    summary: 'Import a certificate of a host with its key',
  },
  removeCertificate: {
    method: 'DELETE',
    path: '/v1/certificates/:host',
    permission: 'administer',
    summary: 'Remove a certificate with its key',
  },
  names: {
    method: 'GET',
    path: '/v1/stacks/:stack/names',
    permission: 'read',
    summary: 'Names that resolve inside (dns)',
  },
  revisions: {
    method: 'GET',
    path: '/v1/stacks/:stack/revisions',
    permission: 'read',
    summary: 'Revisions, newest first',
  },
  revision: {
    method: 'GET',
    path: '/v1/stacks/:stack/revisions/:number',
    permission: 'model',
    summary: 'One revision with its model',
  },
  deployments: {
    method: 'GET',
    path: '/v1/stacks/:stack/deployments',
    permission: 'read',
    summary: 'Deployments, newest first',
  },
  deployment: {
    method: 'GET',
    path: '/v1/deployments/:id',
    permission: 'read',
    summary: 'One deployment with its steps',
  },
  images: {
    method: 'POST',
    path: '/v1/images/query',
    permission: 'image.read',
    summary: 'Which images the Engine has',
  },
  hasContext: {
    method: 'GET',
    path: '/v1/contexts/:id',
    permission: 'context.write',
    summary: 'Whether a build context is here already',
  },
  putContext: {
    method: 'PUT',
    path: '/v1/contexts/:id',
    permission: 'context.write',
    summary: 'Upload a build context (tar), or the rest of one',
  },
  hasBundle: {
    method: 'GET',
    path: '/v1/bundles/:id',
    permission: 'context.write',
    summary: 'Whether bound files of a client are here already',
  },
  build: { method: 'POST', path: '/v1/stacks/:stack/build', permission: 'deploy', summary: 'Build images' },
  pull: { method: 'POST', path: '/v1/stacks/:stack/pull', permission: 'deploy', summary: 'Pull images' },
  push: { method: 'POST', path: '/v1/stacks/:stack/push', permission: 'deploy', summary: 'Push images' },
  job: { method: 'GET', path: '/v1/jobs/:id', permission: 'read', summary: 'One job on images with its steps' },
  cancelJob: { method: 'DELETE', path: '/v1/jobs/:id', permission: 'deploy', summary: 'End a job before its time' },
  run: {
    method: 'POST',
    path: '/v1/stacks/:stack/run',
    permission: 'exec',
    summary: 'Make a one-off container of a service',
  },
  lookAtPath: {
    method: 'GET',
    path: '/v1/stacks/:stack/containers/:container/path',
    permission: 'exec',
    summary: 'What a path in a container is',
  },
  getFiles: {
    method: 'GET',
    path: '/v1/stacks/:stack/containers/:container/files',
    permission: 'exec',
    summary: 'Files of a container (tar)',
  },
  putFiles: {
    method: 'PUT',
    path: '/v1/stacks/:stack/containers/:container/files',
    permission: 'exec',
    summary: 'Put files into a container (tar)',
  },
  volumes: {
    method: 'GET',
    path: '/v1/volumes',
    permission: 'volume.read',
    summary: 'Named volumes of stacks, with sizes',
  },
  volume: { method: 'GET', path: '/v1/volumes/:volume', permission: 'volume.read', summary: 'One volume' },
  removeVolume: {
    method: 'DELETE',
    path: '/v1/volumes/:volume',
    permission: 'volume.data',
    summary: 'Remove a volume with its data',
  },
  protectVolume: {
    method: 'PUT',
    path: '/v1/volumes/:volume/protection',
    permission: 'volume.protect',
    summary: 'Let no command remove a volume',
  },
  unprotectVolume: {
    method: 'DELETE',
    path: '/v1/volumes/:volume/protection',
    permission: 'volume.data',
    summary: 'Let commands remove a volume again',
  },
  exportVolume: {
    method: 'GET',
    path: '/v1/volumes/:volume/archive',
    permission: 'volume.data',
    summary: 'What a volume holds (tar)',
  },
  importVolume: {
    method: 'PUT',
    path: '/v1/volumes/:volume/archive',
    permission: 'volume.data',
    summary: 'Bring a tar into a volume',
  },
  backup: {
    method: 'GET',
    path: '/v1/backup',
    permission: 'administer',
    summary: 'The state of the daemon, configs and secrets included (tar)',
  },
  whoami: {
    method: 'GET',
    path: '/v1/whoami',
    permission: 'connect',
    summary: 'Who calls, and what that caller may do',
  },
  users: { method: 'GET', path: '/v1/users', permission: 'access.manage', summary: 'Users with role and reach' },
  putUser: {
    method: 'PUT',
    path: '/v1/users/:user',
    permission: 'access.manage',
    summary: 'Make a user, or change role and reach of one',
  },
  removeUser: {
    method: 'DELETE',
    path: '/v1/users/:user',
    permission: 'access.manage',
    summary: 'Remove a user with all tokens',
  },
  tokens: { method: 'GET', path: '/v1/tokens', permission: 'access.manage', summary: 'Tokens, without their secrets' },
  createToken: {
    method: 'POST',
    path: '/v1/tokens',
    permission: 'access.manage',
    summary: 'Make a token; its secret is shown this once',
  },
  removeToken: { method: 'DELETE', path: '/v1/tokens/:token', permission: 'access.manage', summary: 'Revoke a token' },
  roles: { method: 'GET', path: '/v1/roles', permission: 'access.manage', summary: 'Roles with their permissions' },
  putRole: {
    method: 'PUT',
    path: '/v1/roles/:role',
    permission: 'access.manage',
    summary: "Make a role of the daemon's own by permission, or change one",
  },
  removeRole: {
    method: 'DELETE',
    path: '/v1/roles/:role',
    permission: 'access.manage',
    summary: 'Remove a role that nobody has',
  },
  teams: {
    method: 'GET',
    path: '/v1/teams',
    permission: 'access.manage',
    summary: 'Teams with role, reach and members',
  },
  putTeam: {
    method: 'PUT',
    path: '/v1/teams/:team',
    permission: 'access.manage',
    summary: 'Make a team, or change role and reach of one',
  },
  removeTeam: {
    method: 'DELETE',
    path: '/v1/teams/:team',
    permission: 'access.manage',
    summary: 'Remove a team; its members stay',
  },
  joinTeam: {
    method: 'PUT',
    path: '/v1/teams/:team/members/:user',
    permission: 'access.manage',
    summary: 'Make a user a member of a team',
  },
  leaveTeam: {
    method: 'DELETE',
    path: '/v1/teams/:team/members/:user',
    permission: 'access.manage',
    summary: 'Take a user out of a team',
  },
  labels: {
    method: 'GET',
    path: '/v1/stacks/:stack/labels',
    permission: 'read',
    summary: 'Labels of a stack, by which grants reach it',
  },
  putLabel: {
    method: 'PUT',
    path: '/v1/labels/:stack/:label',
    permission: 'access.manage',
    summary: 'Give a stack a label, or another value of one; the stack need not be there yet',
  },
  removeLabel: {
    method: 'DELETE',
    path: '/v1/labels/:stack/:label',
    permission: 'access.manage',
    summary: 'Take a label from a stack',
  },
  invitations: {
    method: 'GET',
    path: '/v1/invitations',
    permission: 'access.manage',
    summary: 'Open invitations, without their secrets',
  },
  createInvitation: {
    method: 'POST',
    path: '/v1/invitations',
    permission: 'access.manage',
    summary: 'Invite somebody to become a user; the secret is shown this once',
  },
  removeInvitation: {
    method: 'DELETE',
    path: '/v1/invitations/:user',
    permission: 'access.manage',
    summary: 'Take an invitation back',
  },
  acceptInvitation: {
    method: 'POST',
    path: '/v1/invitations/acceptance',
    permission: 'invitation.accept',
    summary: "Become the user whom an invitation names: with the invitation's secret in the place of a token",
  },
  audit: { method: 'GET', path: '/v1/audit', permission: 'audit.read', summary: 'The audit log, newest first' },
  verifyAudit: {
    method: 'GET',
    path: '/v1/audit/verification',
    permission: 'audit.read',
    summary: 'Whether the audit log is as it was written',
  },
  openapi: { method: 'GET', path: '/v1/openapi.json', permission: 'connect', summary: 'This API as OpenAPI 3.1' },
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof ROUTES

/** WebSocket endpoints: frames in protocol/streams.ts. */
export const STREAMS = {
  logs: { path: '/v1/stacks/:stack/logs', permission: 'logs', summary: 'Logs of a stack, merged' },
  access: {
    path: '/v1/stacks/:stack/access',
    permission: 'logs',
    summary: 'Requests that the ingress brings, as they end',
  },
  stats: { path: '/v1/stacks/:stack/stats', permission: 'read', summary: 'What containers use, once a second' },
  wait: { path: '/v1/stacks/:stack/wait', permission: 'read', summary: 'Until containers have ended' },
  events: { path: '/v1/events', permission: 'connect', summary: 'Events of all stacks or one' },
  progress: { path: '/v1/deployments/:id/progress', permission: 'read', summary: 'A deployment as it goes on' },
  jobProgress: { path: '/v1/jobs/:id/progress', permission: 'read', summary: 'A job as it goes on, with its output' },
} as const

export type StreamName = keyof typeof STREAMS

/** Connections on which both sides speak, upgraded from HTTP: protocol/session.ts. */
export const SESSIONS = {
  exec: { path: '/v1/stacks/:stack/exec', permission: 'exec', summary: 'A command in a running container' },
  attach: { path: '/v1/stacks/:stack/attach', permission: 'exec', summary: "A container's own program" },
  copyOut: {
    path: '/v1/stacks/:stack/copy-out',
    permission: 'exec',
    summary: 'Files of a container (tar), many of them',
  },
  copyIn: {
    path: '/v1/stacks/:stack/copy-in',
    permission: 'exec',
    summary: 'Put files into a container (tar), many of them',
  },
} as const

export type SessionName = keyof typeof SESSIONS

/** WebSocket endpoints on which the daemon asks and the caller answers: protocol/ssh-loan.ts. */
export const LOANS = {
  sshAgents: { path: '/v1/ssh-agents', permission: 'deploy', summary: 'SSH agents of the caller, lent to its builds' },
} as const

export type LoanName = keyof typeof LOANS

/** Fills `:name` parts of a path. Each value is encoded, so that no value can change the route. */
export function pathOf(template: string, params: Readonly<Record<string, string | number>>): string {
  return template.replace(/:([a-z]+)/g, (_, name: string) =>
    // Dots alone would climb; encodeURIComponent leaves them.
    encodeURIComponent(String(params[name])).replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length)),
  )
}
