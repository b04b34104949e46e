/** A network of the model as the Engine's `POST /networks/create`. */
import type { Model } from '../../../protocol/stackfile/model.ts'
import type { NetworkCreateBody } from '../../engine/types.ts'
import { COMPOSE, COMPOSE_VERSION } from '../labels.ts'
import { needsApi } from './api-needs.ts'
import { defined } from './resources.ts'

export function networkCreate(
  model: Model,
  key: string,
  labels: Readonly<Record<string, string>>,
  { apiVersion, name }: { readonly apiVersion: string; readonly name?: string },
): NetworkCreateBody {
  const network = model.networks![key]!
  if (network.enable_ipv4 === false) needsApi(`networks.${key}.enable_ipv4`, '1.48', apiVersion)
  const pools = network.ipam?.config ?? []
  const hasIpam = network.ipam !== undefined && (network.ipam.driver !== undefined || pools.length > 0)
  return defined({
    Name: name ?? network.name,
    // Below API 1.44 two networks may get one name unless this asks for the check.
    CheckDuplicate: true,
    Driver: network.driver ?? 'bridge',
    Options: network.driver_opts,
    Internal: network.internal,
    Attachable: network.attachable,
    EnableIPv4: network.enable_ipv4,
    EnableIPv6: network.enable_ipv6,
    IPAM: hasIpam
      ? defined({
          Driver: network.ipam?.driver ?? 'default',
          Options: network.ipam?.options,
          Config: pools.map((pool) =>
            defined({
              Subnet: pool.subnet,
              IPRange: pool.ip_range,
              Gateway: pool.gateway,
              AuxiliaryAddresses: pool.aux_addresses,
            }),
          ),
        })
      : undefined,
    Labels: {
      ...network.labels,
      [COMPOSE.project]: model.name,
      [COMPOSE.network]: key,
      [COMPOSE.version]: COMPOSE_VERSION,
      ...labels,
    },
  }) as NetworkCreateBody
}
