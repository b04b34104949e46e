/** Shows a deployment until it ends. Ctrl-C leaves it to the daemon. */

import { Problem } from '../../protocol/problems.ts'
import type { Accepted, Deployment, Step } from '../../protocol/resources/deployment.ts'
import type { ProgressFrame } from '../../protocol/streams.ts'
import type { Api } from '../api.ts'
import type { Context } from './command.ts'
import { type ProgressView, progressView } from './render/progress.ts'

/** What is not shown: how far pulls are, builds altogether, warnings. */
export interface Unshown {
  readonly pullProgress?: boolean
  readonly builds?: boolean
  readonly warnings?: boolean
}

/** Resolves when it has succeeded; rejects with what it failed of. */
export async function followDeployment(
  { api, output }: Pick<Context, 'api' | 'output'>,
  accepted: Accepted,
  unshown: Unshown = {},
): Promise<Deployment> {
  const onInterrupt = () => {
    process.stderr.write('\nThe daemon goes on with it. See: evenkeel ps\n')
    process.exit(130)
  }
  process.once('SIGINT', onInterrupt)
  const view = showing(progressView(output), unshown)
  try {
    const deployment = await ended(api, accepted.deployment, view, output.progress === 'tty' ? 'watched' : 'unwatched')
    view.end()
    if (unshown.warnings !== true) for (const warning of deployment.warnings) output.note(`WARN ${warning}`)
    if (deployment.state === 'succeeded') return deployment
    throw deployment.error === undefined
      ? new Problem('deployment-failed', `the deployment ${deployment.state}`)
      : Problem.fromDetails(deployment.error as Parameters<typeof Problem.fromDetails>[0])
  } finally {
    view.end()
    process.removeListener('SIGINT', onInterrupt)
  }
}

function showing(view: ProgressView, unshown: Unshown): ProgressView {
  const shown = (step: Step): Step => {
    if (unshown.pullProgress !== true || step.action !== 'pull-image') return step
    const { detail: _, ...rest } = step
    return rest
  }
  const isShown = ({ action, state }: Step) => unshown.builds !== true || action !== 'build-image' || state === 'failed'
  return { steps: (steps) => view.steps(steps.filter(isShown).map(shown)), end: () => view.end() }
}

/**
 * What is done sooner than this is told by one answer, which spares the WebSocket and the library for it: 20 ms of a core
 * that the Engine could use. On a terminal somebody watches; lines in a file or a pipe may come a second late.
 */
const ONE_ANSWER_MS = { watched: 60, unwatched: 1000 } as const

async function ended(
  api: Api,
  id: string,
  view: ReturnType<typeof progressView>,
  how: keyof typeof ONE_ANSWER_MS,
): Promise<Deployment> {
  const soon = await api.call('deployment', { id }, undefined, { waitMs: ONE_ANSWER_MS[how] })
  view.steps(soon.steps)
  if (soon.state !== 'queued' && soon.state !== 'running') return soon
  const stream = await api.stream<ProgressFrame>('progress', { id })
  let last: Deployment | undefined
  for await (const frame of stream) {
    if (frame.type === 'deployment') {
      last = frame.deployment
      view.steps(last.steps)
    } else if (frame.type === 'steps') view.steps(frame.steps)
    else if (frame.type === 'end') {
      if (frame.problem !== undefined) throw Problem.fromDetails(frame.problem)
      // Nothing more comes: leaving at once spares the closing handshake.
      stream.close()
      break
    }
  }
  if (last === undefined || last.state === 'running' || last.state === 'queued') {
    throw new Problem('daemon-unreachable', 'the daemon ended while it worked on this; it goes on when it is back', {
      hint: 'start it again, then see: evenkeel ps',
    })
  }
  return last
}
