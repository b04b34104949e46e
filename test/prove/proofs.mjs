/** All proofs, by issue. */
import { badInput } from './bad-input.mjs'
import { engineFaults } from './engine-faults.mjs'
import { execSpeed } from './exec-speed.mjs'
import { idle } from './idle.mjs'
import { killDaemon } from './kill-daemon.mjs'
import { quickstart } from './quickstart.mjs'
import { tenStacks } from './ten-stacks.mjs'
import { timeDown, timeHealthy, timeNoOp, timeUp } from './times.mjs'
import { upTwice } from './up-twice.mjs'

export const proofs = [
  quickstart,
  tenStacks,
  upTwice,
  killDaemon,
  timeUp,
  timeHealthy,
  timeNoOp,
  timeDown,
  idle,
  badInput,
  engineFaults,
  execSpeed,
]
