/** Networks of a container: which one it is created in, which it joins, under which names. */
import { Problem } from '../../../protocol/problems.ts'
import type { Model, Service, ServiceNetwork } from '../../../protocol/stackfile/model.ts'
import { isReleased } from '../../../protocol/stackfile/release-policy.ts'
import type { EndpointSettings } from '../../engine/types.ts'
import { declaredReplicas } from '../desired.ts'
import { compareVersions, needsApi } from './api-needs.ts'
import type { ContainerInput, ContainerPlan } from './container-plan.ts'
import { sharedWith } from './namespaces.ts'
import { defined } from './resources.ts'

export interface Endpoints {
  readonly networkMode: string
  /** Links where a network mode is named, which the Engine refuses for some; elsewhere they belong to the endpoint. */
  readonly links: readonly string[] | undefined
  readonly macAddress: string | undefined
  readonly config: Record<string, EndpointSettings> | undefined
  readonly connectAfterCreate: ContainerPlan['connectAfterCreate']
}

/** API from which one create call takes every network. */
const ALL_AT_ONCE = '1.44'

export function endpointsOf(input: ContainerInput, spec: Service, containerName: string): Endpoints {
  const { model } = input
  const links = linksOf(model, spec)
  const keys = byPriority(spec.networks ?? {})
  const none = { config: undefined, connectAfterCreate: [], macAddress: spec.mac_address }
  if (spec.network_mode !== undefined && spec.network_mode !== '') {
    const networkMode = sharedWith(input, spec.network_mode, `services.${input.service}.network_mode`)
    return { ...none, networkMode, links: links.length === 0 ? undefined : links }
  }
  if (keys[0] === undefined) return { ...none, networkMode: 'none', links: undefined }
  const atOnce = compareVersions(input.apiVersion, ALL_AT_ONCE) >= 0
  checkMacAddresses(input, spec, keys)
  const namesOf = (key: string): readonly string[] => {
    const name = model.networks?.[key]?.name ?? key
    return input.networksFor?.(name) ?? [name]
  }
  const own = keys.map((key, index) => ({
    networkName: namesOf(key)[0]!,
    endpoint: endpointOf(input, key, spec, containerName, { links, main: index === 0, atOnce }),
  }))
  const further = keys.flatMap((key) =>
    namesOf(key)
      .slice(1)
      .map((networkName) => {
        const { Aliases, Links } = endpointOf(input, key, spec, containerName, { links, main: false, atOnce })
        return { networkName, endpoint: defined({ Aliases, Links }) as EndpointSettings }
      }),
  )
  const all = [...own, ...further]
  const created = atOnce ? all : all.slice(0, 1)
  return {
    networkMode: all[0]!.networkName,
    links: undefined,
    macAddress: atOnce ? undefined : (spec.mac_address ?? spec.networks?.[keys[0]]?.mac_address),
    config: Object.fromEntries(created.map(({ networkName, endpoint }) => [networkName, endpoint])),
    connectAfterCreate: atOnce ? [] : all.slice(1),
  }
}

/** Below API 1.44 a container has one address, in its first network. */
function checkMacAddresses(input: ContainerInput, spec: Service, [main = '', ...others]: readonly string[]): void {
  const path = `services.${input.service}`
  const ofMain = spec.networks?.[main]?.mac_address
  if (spec.mac_address !== undefined && ofMain !== undefined && spec.mac_address !== ofMain) {
    throw new Problem('stack-file-invalid', `${path}.mac_address differs from that of network ${main} (${ofMain})`, {
      hint: 'leave one of the two out',
    })
  }
  for (const key of others) {
    if (spec.networks?.[key]?.mac_address)
      needsApi(`${path}.networks.${key}.mac_address`, ALL_AT_ONCE, input.apiVersion)
  }
}

/** Highest priority first, then by name: Compose's order, which decides the first network of the create call. */
function byPriority(networks: Readonly<Record<string, ServiceNetwork | null>>): string[] {
  const priority = (key: string) => networks[key]?.priority ?? 0
  return Object.keys(networks).sort((a, b) => priority(b) - priority(a) || (a < b ? -1 : 1))
}

function endpointOf(
  input: ContainerInput,
  key: string,
  spec: Service,
  containerName: string,
  how: { readonly links: readonly string[]; readonly main: boolean; readonly atOnce: boolean },
): EndpointSettings {
  const network = spec.networks?.[key] ?? {}
  const path = `services.${input.service}.networks.${key}`
  if (network.gw_priority) needsApi(`${path}.gw_priority`, '1.48', input.apiVersion)
  if (network.interface_name) needsApi(`${path}.interface_name`, '1.49', input.apiVersion)
  const ipam = defined({
    IPv4Address: network.ipv4_address,
    IPv6Address: network.ipv6_address,
    LinkLocalIPs: network.link_local_ips,
  })
  const driverOpts = {
    ...network.driver_opts,
    ...(network.interface_name ? { 'com.docker.network.endpoint.ifname': network.interface_name } : {}),
  }
  if (network.mac_address && !how.main && !how.atOnce) needsApi(`${path}.mac_address`, ALL_AT_ONCE, input.apiVersion)
  const mac = network.mac_address ?? (how.main ? spec.mac_address : undefined)
  // Versions meet on a network that is not the stack's own: there the plain name would mean any of them.
  const isMet = input.model.networks?.[key]?.external === true && isReleased(input.model, input.service)
  const plain = isMet ? [] : [input.service]
  return defined({
    Aliases:
      input.oneOff?.aliases === 'none'
        ? [containerName]
        : [...new Set([containerName, ...plain, ...(network.aliases ?? []), ...namesOfOurs(input)])],
    Links: how.links.length === 0 ? undefined : [...how.links],
    IPAMConfig: Object.keys(ipam).length === 0 ? undefined : ipam,
    MacAddress: how.atOnce ? mac : undefined,
    DriverOpts: Object.keys(driverOpts).length === 0 ? undefined : driverOpts,
    GwPriority: network.gw_priority,
  }) as EndpointSettings
}

/**
 * Beside Compose's: `SERVICE.STACK`, which means one thing on a network that several stacks share, and
 * `REPLICA.SERVICE.STACK` for one replica.
 */
function namesOfOurs({ model, service, replica, oneOff }: ContainerInput): string[] {
  const name = `${service}.${model.name}`
  return oneOff === undefined ? [name, `${replica}.${name}`] : [name]
}

/** `SERVICE[:ALIAS]` for each of its containers under Compose's three names; external links as they are. */
function linksOf(model: Model, spec: Service): string[] {
  const links = (spec.links ?? []).flatMap((link) => {
    const [service = '', alias = service] = link.split(':')
    const name = model.services[service]?.container_name
    return Array.from({ length: declaredReplicas(model, service) }, (_, index) => {
      const container = name ?? `${model.name}-${service}-${index + 1}`
      const plain = `${service}-${index + 1}`
      return [`${container}:${alias}`, `${container}:${plain}`, `${container}:${model.name}-${plain}`]
    }).flat()
  })
  const external = (spec.external_links ?? []).map((link) => (link.includes(':') ? link : `${link}:${link}`))
  return [...new Set([...links, ...external])]
}
