/** A service as a one-off container has it: Compose's rules for `run`. Pure. */
import { Problem } from '../../protocol/problems.ts'
import type { RunRequest } from '../../protocol/resources/run.ts'
import type { Model, Service } from '../../protocol/stackfile/model.ts'
import { parseVolume } from '../../protocol/stackfile/volume-spec.ts'

/** The stack's model with the service changed as asked. Short forms are in it: it is to be read by the stack language. */
export function oneOffModel(model: Model, { service, servicePorts, overrides }: RunRequest): Model {
  const spec = model.services[service]
  if (spec === undefined) {
    throw new Problem('service-not-found', `no such service: ${service}`, {
      hint: `the file has: ${Object.keys(model.services).join(', ')}`,
    })
  }
  if (spec.provider !== undefined) {
    throw new Problem('unsupported', `service ${service} has no container: its provider stands for it`, {
      hint: 'name another service',
    })
  }
  const { container_name: _name, restart: _restart, ports, deploy, scale: _scale, ...kept } = spec
  const { restart_policy: _policy, replicas: _replicas, ...rest } = deploy ?? {}
  const changed = {
    ...kept,
    ...(deploy === undefined ? {} : { deploy: rest }),
    ...commandOf(spec, overrides),
    environment: { ...spec.environment, ...overrides.environment },
    labels: { ...spec.labels, ...overrides.labels },
    tty: overrides.tty,
    stdin_open: overrides.stdin,
    volumes: [...(spec.volumes ?? []), ...overrides.volumes],
    ports: [...(servicePorts === 'publish' ? (ports ?? []) : []), ...overrides.ports],
    cap_add: changedList(spec.cap_add, overrides.capAdd, overrides.capDrop),
    cap_drop: changedList(spec.cap_drop, overrides.capDrop, overrides.capAdd),
    ...(overrides.user === undefined ? {} : { user: overrides.user }),
    ...(overrides.workingDir === undefined ? {} : { working_dir: overrides.workingDir }),
  }
  return {
    ...model,
    services: { ...model.services, [service]: changed as unknown as Service },
    volumes: { ...model.volumes, ...volumesOf(model, overrides.volumes) },
  }
}

/** Another entrypoint takes the service's command away: that was meant for the old one. */
function commandOf(spec: Service, { command, entrypoint }: RunRequest['overrides']): Partial<Service> {
  const given = command === undefined || command.length === 0 ? undefined : command
  if (entrypoint === undefined) return given === undefined ? { command: spec.command ?? null } : { command: given }
  return { entrypoint, command: given ?? [] }
}

function changedList(
  own: readonly string[] | undefined,
  added: readonly string[],
  taken: readonly string[],
): string[] | undefined {
  const list = [...new Set([...(own ?? []).filter((entry) => !taken.includes(entry)), ...added])]
  return list.length === 0 ? undefined : list
}

/** A volume that the file does not declare is one of the Engine, by that name. */
function volumesOf(model: Model, volumes: readonly string[]): NonNullable<Model['volumes']> {
  const names = volumes.flatMap((text) => {
    const parsed = parseVolume(text)
    if (typeof parsed === 'string') throw new Problem('bad-request', `--volume: ${parsed}`)
    return parsed.type === 'volume' && parsed.source !== '' ? [parsed.source] : []
  })
  return Object.fromEntries(
    names.filter((name) => model.volumes?.[name] === undefined).map((name) => [name, { name, external: true }]),
  )
}
