/** What the ingress is told. It writes it down itself before it acts. */
import { Problem } from '../../../protocol/problems.ts'
import type { ContainerInspect } from '../../engine/types.ts'
import type { Admitted } from '../../ingress/ingress.ts'
import type { ActionBody } from '../../stack/actions.ts'
import { addressOf } from '../../stack/routing.ts'
import type { Performance, Setting } from '../performance.ts'

export async function publishService({
  body,
  context: { desired },
  with: { ingress },
  signal,
}: Performance<'publish-service'>): Promise<void> {
  await ingress.publish(desired.stack, body.service, body.routing, signal)
}

export async function unpublishService({
  body,
  context: { desired },
  with: { ingress },
}: Performance<'unpublish-service'>): Promise<void> {
  await ingress.unpublish(desired.stack, body.service)
}

export async function admitReplica(performance: Performance<'admit-replica'>): Promise<void> {
  const {
    body,
    context,
    with: { ingress },
    signal,
  } = performance
  await ingress.admit(context.desired.stack, body.service, await admitted(body, performance), signal)
}

/** A replica as the ingress is to have it: where it reaches it. */
export async function admitted(
  replica: Pick<Extract<ActionBody, { kind: 'admit-replica' }>, 'service' | 'replica' | 'id'>,
  { context, with: { engine }, signal }: Setting,
): Promise<Admitted> {
  const id = context.mustHaveContainer(replica)
  const { NetworkSettings } = await engine.containers.inspect(id, { signal })
  const service = context.desired.services[replica.service]
  const address = addressOf(addressesOf(NetworkSettings), service?.networks ?? [])
  if (address !== undefined) return { id, address, revision: service?.revision }
  throw new Problem(
    'ingress-failed',
    `the ingress cannot reach service ${replica.service}: its container has no address`,
    { hint: `put services.${replica.service} on a network of this machine (driver bridge)` },
  )
}

/** By the names of its networks. */
export const addressesOf = ({ Networks }: ContainerInspect['NetworkSettings']): Record<string, string> =>
  Object.fromEntries(Object.entries(Networks).map(([name, { IPAddress }]) => [name, IPAddress ?? '']))

export async function drainReplica({
  body,
  context: { desired },
  with: { ingress },
  signal,
  report,
}: Performance<'drain-replica'>): Promise<void> {
  await ingress.drain(desired.stack, body.id, { drainMs: body.drainMs, report }, signal)
}

export async function splitTraffic({
  body: { services, revision, share, isPromoted },
  context: { desired },
  with: { ingress },
  signal,
}: Performance<'split-traffic'>): Promise<void> {
  await ingress.split(desired.stack, services, { revision, share, isPromoted }, signal)
}

export async function mergeTraffic({
  body,
  context: { desired },
  with: { ingress },
  signal,
}: Performance<'merge-traffic'>): Promise<void> {
  await ingress.merge(desired.stack, body.services, signal)
}

export async function unrouteReplica({
  body,
  context: { desired },
  with: { ingress },
}: Performance<'unroute-replica'>): Promise<void> {
  await ingress.forget(desired.stack, body.id)
}
