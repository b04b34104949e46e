/** Starts wait for what they depend on (`depends_on` and its conditions), and `--wait` for everything at the end. */
import type { Dependency } from '../../protocol/stackfile/model.ts'
import { jobsOf } from './dependencies.ts'
import type { DesiredService } from './desired.ts'
import type { Draft } from './draft.ts'
import type { ObservedContainer } from './observed.ts'
import type { PlanInput } from './plan-input.ts'
import { inScope } from './policy.ts'
import type { ServiceWork } from './service-work.ts'

type Work = ReadonlyMap<string, ServiceWork>

/** Services come in dependency order, so that what a restart sets in motion reaches dependents of dependents. */
export function gateStarts(draft: Draft, input: PlanInput, work: Work): void {
  const before = new Set<string>()
  for (const [service, own] of work) {
    restartWithDependencies(draft, input, work, own)
    for (const [name, dependency] of Object.entries(own.service.dependsOn)) {
      const target = work.get(name)
      // Services at different revisions may need each other: the order says where that circle is cut.
      if (target === undefined || own.starts.length === 0 || !before.has(name)) continue
      if (target.service.run !== 'running' || target.service.replicas === 0) continue
      const gate = gateOf(draft, input, target, dependency, own.service)
      for (const start of own.starts) draft.order(start, gate, dependency.required ? [] : gate)
    }
    before.add(service)
  }
  for (const service of input.desired.oneOffs ?? []) awaitForOneOff(draft, input, work, service)
  if (input.policy.wait === 'ready') waitForAll(draft, input, work)
}

/** A one-off container is made once the plan is done, so that the plan waits for what it needs. */
function awaitForOneOff(draft: Draft, input: PlanInput, work: Work, oneOff: DesiredService): void {
  for (const [name, dependency] of Object.entries(oneOff.dependsOn)) {
    const target = work.get(name)
    // What is not required does not hold it up: nothing here could go on after a wait that fails.
    if (target === undefined || !dependency.required || !inScope(input.policy, name)) continue
    if (target.service.run === 'running' && target.service.replicas > 0)
      gateOf(draft, input, target, dependency, oneOff)
  }
}

/** What a container of the service waits for before it starts. */
export function gatesOf(draft: Draft, input: PlanInput, work: Work, service: DesiredService): string[] {
  const order = [...work.keys()]
  const before = new Set(order.slice(0, order.indexOf(service.service)))
  return Object.entries(service.dependsOn).flatMap(([name, dependency]) => {
    const target = work.get(name)
    if (target === undefined || !before.has(name) || !dependency.required) return []
    if (target.service.run !== 'running' || target.service.replicas === 0) return []
    return gateOf(draft, input, target, dependency, service)
  })
}

function gateOf(
  draft: Draft,
  input: PlanInput,
  target: ServiceWork,
  dependency: Dependency,
  { revision }: DesiredService,
): string[] {
  switch (dependency.condition) {
    case 'service_started':
      return target.starts
    case 'service_healthy': {
      if (isHealthy(target, input)) return []
      // Another revision than the one whose word this is may have taken the check away: then running is all there is.
      const isDeclared = target.service.revision === revision || target.service.healthcheck === 'present'
      return [awaitService(draft, input, target, isDeclared ? 'healthy' : 'ready', dependency.required)]
    }
    case 'service_completed_successfully':
      return isCompleted(target, input) ? [] : [awaitService(draft, input, target, 'completed', dependency.required)]
  }
}

/** `restart: true`: a dependent that runs is restarted when its dependency was made anew or restarted by us. */
function restartWithDependencies(draft: Draft, input: PlanInput, work: Work, own: ServiceWork): void {
  if (input.policy.mode !== 'request' || input.policy.dependents === 'leave') return
  const moved = Object.entries(own.service.dependsOn).find(
    ([name, dependency]) => dependency.restart === true && (work.get(name)?.starts.length ?? 0) > 0,
  )
  if (moved === undefined) return
  for (const container of own.untouched.splice(0)) {
    own.starts.push(
      draft.add({
        body: {
          kind: 'restart-container',
          service: own.service.service,
          replica: container.replica,
          id: container.id,
          generation: undefined,
        },
        key: `${own.service.service} ${container.replica}`,
        object: `Container ${container.name}`,
        service: own.service.service,
        effect: 'change',
        reason: `it depends on ${moved[0]}, which is restarted`,
      }),
    )
  }
}

function waitForAll(draft: Draft, input: PlanInput, work: Work): void {
  const jobs = jobsOf(Object.fromEntries([...work].map(([name, own]) => [name, own.service.dependsOn])))
  for (const [name, own] of work) {
    if (!inScope(input.policy, name) || own.service.run !== 'running' || own.service.replicas === 0) continue
    if (jobs.has(name)) {
      if (!isCompleted(own, input)) awaitService(draft, input, own, 'completed', true)
    } else if (!isReady(own, input)) awaitService(draft, input, own, 'ready', true)
  }
}

/** The service has come up: all of its replicas run, and are healthy where that is known. */
export const awaitReady = (draft: Draft, input: PlanInput, own: ServiceWork): string =>
  awaitService(draft, input, own, 'ready', true)

function awaitService(
  draft: Draft,
  input: PlanInput,
  target: ServiceWork,
  until: 'healthy' | 'completed' | 'ready',
  required: boolean,
): string {
  const { service } = target.service
  const words = { healthy: 'is healthy', completed: 'has finished with exit code 0', ready: 'is ready' }
  return draft.add({
    body: { kind: 'await-service', service, until, required },
    key: `${service} ${until}`,
    object: `Service ${input.desired.stack}/${service}`,
    service,
    effect: 'wait',
    reason: `until ${service} ${words[until]}`,
    after: target.starts,
  })
}

function containersOf(service: DesiredService, input: PlanInput): ObservedContainer[] {
  return input.observed.containers.filter(
    (container) => container.ownership === 'ours' && !container.oneOff && container.service === service.service,
  )
}

function isHealthy(target: ServiceWork, input: PlanInput): boolean {
  const containers = containersOf(target.service, input)
  return (
    target.starts.length === 0 &&
    containers.length > 0 &&
    containers.every((container) => container.state === 'running' && container.health === 'healthy')
  )
}

function isReady(target: ServiceWork, input: PlanInput): boolean {
  const containers = containersOf(target.service, input)
  return (
    target.starts.length === 0 &&
    containers.length > 0 &&
    containers.every(
      (container) => container.state === 'running' && (container.health === 'healthy' || container.health === 'none'),
    )
  )
}

function isCompleted(target: ServiceWork, input: PlanInput): boolean {
  const containers = containersOf(target.service, input)
  return (
    target.starts.length === 0 &&
    containers.length > 0 &&
    containers.every((container) => container.state === 'exited' && container.exitCode === 0)
  )
}
