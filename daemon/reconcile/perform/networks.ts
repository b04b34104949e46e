import { Problem } from '../../../protocol/problems.ts'
import type { Engine } from '../../engine/types.ts'
import type { DesiredNetwork } from '../../stack/desired.ts'
import { OURS } from '../../stack/labels.ts'
import { networkCreate } from '../../stack/mapping/network.ts'
import { networkSpecHash } from '../../stack/mapping/spec-hash.ts'
import { releaseNetwork } from '../../stack/release.ts'
import { ourLabels } from '../our-labels.ts'
import type { Performance } from '../performance.ts'
import { STILL_IN_USE } from '../words.ts'
import { containerPlan } from './container-plan.ts'
import { isAlready, isStatus } from './engine-answers.ts'

/** A network of this name that is ours already is our own earlier call that got through: fine. */
export async function createNetwork({
  body,
  context,
  with: { engine, store },
  signal,
}: Performance<'create-network'>): Promise<void> {
  const wanted = context.desired.networks.find(({ name }) => name === body.name)
  const model = modelWith(body.key, wanted, context)
  const network = model.networks![body.key]!
  const labels = {
    ...ourLabels(store.instance, context.desired.stack),
    [OURS.spec]: networkSpecHash(network),
    ...(wanted?.release !== undefined && { [OURS.release]: String(wanted.release) }),
  }
  const apiVersion = (await engine.version()).negotiated
  try {
    await engine.networks.create(networkCreate(model, body.key, labels, { apiVersion, name: body.name }), { signal })
  } catch (error) {
    if (!isStatus(error, 409)) throw explained(error, body.name)
    const there = await engine.networks.list({ filters: { name: [body.name] } }, { signal })
    if (!there.some((n) => n.Name === body.name && n.Labels?.[OURS.instance] === store.instance)) throw error
  }
}

/** Services may be of different revisions: the one whose definition is the desired one, or the loop makes it anew for ever. */
function modelWith(key: string, wanted: DesiredNetwork | undefined, context: Performance['context']) {
  const models = context.models()
  const found = models.find((model) => {
    const network = model.networks?.[key]
    const isNamed = network !== undefined && releaseNetwork(network.name, wanted?.release) === wanted?.name
    return isNamed && networkSpecHash(network) === wanted.specHash
  })
  if (found === undefined)
    throw new Problem('internal', `no revision of ${context.desired.stack} declares network ${key}`)
  return found
}

function explained(error: unknown, name: string): unknown {
  if (!(error instanceof Problem)) return error
  if (/Pool overlaps/i.test(error.message)) {
    return new Problem('conflict', `network ${name}: its subnet overlaps one that is there already`, {
      hint: `choose another subnet under networks.*.ipam, or remove the other network`,
      engine: error.engine,
      cause: error,
    })
  }
  if (/could not find an available|all predefined address pools have been fully subnetted/i.test(error.message)) {
    return new Problem('conflict', `network ${name}: the Engine has no address pool left`, {
      hint: 'remove unused networks (docker network prune), or widen `default-address-pools` in /etc/docker/daemon.json',
      engine: error.engine,
      cause: error,
    })
  }
  return error
}

/** As its container was put on it when it was made. */
export async function connectNetwork(performance: Performance<'connect-network'>): Promise<void> {
  const {
    body: { service, replica, id, network },
    context,
    with: { engine },
    signal,
  } = performance
  const name = context.container(id)!.name
  const plan = await containerPlan(performance, { service, replica, name, carriedVolumes: {} })
  const endpoint =
    plan.body.NetworkingConfig?.EndpointsConfig[network] ??
    plan.connectAfterCreate.find(({ networkName }) => networkName === network)?.endpoint
  try {
    await engine.networks.connect(network, id, endpoint ?? {}, { signal })
  } catch (error) {
    if (!isAlready(error, /already exists in network|already attached|endpoint with name .* already exists/i))
      throw error
  }
}

/**
 * A network that others still use stays, with a word, as Compose does; one that is gone is gone. Engine 20.10 counts wrong
 * now and then, and keeps a network that nobody is on ("Fixing inconsistent endpoint_cnt" in its log once it is restarted).
 */
export async function removeNetwork(performance: Performance<'remove-network'>): Promise<void> {
  const {
    body,
    context,
    with: { engine },
    signal,
    became,
  } = performance
  try {
    if (body.release !== undefined) await takeOff(performance)
    await engine.networks.remove(body.id, { signal })
  } catch (error) {
    if (isStatus(error, 404)) return
    const inUse = error instanceof Problem && /active endpoints/i.test(error.message)
    const isWanted = context.desired.presence === 'present' && body.release === undefined
    // The loop by itself is to back off, not to take it for done and look again at once.
    if (!inUse || isWanted || context.policy.mode === 'heal') throw error
    became(STILL_IN_USE)
    context.warn(
      (await isNobodyOn(body.id, engine, signal))
        ? `network ${body.name} stays: the Engine counts an endpoint on it that no container has. It counts anew when it starts; the network goes then`
        : `network ${body.name} is still in use by containers that are not of this stack: it stays`,
    )
  }
}

/** Containers that do not run hold no endpoint. Where the Engine does not say, somebody is. */
async function isNobodyOn(network: string, engine: Engine, signal: AbortSignal): Promise<boolean> {
  try {
    return (await engine.containers.list({ filters: { network: [network] } }, { signal })).length === 0
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Problem) return false
    throw error
  }
}

/** Containers of ours that are on it beside their own networks: one that is stopped could not start without it, either. */
async function takeOff({
  body: { id },
  context: { desired },
  with: { engine, store },
  signal,
}: Performance<'remove-network'>): Promise<void> {
  const there = await engine.containers.list({ all: true, filters: { network: [id] } }, { signal })
  for (const { Id, Labels } of there) {
    if (Labels[OURS.instance] !== store.instance || Labels[OURS.stack] !== desired.stack) continue
    await engine.networks.disconnect(id, Id, { force: true }, { signal }).catch((error: unknown) => {
      // It has gone, or has left it, in the meantime.
      if (!isStatus(error, 404) && !isAlready(error, /is not connected/i)) throw error
    })
  }
}
