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
    .sort(byRank)
  if (chosen !== undefined) return chosen
  throw new Problem(
    'container-not-found',
    index === undefined
      ? `service "${service}" is not running`
      : `service "${service}" is not running container #${index}`,
    { hint: 'see what is there: evenkeel ps -a' },
  )
}

/** What a copy means, in the order that one of them is chosen in: whether they run does not matter. */
export function chooseForCopy(
  containers: readonly ContainerSummary[],
  { service, index, all }: { readonly service: string; readonly index?: number | undefined; readonly all: boolean },
): readonly [ContainerSummary, ...ContainerSummary[]] {
  const [first, ...others] = containers
    .filter(({ Labels }) => Labels[COMPOSE.service] === service)
    .filter((container) =>
      index === undefined
        ? all || !isOneOff(container)
        : !isOneOff(container) && container.Labels[COMPOSE.number] === String(index),
    )
    .sort(byRank)
  if (first !== undefined) return [first, ...others]
  throw new Problem(
    'container-not-found',
    index === undefined
      ? `no container found for service "${service}"`
      : `service "${service}" is not running container #${index}`,
    { hint: 'see what is there: evenkeel ps -a' },
  )
}

const isOneOff = ({ Labels }: ContainerSummary): boolean => Labels[COMPOSE.oneOff] === 'True'

const byRank = (a: ContainerSummary, b: ContainerSummary): number =>
  rank(a) - rank(b) || containerName(a).length - containerName(b).length

const rank = (container: ContainerSummary): number =>
  isOneOff(container) ? Number.MAX_SAFE_INTEGER : Number(container.Labels[COMPOSE.number] ?? 0)
