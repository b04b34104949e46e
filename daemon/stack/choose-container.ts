/**
 * Which container of a service a command means, by Compose's rule: the lowest number, one-offs last. Of two of a number it is
 * the one that has its name: the other one's name says more, for it is on trial, or about to take over.
 */
import { Problem } from '../../protocol/problems.ts'
import type { ContainerSummary } from '../engine/types.ts'
import { containerName } from './container-name.ts'
import { COMPOSE } from './labels.ts'

/** A paused container runs, in the Engine's list: what is wanted of it is refused in the Engine's own words. */
const RUNS = new Set<ContainerSummary['State']>(['running', 'paused', 'restarting'])

export function chooseRunning(
  containers: readonly ContainerSummary[],
  { service, index }: { readonly service: string; readonly index?: number | undefined },
): ContainerSummary {
  const [chosen] = containers
    .filter(({ Labels, State }) => Labels[COMPOSE.service] === service && RUNS.has(State))
    .filter(({ Labels }) => index === undefined || Labels[COMPOSE.number] === String(index))
    .sort((a, b) => rank(a) - rank(b) || containerName(a).length - containerName(b).length)
  if (chosen !== undefined) return chosen
  throw new Problem(
    'container-not-found',
    index === undefined
      ? `service "${service}" is not running`
      : `service "${service}" is not running container #${index}`,
    { hint: 'see what is there: evenkeel ps -a' },
  )
}

const rank = ({ Labels }: ContainerSummary): number =>
  Labels[COMPOSE.oneOff] === 'True' ? Number.MAX_SAFE_INTEGER : Number(Labels[COMPOSE.number] ?? 0)
