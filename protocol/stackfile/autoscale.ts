/** `x-evenkeel.scale` of a service: between how many replicas the daemon keeps it by itself, and by what. */
import type { Service } from './model.ts'
import { isMap, type PolicyFinding, unknownKeys } from './policy-finding.ts'
import { parseDuration } from './units.ts'

export const METERS = ['cpu', 'memory', 'requests'] as const
export type Meter = (typeof METERS)[number]

export interface Autoscale {
  readonly min: number
  readonly max: number
  /** Of a replica, as the mean of all: percent of what it may use; requests a second that the ingress brings. At least one. */
  readonly target: Readonly<Partial<Record<Meter, number>>>
  /** How long fewer must have been enough before there are fewer. */
  readonly cooldownMs: number
}

const KEYS = ['min', 'max', 'target', 'cooldown']
const REPLICAS_LIMIT = 1000
const REQUESTS_LIMIT = 1_000_000
const COOLDOWN_MS = 300_000
const NS_PER_MS = 1e6

/** Undefined where the service scales by hand alone. */
export function autoscaleOf(service: Service | undefined): Autoscale | undefined {
  const policy = service?.['x-evenkeel']?.scale
  if (policy === undefined) return undefined
  const targets = METERS.flatMap((meter) => {
    const value = policy.target[meter]
    return value === undefined ? [] : [[meter, amountOf(meter, value)!] as const]
  })
  return {
    min: policy.min ?? 1,
    max: policy.max,
    target: Object.fromEntries(targets),
    cooldownMs: policy.cooldown === undefined ? COOLDOWN_MS : parseDuration(policy.cooldown)! / NS_PER_MS,
  }
}

export const clamp = (replicas: number, { min, max }: Pick<Autoscale, 'min' | 'max'>): number =>
  Math.min(Math.max(replicas, min), max)

/** `isServed`: the ingress may have something of the service. */
export function scaleFindings(scale: unknown, isServed: boolean): PolicyFinding[] {
  const path = ['scale']
  const hint = 'Such as {min: 1, max: 5, target: {cpu: 70%}}.'
  if (!isMap(scale)) return [{ message: 'scale is to be a mapping', path, hint }]
  const found = unknownKeys(scale, KEYS, path)
  const { min = 1, max, target, cooldown } = scale
  const isCount = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= 1 && Number(value) <= REPLICAS_LIMIT
  if (!isCount(min))
    found.push({ message: `min is to be a number from 1 to ${REPLICAS_LIMIT}`, path: [...path, 'min'] })
  if (!isCount(max))
    found.push({
      message: `max is to be a number from 1 to ${REPLICAS_LIMIT}`,
      path: max === undefined ? path : [...path, 'max'],
      hint,
    })
  else if (isCount(min) && max < min) found.push({ message: 'max is less than min', path: [...path, 'max'] })
  if (cooldown !== undefined && (typeof cooldown !== 'string' || !((parseDuration(cooldown) ?? -1) >= 0)))
    found.push({ message: 'cooldown is to be a duration', path: [...path, 'cooldown'], hint: 'Such as 5m.' })
  found.push(...targetFindings(target, [...path, 'target']))
  if (isMap(target) && target.requests !== undefined && !isServed)
    found.push({
      message: 'requests counts what the ingress brings, which has nothing of this service',
      path: [...path, 'target', 'requests'],
      hint: 'Give it routes, or publish a TCP port with deploy.update_config.order: start-first.',
    })
  return found
}

function targetFindings(target: unknown, path: PolicyFinding['path']): PolicyFinding[] {
  const hint = 'Such as {cpu: 70%}: percent of what a replica may use, as the mean of all.'
  if (target === undefined) return [{ message: 'scale needs a target', path: path.slice(0, -1), hint }]
  if (!isMap(target) || Object.keys(target).length === 0)
    return [{ message: `target is to have one of ${METERS.join(', ')}`, path, hint }]
  const found = unknownKeys(target, METERS, path)
  for (const meter of METERS) {
    if (target[meter] === undefined || amountOf(meter, target[meter]) !== undefined) continue
    if (meter === 'requests')
      found.push({
        message: `requests is to be a number a second, from 0.01 to ${REQUESTS_LIMIT}`,
        path: [...path, meter],
        hint: 'Such as 50: for each replica.',
      })
    else
      found.push({
        message: `${meter} is to be a percentage from 1 to 100`,
        path: [...path, meter],
        hint: 'Such as 70%.',
      })
  }
  return found
}

const amountOf = (meter: Meter, value: unknown): number | undefined =>
  meter === 'requests' ? rateOf(value) : percentOf(value)

const rateOf = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0.01 && value <= REQUESTS_LIMIT ? value : undefined

function percentOf(value: unknown): number | undefined {
  const percent = typeof value === 'string' && /^\d+(\.\d+)?%?$/.test(value) ? Number.parseFloat(value) : value
  return typeof percent === 'number' && percent >= 1 && percent <= 100 ? percent : undefined
}
