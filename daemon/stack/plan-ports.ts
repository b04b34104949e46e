/** A host port that somebody else holds: said before anything of the service is touched. */
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer, PublishedPort } from './observed.ts'
import type { PlanInput } from './plan-input.ts'

/** Ids of what refuses the service; none where its ports are free, or become free by the same plan. */
export function refuseTakenPorts(
  draft: Draft,
  { observed, desired, policy }: PlanInput,
  service: DesiredService,
): string[] {
  const goes = (container: ObservedContainer): boolean =>
    // A one-off that holds a port runs, and is left alone.
    !container.oneOff &&
    (container.ownership === 'ours' ||
      (desired.services[container.service] === undefined
        ? policy.orphans === 'remove'
        : policy.lookAlikes === 'replace'))
  const own = new Set(observed.containers.filter(goes).map((container) => container.id))
  const taken = service.hostPorts.flatMap((wanted) => {
    const holder = observed.ports.find(
      (port) =>
        !own.has(port.containerId) &&
        port.port === wanted.port &&
        port.protocol === wanted.protocol &&
        overlaps(port, wanted.ip),
    )
    return holder === undefined ? [] : [{ wanted, holder }]
  })
  if (taken[0] === undefined) return []
  const { wanted, holder } = taken[0]
  const name = service.service
  return [
    draft.add({
      body: {
        kind: 'refuse',
        code: 'port-taken',
        message: `port ${wanted.port}/${wanted.protocol} of service ${name} is held by container ${holder.containerName}`,
        hint: `stop ${holder.containerName}, or publish services.${name}.ports on another port`,
      },
      key: name,
      object: `Service ${desired.stack}/${name}`,
      service: name,
      effect: 'wait',
      reason: `port ${wanted.port}/${wanted.protocol} is taken`,
    }),
  ]
}

const ANY = new Set(['', '0.0.0.0', '::'])
const overlaps = (port: PublishedPort, ip: string): boolean => ANY.has(port.ip) || ANY.has(ip) || port.ip === ip
