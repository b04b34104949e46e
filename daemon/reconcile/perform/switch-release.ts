import { addressOf } from '../../stack/routing.ts'
import type { Performance } from '../performance.ts'
import { addressesOf, unreachable } from './routing.ts'

/** All that is new counts by now. What the ingress is to have of it is written down at once, and told at once. */
export async function switchRelease({
  body: { release, publish, unpublish, admit, drain },
  context,
  with: { engine, ingress, store },
  signal,
}: Performance<'switch-release'>): Promise<void> {
  const { stack, services } = context.desired
  const admitted = await Promise.all(
    admit.map(async (one) => {
      const id = context.mustHaveContainer(one)
      const { NetworkSettings } = await engine.containers.inspect(id, { signal })
      const address = addressOf(addressesOf(NetworkSettings), services[one.service]?.networks ?? [])
      if (address === undefined) throw unreachable(one.service)
      return { service: one.service, id, address }
    }),
  )
  const isNothing = [publish, unpublish, admit, drain].every((list) => list.length === 0)
  if (!isNothing) await ingress.switch(stack, { publish, unpublish, admit: admitted, drain }, signal)
  store.memory.set(stack, 'release', 'switched', release)
}
