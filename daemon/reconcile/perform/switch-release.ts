import type { Performance } from '../performance.ts'
import { admitted } from './routing.ts'

/** All that is new counts by now. What the ingress is to have of it is written down at once, and told at once. */
export async function switchRelease(performance: Performance<'switch-release'>): Promise<void> {
  const {
    body: { release, publish, unpublish, admit, drain },
    context: {
      desired: { stack },
    },
    with: { ingress, store },
    signal,
  } = performance
  const containers = await Promise.all(
    admit.map(async (one) => ({ service: one.service, ...(await admitted(one, performance)) })),
  )
  const isNothing = [publish, unpublish, admit, drain].every((list) => list.length === 0)
  if (!isNothing) await ingress.switch(stack, { publish, unpublish, admit: containers, drain }, signal)
  store.memory.set(stack, 'release', 'switched', release)
}
