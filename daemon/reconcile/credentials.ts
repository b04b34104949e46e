/** What a request lets its pulls and builds use, in memory only, for as long as it is carried out. */
import { type LentAgents, NO_AGENTS } from '../build/ssh-loans.ts'
import type { RegistryAuth } from '../engine/types.ts'

export interface Credentials {
  /** By registry host. */
  readonly registryAuth: Readonly<Record<string, RegistryAuth>>
  readonly agents: LentAgents
}

export const NO_CREDENTIALS: Credentials = { registryAuth: {}, agents: NO_AGENTS }

/** Those that came with a deployment. */
export const credentialsOf = (all: ReadonlyMap<string, Credentials>, deployment: string): Credentials =>
  all.get(deployment) ?? NO_CREDENTIALS
