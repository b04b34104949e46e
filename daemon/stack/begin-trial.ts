/** Of what a request changes: what can be tried beside what serves, what waits for the promotion, and what stands against it. Pure. */
import type { DesiredService, DesiredStack, Strategy } from './desired.ts'
import { canonical } from './explain.ts'
import type { ServiceRouting } from './routing.ts'

export type TrialScope =
  | {
      readonly kind: 'trial'
      readonly services: readonly string[]
      /** Changed, new or dropped, and nothing that the ingress serves: they are as they were until the promotion. */
      readonly waiting: readonly string[]
    }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly why: string; readonly hint: string }

interface Change {
  readonly strategy: Strategy
  readonly now: DesiredStack
  /** What it would be without a trial. */
  readonly next: DesiredStack
  /** What the ingress serves, by service. */
  readonly published: Readonly<Record<string, ServiceRouting>>
}

export function scopeOfTrial(change: Change): TrialScope {
  const { now, next, strategy } = change
  if (isReleased(now) || isReleased(next))
    return {
      kind: 'refused',
      why: `a stack that is released as a whole (release: atomic) has no ${strategy}: names mean one version to each container`,
      hint: 'evenkeel up releases it as a whole, and takes it back as a whole where any of it fails',
    }
  const names = [...new Set([...Object.keys(now.services), ...Object.keys(next.services)])].sort()
  const changed = names.filter((name) => isChanged(now.services[name], next.services[name]))
  if (changed.length === 0) return { kind: 'unchanged' }
  const services = changed.filter((name) => isServed(change, name))
  const waiting = changed.filter((name) => !services.includes(name))
  if (services.length === 0)
    return {
      kind: 'refused',
      why: `nothing that the ingress serves is changed (${waiting.join(', ')} is), so that no traffic could be divided`,
      hint: 'evenkeel up brings it up; what is to be tried needs x-evenkeel.routes, or ports with order: start-first',
    }
  for (const name of services) {
    const refusal = obstacleOf(change, name, waiting)
    if (refusal !== undefined)
      return { kind: 'refused', why: `${name} cannot be tried (${strategy}): ${refusal.why}`, hint: refusal.hint }
  }
  return { kind: 'trial', services, waiting }
}

/** Its names know versions, or did until what is there now has gone. */
const isReleased = ({ services }: DesiredStack): boolean =>
  Object.values(services).some(({ releasing, release }) => releasing !== undefined || release !== undefined)

function isChanged(before: DesiredService | undefined, after: DesiredService | undefined): boolean {
  if (before === undefined || after === undefined) return before !== after
  return before.specHash === undefined || before.specHash !== after.specHash
}

/** There is something beside which it could be tried. */
function isServed({ now, next, published }: Change, name: string): boolean {
  const [before, after] = [now.services[name], next.services[name]]
  if (before?.routing === undefined || after?.routing === undefined || published[name] === undefined) return false
  return before.run === 'running' && before.replicas > 0 && after.replicas > 0
}

interface Obstacle {
  readonly why: string
  readonly hint: string
}

function obstacleOf({ now, next, published }: Change, name: string, waiting: readonly string[]): Obstacle | undefined {
  const [before, after] = [now.services[name]!, next.services[name]!]
  const without = `evenkeel up ${name} replaces it as a rollout`
  const update = after.rollouts?.update
  if (update === undefined || update.order === 'stop-first')
    return {
      why: `two of it cannot be there at a time: ${update?.why ?? 'it is a job'}`,
      hint: `name the services that are to be tried, without ${name}; or ${without}`,
    }
  if (canonical(servedBy(after.routing!)) !== canonical(servedBy(published[name]!)))
    return {
      why: 'its ports or routes change, and what serves has them as they are',
      hint: `change them first: ${without}`,
    }
  if (after.steps !== undefined)
    return {
      why: 'it has steps (x-evenkeel.deploy), which run once for a deployment that switches it',
      hint: without,
    }
  const needed = Object.keys(after.dependsOn).find((one) => waiting.includes(one))
  if (needed !== undefined)
    return {
      why: `it depends on ${needed}, which changes as well and is not behind the ingress`,
      hint: `bring that up first: evenkeel up --no-deps ${needed}`,
    }
  const moved = after.networks.find((network) => {
    const known = now.networks.find((one) => one.name === network)
    return known !== undefined && known.specHash !== next.networks.find((one) => one.name === network)?.specHash
  })
  if (moved !== undefined)
    return { why: `network ${moved} changes, on which the others are (${before.service} too)`, hint: without }
  return undefined
}

const servedBy = ({ ports, routes }: ServiceRouting) => ({ ports, routes })
