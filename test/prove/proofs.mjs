/** All proofs, by issue. */
import { adopt } from './adopt.mjs'
import { apiFuzz } from './api-fuzz.mjs'
import { attacks } from './attacks.mjs'
import { badDays } from './bad-days.mjs'
import { badInput } from './bad-input.mjs'
import { badVersions } from './bad-versions.mjs'
import { canary } from './canary.mjs'
import { chaos } from './chaos.mjs'
import { corpus } from './corpus.mjs'
import { dependencies } from './dependencies.mjs'
import { deployTime } from './deploy-time.mjs'
import { deploys } from './deploys.mjs'
import { engineFaults } from './engine-faults.mjs'
import { engineGap } from './engine-gap.mjs'
import { execSpeed } from './exec-speed.mjs'
import { followers } from './followers.mjs'
import { fuzz } from './fuzz.mjs'
import { healSpeed } from './heal-speed.mjs'
import { https } from './https.mjs'
import { hundredStacks } from './hundred-stacks.mjs'
import { idle } from './idle.mjs'
import { ingressFeatures } from './ingress-features.mjs'
import { ingressReload } from './ingress-reload.mjs'
import { ingressSpeed } from './ingress-speed.mjs'
import { killDaemon } from './kill-daemon.mjs'
import { killDaemon200 } from './kill-daemon-200.mjs'
import { killEngine } from './kill-engine.mjs'
import { killRollout } from './kill-rollout.mjs'
import { limits } from './limits.mjs'
import { loadSpeed } from './load-speed.mjs'
import { logsFollow } from './logs-follow.mjs'
import { logsSpeed } from './logs-speed.mjs'
import { parity } from './parity.mjs'
import { quickstart } from './quickstart.mjs'
import { releases } from './releases.mjs'
import { remote } from './remote.mjs'
import { routeMatrix } from './route-matrix.mjs'
import { scripts } from './scripts.mjs'
import { secretHunt } from './secret-hunt.mjs'
import { startUp } from './start-up.mjs'
import { tenStacks } from './ten-stacks.mjs'
import { timeDown, timeHealthy, timeNoOp, timeUp } from './times.mjs'
import { upTwice } from './up-twice.mjs'
import { wrongTokens } from './wrong-tokens.mjs'

export const proofs = [
  quickstart,
  tenStacks,
  upTwice,
  adopt,
  killDaemon,
  timeUp,
  timeHealthy,
  timeNoOp,
  timeDown,
  idle,
  badDays,
  hundredStacks,
  badInput,
  corpus,
  fuzz,
  limits,
  loadSpeed,
  parity,
  engineFaults,
  execSpeed,
  routeMatrix,
  wrongTokens,
  deploys,
  badVersions,
  ingressReload,
  ingressFeatures,
  https,
  killRollout,
  engineGap,
  releases,
  canary,
  ingressSpeed,
  deployTime,
  remote,
  secretHunt,
  apiFuzz,
  attacks,
  dependencies,
  startUp,
  scripts,
  logsSpeed,
  logsFollow,
  followers,
  healSpeed,
  chaos,
  killDaemon200,
  killEngine,
]
