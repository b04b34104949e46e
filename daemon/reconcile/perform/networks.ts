import { Problem } from '../../../protocol/problems.ts'
import { networkCreate } from '../../stack/mapping/network.ts'
import { networkSpecHash } from '../../stack/mapping/spec-hash.ts'
import { ourLabels } from '../our-labels.ts'
import type { Performance } from '../performance.ts'
import { containerPlan } from './container-plan.ts'
import { isAlready, isStatus } from './engine-answers.ts'

/** A network of this name that is ours already is our own earlier call that got through: fine. */
export async function createNetwork({
  body,
  context,
  with: { engine, store },
  signal,
}: Performance<'create-network'>): Promise<void> {
  const model = modelWith(body.key, body.name, context)
  const network = model.networks![body.key]!
  const labels = { ...ourLabels(store.instance, context.desired.stack), 'dev.evenkeel.spec': networkSpecHash(network) }
  try {
    await engine.networks.create(
      networkCreate(model, body.key, labels, { apiVersion: (await engine.version()).negotiated }),
      { signal },
    )
  } catch (error) {
    if (!isStatus(error, 409)) throw explained(error, body.name)
    const there = await engine.networks.list({ filters: { name: [body.name] } }, { signal })
    if (!there.some((n) => n.Name === body.name && n.Labels?.['dev.evenkeel.instance'] === store.instance)) throw error
  }
}

/** Services may be of different revisions: the one whose definition is the desired one, or the loop makes it anew for ever. */
function modelWith(key: string, name: string, context: Performance['context']) {
  const wanted = context.desired.networks.find((network) => network.name === name)?.specHash
  const models = context.models()
  const found = models.find((model) => {
    const network = model.networks?.[key]
    return network?.name === name && networkSpecHash(network) === wanted
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

/** A network that others still use stays, with a word, as Compose does; one that is gone is gone. */
export async function removeNetwork({
  body,
  context,
  with: { engine },
  signal,
}: Performance<'remove-network'>): Promise<void> {
  try {
    await engine.networks.remove(body.id, { signal })
  } catch (error) {
    if (isStatus(error, 404)) return
    const inUse = error instanceof Problem && /active endpoints/i.test(error.message)
    // The loop by itself is to back off, not to take it for done and look again at once.
    if (!inUse || context.desired.presence === 'present' || context.policy.mode === 'heal') throw error
    context.warn(`network ${body.name} is still in use by containers that are not of this stack: it stays`)
  }
}
