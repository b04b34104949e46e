import type { DesiredService } from './desired.ts'

/** The name of a listed container, as people say it. An old link gives its target further names: `/web/db`. */
export function containerName({ Names, Id }: { readonly Names: readonly string[]; readonly Id: string }): string {
  const own = Names.find((name) => name.lastIndexOf('/') <= 0)
  return own === undefined ? Id.slice(0, 12) : own.replace(/^\//, '')
}

/** As a replica is to be called. */
export function replicaName(
  stack: string,
  { containerName, service, suffix = '' }: Pick<DesiredService, 'containerName' | 'service' | 'suffix'>,
  replica: number,
): string {
  return `${containerName ?? `${stack}-${service}-${replica}`}${suffix}`
}
