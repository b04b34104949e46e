import { forbiddenPaths } from '../access/forbidden-paths.ts'
import { Gate } from '../access/gate.ts'
import { Lockouts } from '../access/lockouts.ts'
import { ACCOUNTS_OF_A_SOURCE, RateLimits, rateOf } from '../access/rate-limits.ts'
import { realPath } from '../access/real-path.ts'
import type { RightsReader } from '../access/rights.ts'
import { StrangerNotes } from '../access/stranger-notes.ts'
import type { Config } from '../config.ts'
import type { Core } from '../reconcile/core.ts'
import { ModelPolicy } from '../stack/model-policy.ts'

interface Surroundings {
  readonly core: Core
  readonly rights: RightsReader
  /** Which stack a deployment, a job or a volume is of. */
  readonly stackOf: ConstructorParameters<typeof Gate>[0]['stackOf']
}

export function openGate(config: Config, { core, rights, stackOf }: Surroundings): Gate {
  const { store, engine, clock, files, bundles } = core
  return new Gate({
    store,
    rights,
    now: () => clock.now(),
    lockouts: new Lockouts(),
    rates: {
      account: new RateLimits(rateOf(config.requestRate)),
      source: new RateLimits(rateOf(config.requestRate * ACCOUNTS_OF_A_SOURCE)),
    },
    strangers: new StrangerNotes(),
    policy: new ModelPolicy(
      {
        ...config.policy,
        forbiddenPaths: forbiddenPaths(config, engine.address),
        delivery: [files.folder, bundles.folder, ...config.secretsFolders],
      },
      realPath,
    ),
    stackOf,
  })
}
