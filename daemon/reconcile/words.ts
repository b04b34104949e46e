/** Compose's words for what happens to an object, by action and state: people and scripts know them. */
import { formatBytes } from '../../protocol/bytes.ts'
import type { StepState } from '../../protocol/resources/deployment.ts'
import type { Action, ActionKind } from '../stack/actions.ts'

type Words = readonly [running: string, done: string]

const WORDS: Record<ActionKind, Words> = {
  'pull-image': ['Pulling', 'Pulled'],
  'build-image': ['Building', 'Built'],
  'create-network': ['Creating', 'Created'],
  'remove-network': ['Removing', 'Removed'],
  'connect-network': ['Connecting', 'Connected'],
  'create-volume': ['Creating', 'Created'],
  'remove-volume': ['Removing', 'Removed'],
  'create-container': ['Creating', 'Created'],
  'start-container': ['Starting', 'Started'],
  'unpause-container': ['Unpausing', 'Unpaused'],
  'pause-container': ['Pausing', 'Paused'],
  'restart-container': ['Restarting', 'Started'],
  'stop-container': ['Stopping', 'Stopped'],
  'kill-container': ['Killing', 'Killed'],
  'discard-container': ['Removing', 'Removed'],
  'remove-container': ['Removing', 'Removed'],
  'rename-container': ['Renaming', 'Renamed'],
  'await-service': ['Waiting', 'Ready'],
  'run-steps': ['Running', 'Ran'],
  'await-replica': ['Waiting', 'Ready'],
  'continue-rollout': ['Waiting', 'Continued'],
  'publish-service': ['Publishing', 'Published'],
  'unpublish-service': ['Unpublishing', 'Unpublished'],
  'switch-release': ['Switching', 'Switched'],
  'admit-replica': ['Routing', 'Routed'],
  'drain-replica': ['Draining', 'Drained'],
  'unroute-replica': ['Unrouting', 'Unrouted'],
  'split-traffic': ['Dividing', 'Divided'],
  'merge-traffic': ['Merging', 'Merged'],
  'remove-image': ['Removing', 'Removed'],
  refuse: ['Refusing', 'Refused'],
}

/** Of what was to go, and stays for as long as somebody has use for it. */
export const STILL_IN_USE = 'Resource is still in use'

export function labelOf(action: Action, state: StepState): string {
  switch (state) {
    case 'waiting':
      return 'Waiting'
    case 'failed':
      return 'Error'
    case 'skipped':
      return 'Skipped'
    case 'running':
      return wordsOf(action)[0]
    case 'done':
      return `${wordsOf(action)[1]}${removedSize(action)}`
  }
}

/** What is gone for good is told with its size. */
function removedSize({ body }: Action): string {
  if (body.kind !== 'remove-volume') return ''
  return body.sizeBytes === undefined ? ' (size unknown)' : ` (${formatBytes(body.sizeBytes)})`
}

function wordsOf(action: Action): Words {
  const { body } = action
  if (body.kind === 'create-container' && action.effect === 'replace') return ['Recreate', 'Recreated']
  if (body.kind === 'await-service' && body.until === 'completed') return ['Waiting', 'Exited']
  if (body.kind === 'await-service' && body.until === 'healthy') return ['Waiting', 'Healthy']
  return WORDS[body.kind]
}
