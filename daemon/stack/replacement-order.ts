/**
 * In which order a replica is replaced: the new one beside the old one, where that is safe and can be had, else the old one
 * first. Pure.
 */
import type { Service } from '../../protocol/stackfile/model.ts'

export type RolloutOrder = 'start-first' | 'stop-first'

/** Whether there is an ingress here at all; `why` not, for people. */
export type IngressReach = { readonly kind: 'here' } | { readonly kind: 'none'; readonly why: string }

/** What to write is part of the answer: the other order is one line away, where it can be had at all. */
export function orderOf(
  spec: Service,
  written: string | undefined,
  reach: IngressReach,
  release: 'atomic' | 'rolling' = 'rolling',
): { readonly order: RolloutOrder; readonly why: string } {
  if (written === 'stop-first') return { order: 'stop-first', why: 'deploy.update_config.order says so' }
  const obstacle = obstacleOf(spec, reach)
  if (written === 'start-first')
    return obstacle === undefined
      ? { order: 'start-first', why: 'deploy.update_config.order says so' }
      : { order: 'stop-first', why: `order: start-first cannot be had: ${obstacle}` }
  const other = 'deploy.update_config.order: start-first changes that'
  if (release === 'atomic') {
    const why = obstacle ?? cautionOf(spec)
    return why === undefined
      ? { order: 'start-first', why: 'the stack is released as a whole (x-evenkeel.release: atomic)' }
      : { order: 'stop-first', why: obstacle ?? `${why}; ${other}` }
  }
  if ((spec['x-evenkeel']?.routes ?? []).length === 0)
    return { order: 'stop-first', why: `it has no route in the ingress; ${other}` }
  if (reach.kind === 'none') return { order: 'stop-first', why: `its routes are not served: ${reach.why}` }
  if (obstacle !== undefined) return { order: 'stop-first', why: obstacle }
  const caution = cautionOf(spec)
  return caution === undefined
    ? { order: 'start-first', why: 'it has a route in the ingress, and writes to nothing that two could share' }
    : { order: 'stop-first', why: `${caution}; ${other}` }
}

/** Why two containers of one replica cannot be there at the same time, whatever anybody writes. */
function obstacleOf(spec: Service, reach: IngressReach): string | undefined {
  const lender = [spec.network_mode, spec.ipc, spec.pid].find((mode) => mode?.startsWith('service:'))
  if (lender !== undefined) return `it shares a namespace with ${lender.slice('service:'.length)}`
  for (const [name, network] of Object.entries(spec.networks ?? {})) {
    const fixed = network?.ipv4_address ?? network?.ipv6_address ?? network?.mac_address
    if (fixed !== undefined) return `it has the fixed address ${fixed} on network ${name}`
  }
  if (spec.mac_address !== undefined) return `it has the fixed address ${spec.mac_address}`
  for (const { published, protocol = 'tcp' } of spec.ports ?? []) {
    if (published === undefined || !/^[1-9]\d*$/.test(published)) continue
    if (protocol !== 'tcp')
      return `port ${published}/${protocol} stays with the Engine, which gives it to one container`
    if (reach.kind === 'none') return `port ${published} stays with the Engine: ${reach.why}`
    if (Object.keys(spec.networks ?? {}).length === 0)
      return `port ${published} stays with the Engine: the service is on no network of its own`
  }
  return undefined
}

/** Why two at a time may do harm, so that somebody is to ask for it. */
function cautionOf(spec: Service): string | undefined {
  const mount = (spec.volumes ?? []).find(({ type, read_only }) => type !== 'tmpfs' && type !== 'image' && !read_only)
  if (mount !== undefined) return `it can write to ${mount.target}`
  if (spec.volumes_from !== undefined && spec.volumes_from.length > 0) return 'it takes volumes of others'
  const host = (['network_mode', 'pid', 'ipc', 'uts', 'userns_mode', 'cgroup'] as const).find(
    (key) => spec[key] === 'host' || spec[key]?.startsWith('container:') === true,
  )
  if (host !== undefined) return `it is in a namespace that is not its own (${host})`
  if ((spec.devices ?? []).length > 0 || (spec.gpus ?? []).length > 0) return 'it has devices of the host'
  if (spec.container_name !== undefined) return `it has the fixed name ${spec.container_name}`
  return undefined
}
