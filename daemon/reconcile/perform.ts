/** Carries out actions: a table typed by the union of actions, so that a new one does not compile until it is handled. */
import { Problem } from '../../protocol/problems.ts'
import type { Action, ActionKind } from '../stack/actions.ts'
import { awaitService } from './perform/await-service.ts'
import {
  discardContainer,
  killContainer,
  pauseContainer,
  removeContainer,
  renameContainer,
  restartContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
} from './perform/containers.ts'
import { createContainer } from './perform/create-container.ts'
import { buildImage, pullImage, removeImage } from './perform/images.ts'
import { connectNetwork, createNetwork, removeNetwork } from './perform/networks.ts'
import { awaitReplica, continueRollout } from './perform/rollout.ts'
import {
  admitReplica,
  drainReplica,
  mergeTraffic,
  publishService,
  splitTraffic,
  unpublishService,
  unrouteReplica,
} from './perform/routing.ts'
import { runSteps } from './perform/steps.ts'
import { switchRelease } from './perform/switch-release.ts'
import { createVolume, removeVolume } from './perform/volumes.ts'
import type { Performer, Setting } from './performance.ts'
import type { Collaborators, RunContext } from './run-context.ts'

const PERFORMERS: { readonly [K in ActionKind]: Performer<K> } = {
  'pull-image': pullImage,
  'build-image': buildImage,
  'create-network': createNetwork,
  'remove-network': removeNetwork,
  'connect-network': connectNetwork,
  'create-volume': createVolume,
  'remove-volume': removeVolume,
  'create-container': createContainer,
  'start-container': startContainer,
  'unpause-container': unpauseContainer,
  'pause-container': pauseContainer,
  'restart-container': restartContainer,
  'stop-container': stopContainer,
  'kill-container': killContainer,
  'discard-container': discardContainer,
  'remove-container': removeContainer,
  'rename-container': renameContainer,
  'await-service': awaitService,
  'run-steps': runSteps,
  'await-replica': awaitReplica,
  'continue-rollout': continueRollout,
  'publish-service': publishService,
  'unpublish-service': unpublishService,
  'switch-release': switchRelease,
  'admit-replica': admitReplica,
  'drain-replica': drainReplica,
  'unroute-replica': unrouteReplica,
  'split-traffic': splitTraffic,
  'merge-traffic': mergeTraffic,
  'remove-image': removeImage,
  refuse: async ({ body }) => {
    throw new Problem(body.code, body.message, { hint: body.hint })
  },
}

/**
 * What ends at once when its run does. All else is let finish: the Engine goes on with a call whose caller is gone, and
 * the next run must not begin in the middle of it.
 */
const ENDABLE: ReadonlySet<ActionKind> = new Set([
  'pull-image',
  'build-image',
  'await-service',
  'run-steps',
  'await-replica',
  'continue-rollout',
  'drain-replica',
])

export function perform(
  action: Action,
  context: RunContext,
  collaborators: Collaborators,
  signal: AbortSignal,
  tell: Pick<Setting, 'report' | 'became'>,
): Promise<void> {
  const performer = PERFORMERS[action.body.kind] as Performer<ActionKind>
  const until = ENDABLE.has(action.body.kind) ? signal : new AbortController().signal
  const of = action.set === 'trial' ? context.trial : context
  return performer({ body: action.body, context: of, with: collaborators, signal: until, ...tell })
}
