/** A world that is quiet and as declared is disturbed once more: what was declared is back soon, not at the next slow look. */
import { COMPOSE } from '../../daemon/stack/labels.ts'
import type { SimulatedContainer } from './simulated-objects.ts'
import type { World } from './world.ts'

/** From the end of a container to the start of its successor: the loop's patience, a slow removal and some calls. */
const BACK_MS = 9000

export async function promptness(world: World): Promise<void> {
  const { machine, scheduler, random } = world
  const candidates = [...machine.containers.values()].filter((container) => isKept(world, container))
  if (candidates.length === 0) return
  const victim = random.pick(candidates)
  const how = random.pick(['kill', 'kill', 'remove'] as const)
  world.note(`> once more, by hand: ${how} ${victim.name}`)
  if (how === 'kill') machine.kill(victim, 'KILL', 'hand')
  else machine.remove(victim, { force: true, volumes: false }, 'hand', () => {})
  const isBack = (): boolean => [...machine.containers.values()].some((one) => isSuccessor(one, victim))
  await scheduler.advance(BACK_MS, () => isBack() || world.violation !== undefined)
  if (world.violation === undefined && !isBack())
    world.broken('prompt', `${victim.name} is not back ${BACK_MS / 1000} s after a ${how} by hand`)
}

/** What the loop starts whenever it is down, and whose start waits for nothing. */
function isKept(world: World, container: SimulatedContainer): boolean {
  const { labels, program, state, startedMonotonicMs, endsByHand } = container
  // A second end by hand within the hour is meant.
  if (endsByHand > 0) return false
  if (!world.isOurs(container) || labels[COMPOSE.oneOff] === 'True' || state !== 'running') return false
  if (program.exit !== undefined || startedMonotonicMs < 0) return false
  // Of a replica that starts first the new one may be there and not count yet: then the policy of the old one holds.
  if ([...world.machine.containers.values()].some((other) => other !== container && isSame(other, container)))
    return false
  const service = world.ledger.expected(labels[COMPOSE.project] ?? '').services.get(labels[COMPOSE.service] ?? '')
  if (service?.run !== 'running' || service.spec.needs !== undefined) return false
  return service.spec.restart === 'always' || service.spec.restart === 'unless-stopped'
}

const isSuccessor = (container: SimulatedContainer, victim: SimulatedContainer): boolean =>
  container.state === 'running' && isSame(container, victim)

/** The same replica. */
const isSame = ({ labels }: SimulatedContainer, victim: SimulatedContainer): boolean =>
  labels[COMPOSE.project] === victim.labels[COMPOSE.project] &&
  labels[COMPOSE.service] === victim.labels[COMPOSE.service] &&
  labels[COMPOSE.number] === victim.labels[COMPOSE.number]
