import { Problem } from '../../../protocol/problems.ts'
import { OURS } from '../../stack/labels.ts'
import type { ContainerPlan } from '../../stack/mapping/container.ts'
import { replicaKey } from '../../stack/operation.ts'
import type { Cures } from '../../stack/plan-input.ts'
import { curesBefore } from '../../stack/unhealthy.ts'
import type { Performance } from '../performance.ts'
import { complete, containerPlan } from './container-plan.ts'
import { untilGone } from './containers.ts'
import { isStatus } from './engine-answers.ts'
import { volumesMustBeThere } from './volumes.ts'

type Create = Performance<'create-container'>

/**
 * Creates a replica's container from its revision, pinned to the image that the revision has. The name tells our own
 * earlier call from a stranger: a container of that name that carries our labels and this very spec is the one we want.
 */
export async function createContainer(performance: Create): Promise<void> {
  const { body, context } = performance
  const plan = await containerPlan(performance, body)
  for (const warning of plan.warnings) context.warn(warning)
  if (body.cure !== undefined) countCure(performance)
  const id = await createOrTake(performance, plan)
  await complete(plan, id, performance)
  context.made(body.service, body.replica, id)
}

/** Before it is made: what crashes in between, and what is refused, is to wait longer the next time as well. */
function countCure({ body, context, with: { store, clock } }: Create): void {
  const { stack } = context.desired
  const key = replicaKey(body.service, body.replica)
  const nowMs = clock.now().getTime()
  const before = store.memory.all(stack, 'cures')[key] as Cures | undefined
  store.memory.set(stack, 'cures', key, { times: curesBefore(before, nowMs) + 1, atMs: nowMs } satisfies Cures)
}

async function createOrTake(performance: Create, plan: ContainerPlan): Promise<string> {
  const {
    body,
    context,
    with: { engine, store, clock },
    signal,
  } = performance
  const { stack, services, volumes } = context.desired
  const named = volumes.filter(({ name }) => services[body.service]?.volumes.includes(name))
  for (let tries = 0; ; tries += 1) {
    await volumesMustBeThere(stack, named, { engine, store }, signal)
    try {
      return (await engine.containers.create(plan.query, plan.body, { signal })).Id
    } catch (error) {
      if (!isStatus(error, 409) || !/already in use/i.test(error.message) || tries >= 3) throw error
      const holder = await engine.containers.inspect(body.name, { signal }).catch((missing: unknown) => {
        if (isStatus(missing, 404)) return undefined
        throw missing
      })
      if (holder === undefined) continue
      const labels = holder.Config.Labels
      if (labels[OURS.instance] !== store.instance || labels[OURS.stack] !== stack) {
        throw new Problem(
          'conflict',
          `the container name ${body.name} is in use by a container that is not of this stack`,
          {
            hint: `rename or remove it (docker rm ${body.name}), or set services.${body.service}.container_name`,
            engine: error.engine,
            cause: error,
          },
        )
      }
      if (labels[OURS.spec] === plan.body.Labels?.[OURS.spec] && holder.State.Status === 'created') return holder.Id
      if (holder.State.Status !== 'removing' && holder.State.Status !== 'dead') throw error
      await untilGone(engine, clock, holder.Id, signal)
    }
  }
}
