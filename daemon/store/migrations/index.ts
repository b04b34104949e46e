import { initial } from './0001-initial.ts'
import { holdAndAdopt } from './0002-hold-and-adopt.ts'
import { access } from './0003-access.ts'
import { secrets } from './0004-secrets.ts'
import { teams } from './0005-teams.ts'
import { stackLabels } from './0006-stack-labels.ts'
import { deploymentTraffic } from './0007-deployment-traffic.ts'
import { certificates } from './0008-certificates.ts'
import { releases } from './0009-releases.ts'
import { trials } from './0010-trials.ts'

/** In order; the position of a migration, from 1, is the `user_version` that it leads to. Never edited once released. */
export const MIGRATIONS: readonly string[] = [
  initial,
  holdAndAdopt,
  access,
  secrets,
  teams,
  stackLabels,
  deploymentTraffic,
  certificates,
  releases,
  trials,
]
