/** How many replicas a service is to have by what they use. Pure. */
import { type Autoscale, clamp, METERS, type Meter } from '../../protocol/stackfile/autoscale.ts'

/** Of a replica, as the mean of all, as {@link Autoscale} counts it. A meter that is missing says nothing. */
export type Load = Readonly<Partial<Record<Meter, number | undefined>>>

/** What a look at a service wanted. */
export interface Look {
  readonly atMs: number
  readonly wanted: number
}

export interface Decision {
  /** The same as now: nothing is changed. */
  readonly replicas: number
  /** For people. */
  readonly why: string
  /** For the next one: as far back as the cooldown reaches. */
  readonly looks: readonly Look[]
}

/** A load so near to its target is as meant: else it would go to and fro. */
const TOLERANCE = 0.1

/**
 * More at once; fewer only where fewer were enough for the whole cooldown, and then as many as the greatest need in it.
 */
export function decide(
  policy: Autoscale,
  current: number,
  load: Load,
  earlier: readonly Look[],
  nowMs: number,
): Decision {
  const needs = METERS.flatMap((meter) => {
    const [used, target] = [load[meter], policy.target[meter]]
    return used === undefined || target === undefined
      ? []
      : [{ meter, used, target, wanted: needOf(current, used / target) }]
  })
  const greatest = needs.reduce<(typeof needs)[number] | undefined>(
    (most, one) => (most === undefined || one.wanted > most.wanted ? one : most),
    undefined,
  )
  const wanted = clamp(greatest?.wanted ?? current, policy)
  const why =
    greatest === undefined
      ? `between ${policy.min} and ${policy.max}`
      : `${greatest.meter} ${inWords(greatest.meter, greatest.used)} of a target of ${inWords(greatest.meter, greatest.target)}`
  // A clock that was set back forgets what it has not come to yet.
  const known = earlier.filter(({ atMs }) => atMs <= nowMs)
  const covers = known.some(({ atMs }) => nowMs - atMs >= policy.cooldownMs)
  const within = [...known, { atMs: nowMs, wanted }]
  // The last one of before it shows that the whole of the cooldown was looked at.
  const firstWithin = within.findIndex(({ atMs }) => nowMs - atMs < policy.cooldownMs)
  const looks = within.slice(Math.max(0, firstWithin - 1))
  if (wanted >= current) return { replicas: wanted, why, looks }
  if (!covers) return { replicas: clamp(current, policy), why, looks }
  const most = Math.max(...looks.map((look) => look.wanted))
  return { replicas: clamp(Math.min(most, current), policy), why, looks }
}

const needOf = (current: number, ratio: number): number =>
  Math.abs(ratio - 1) <= TOLERANCE ? current : Math.ceil(current * ratio - 1e-9)

const inWords = (meter: Meter, amount: number): string =>
  meter === 'requests' ? `${Math.round(amount * 100) / 100}/s` : `${Math.round(amount)} %`
