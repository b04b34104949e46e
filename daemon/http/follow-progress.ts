/** A deployment as it goes on: the whole of it, each step that changes, the whole of it again, and the end. */
import type { Feed } from '../../protocol/feed.ts'
import type { Deployment, Step } from '../../protocol/resources/deployment.ts'
import type { ProgressItem } from '../reconcile/progress.ts'
import type { FrameSocket } from './frame-socket.ts'

export async function followProgress(
  id: string,
  deployment: (id: string) => Deployment,
  feed: Feed<ProgressItem>,
  socket: FrameSocket,
): Promise<void> {
  /** Steps not yet sent, the latest of each: a slow follower skips states, it never makes us remember more than the plan. */
  const pending = new Map<string, Step>()
  let ended = false
  let wake = (): void => {}
  const unsubscribe = feed.subscribe((item) => {
    if (item.deployment !== id) return
    if (item.type === 'ended') ended = true
    else for (const step of item.steps) pending.set(step.id, step)
    wake()
  })
  socket.signal.addEventListener('abort', () => wake(), { once: true })
  try {
    const first = deployment(id)
    const isOpen = first.state === 'queued' || first.state === 'running'
    await socket.send({ type: 'deployment', deployment: first })
    while (isOpen && !socket.signal.aborted) {
      if (pending.size > 0) {
        const steps = [...pending.values()]
        pending.clear()
        await socket.send({ type: 'steps', steps })
        continue
      }
      if (ended) break
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    if (isOpen) await socket.send({ type: 'deployment', deployment: deployment(id) })
    await socket.send({ type: 'end' })
  } finally {
    unsubscribe()
  }
}
