import { X509Certificate } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { AccessControl } from '../../../daemon/access/access-control.ts'
import { type Admitted, Gate, type Target } from '../../../daemon/access/gate.ts'
import { InvitationControl } from '../../../daemon/access/invitation-control.ts'
import { LabelControl } from '../../../daemon/access/label-control.ts'
import { Lockouts } from '../../../daemon/access/lockouts.ts'
import type { Origin } from '../../../daemon/access/origin.ts'
import { RateLimits } from '../../../daemon/access/rate-limits.ts'
import { RightsReader } from '../../../daemon/access/rights.ts'
import { RoleControl } from '../../../daemon/access/role-control.ts'
import { StrangerNotes } from '../../../daemon/access/stranger-notes.ts'
import { TeamControl } from '../../../daemon/access/team-control.ts'
import { ModelPolicy } from '../../../daemon/stack/model-policy.ts'
import { openStore } from '../../../daemon/store/store.ts'
import { grantOf } from '../../../protocol/access.ts'
import type { TokenRequest } from '../../../protocol/resources/access.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { CERTIFICATE } from './certificate.ts'

export const OWNER_SOCKET: Origin = { kind: 'socket', path: '/run/ek.sock', role: 'owner', name: 'local socket' }
export const NONE: Target = { kind: 'none' }
export const SHOP: Target = { kind: 'stack', id: 'shop' }
const RULES = {
  bindRoots: [],
  forbiddenPaths: [],
  delivery: [],
  hostPorts: { from: 1024, to: 65535 },
  images: ['*'],
  buildContexts: [],
  logDrivers: [],
  externals: [],
}

export const from = (address: string, certifiedName?: string): Origin => ({
  kind: 'tls',
  address,
  certifiedName,
  certificate: new X509Certificate(CERTIFICATE),
})

/** A gate over a real store. Deployment `d-NAME`, job `j-NAME` and volume `NAME_data` are of the stack NAME. */
export class House {
  readonly store = openStore(temporaryFolder())
  /** Requests that an account has at once. */
  readonly burst = 2000
  now = new Date('2026-01-02T03:04:05Z')
  readonly gate = new Gate({
    store: this.store,
    rights: new RightsReader(this.store),
    lockouts: new Lockouts(),
    rates: {
      account: new RateLimits({ perSecond: 1, burst: this.burst, callers: 100 }),
      source: new RateLimits({ perSecond: 1, burst: 4 * this.burst, callers: 100 }),
    },
    strangers: new StrangerNotes({ windowMs: 3_600_000, ofSource: 20, ofAll: 50 }),
    policy: new ModelPolicy(RULES, (path) => path),
    now: () => this.now,
    stackOf: {
      deployment: (id) => (id.startsWith('d-') ? id.slice(2) : undefined),
      job: (id) => (id.startsWith('j-') ? id.slice(2) : undefined),
      volume: async (name) => (name.endsWith('_data') ? name.slice(0, -5) : undefined),
    },
  })
  readonly #ruling = {
    store: this.store,
    rights: new RightsReader(this.store),
    now: () => this.now,
    changed: () => this.gate.recheck(),
  }
  readonly access = new AccessControl(this.#ruling)
  readonly teams = new TeamControl(this.#ruling)
  readonly roles = new RoleControl(this.#ruling)
  readonly labels = new LabelControl(this.#ruling)
  readonly invitations = new InvitationControl(this.#ruling)
  readonly owner: Admitted = {
    name: 'local socket',
    origin: 'o',
    chain: [[grantOf('owner', ['*'])]],
    may: () => true,
  }

  constructor() {
    onTestFinished(() => this.store.close())
  }

  token(request: Partial<TokenRequest> & { name: string }, by: Admitted = this.owner): string {
    return this.access.createToken({ expiresInSeconds: null, ...request }, by).secret
  }

  enter(
    secret: string | undefined,
    target: Target = NONE,
    permission: Parameters<Gate['admit']>[1] = 'connect',
    origin: Origin | undefined = from('192.0.2.1'),
    headers: Record<string, string> = {},
  ): Promise<Admitted> {
    const authorization = secret === undefined ? {} : { authorization: `Bearer ${secret}` }
    const knock = { origin, headers: { host: 'ek.example:7443', ...authorization, ...headers }, action: 'test' }
    return this.gate.admit(knock, permission, target)
  }

  get audit() {
    return this.store.audit
      .find({ limit: 100 })
      .map(({ actor, action, object, outcome, code }) => [actor, action, object, outcome, code])
  }
}
