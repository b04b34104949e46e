/** The strict policy on networks and on where logs are sent. Pure. */
import type { Network, Service } from '../../protocol/stackfile/model.ts'
import type { PolicyRules, Refuse } from './policy-rules.ts'

/** Options of the bridge driver that reach no further than the network itself. */
const OPTIONS = new Set([
  'com.docker.network.bridge.enable_icc',
  'com.docker.network.bridge.enable_ip_masquerade',
  'com.docker.network.container_iface_prefix',
  'com.docker.network.driver.mtu',
])

/** Keep logs on the machine, or nowhere. The others have the Engine connect to whatever the file says, sockets included. */
const LOG_DRIVERS = ['', 'json-file', 'local', 'journald', 'none']

export function networkOf({ driver, driver_opts = {}, ipam }: Network, at: string, refuse: Refuse): void {
  if (driver !== undefined && !['bridge', 'default', ''].includes(driver))
    refuse(`${at}.driver`, 'host-namespace', `the driver ${driver} reaches networks of the host: it is not allowed`)
  for (const option of Object.keys(driver_opts)) {
    if (!OPTIONS.has(option))
      refuse(
        `${at}.driver_opts.${option}`,
        'network-option',
        'this option reaches networks of the host: it is not allowed',
      )
  }
  if (ipam?.driver !== undefined && !['', 'default'].includes(ipam.driver))
    refuse(`${at}.ipam.driver`, 'network-option', `the address driver ${ipam.driver} is not allowed`)
  for (const [index, { subnet }] of (ipam?.config ?? []).entries()) {
    // The host routes all of it to the containers of this network, for itself and for all other networks.
    if (subnet !== undefined && !isPrivate(subnet))
      refuse(
        `${at}.ipam.config[${index}].subnet`,
        'network-option',
        `${subnet} is no private network: it is not allowed`,
      )
  }
}

/** RFC 1918 and RFC 4193, as a whole. */
function isPrivate(subnet: string): boolean {
  const [address = '', prefix = ''] = subnet.split('/')
  const length = Number(prefix)
  if (/^f[cd][0-9a-f]{2}:/i.test(address)) return length >= 8
  const bytes = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(address)
  const [first, second] = [Number(bytes?.[1]), Number(bytes?.[2])]
  if (bytes === null || prefix === '') return false
  if (first === 10) return length >= 8
  if (first === 172) return second >= 16 && second < 32 && length >= 12
  return first === 192 && second === 168 && length >= 16
}

export function loggingOf({ logging }: Service, at: string, { logDrivers }: PolicyRules, refuse: Refuse): void {
  const driver = logging?.driver ?? ''
  if (!LOG_DRIVERS.includes(driver) && !logDrivers.includes(driver))
    refuse(`${at}.logging.driver`, 'log-driver', `logs sent away with the driver ${driver} are not allowed`)
}
