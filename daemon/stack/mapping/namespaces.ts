/** `service:NAME` in network_mode, ipc, pid and volumes_from means a container of that service. */
import { Problem } from '../../../protocol/problems.ts'
import type { ContainerInput } from './container-plan.ts'

export function sharedWith(input: ContainerInput, mode: string, path: string): string {
  if (!mode.startsWith('service:')) return mode
  return `container:${containerOf(input, mode.slice('service:'.length), path)}`
}

export function volumesFrom(input: ContainerInput, sources: readonly string[] | undefined): string[] | undefined {
  return sources?.map((source, index) => {
    if (source.startsWith('container:')) return source.slice('container:'.length)
    const [service = '', ...mode] = source.split(':')
    return [containerOf(input, service, `services.${input.service}.volumes_from[${index}]`), ...mode].join(':')
  })
}

function containerOf(input: ContainerInput, service: string, path: string): string {
  const id = input.containers(service)
  if (id !== undefined) return id
  throw new Problem('dependency-failed', `${path}: service ${service} has no container to share with`, {
    hint: `bring ${service} up as well`,
  })
}
