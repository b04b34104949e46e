/** CPU, memory, devices, block I/O, ulimits: the Engine's `Resources`, which stand flat inside HostConfig. */
import type { BlkioConfig, DeviceRequest, Service } from '../../../protocol/stackfile/model.ts'

const CDI_NAME = /^[A-Za-z0-9][\w.-]*\/[A-Za-z][\w.-]*=[\w.:-]+$/

export function resourcesOf(spec: Service): Record<string, unknown> {
  const limits = spec.deploy?.resources?.limits
  const reservations = spec.deploy?.resources?.reservations
  const devices = spec.devices ?? []
  const cdi = devices.filter(
    (device) => CDI_NAME.test(device.source) && (device.target ?? device.source) === device.source,
  )
  const requests = [
    ...(reservations?.devices ?? []).map((request) => deviceRequest(request, request.capabilities ?? [])),
    ...(cdi.length === 0 ? [] : [{ Driver: 'cdi', DeviceIDs: cdi.map((device) => device.source) }]),
    ...(spec.gpus ?? []).map((request) => deviceRequest(request, [...(request.capabilities ?? []), 'gpu'])),
  ]
  return defined({
    CgroupParent: spec.cgroup_parent,
    Memory: number(limits?.memory ?? spec.mem_limit),
    MemorySwap: number(spec.memswap_limit),
    MemorySwappiness: number(spec.mem_swappiness),
    MemoryReservation: number(reservations?.memory ?? spec.mem_reservation),
    OomKillDisable: spec.oom_kill_disable,
    CpuCount: spec.cpu_count,
    CpuPercent: spec.cpu_percent === undefined ? undefined : Math.trunc(Math.fround(spec.cpu_percent) * 100),
    CpuPeriod: micros(spec.cpu_period),
    CpuQuota: micros(spec.cpu_quota),
    CpuRealtimePeriod: micros(spec.cpu_rt_period),
    CpuRealtimeRuntime: micros(spec.cpu_rt_runtime),
    CpuShares: number(spec.cpu_shares),
    NanoCpus: nano(limits?.cpus ?? spec.cpus),
    CpusetCpus: spec.cpuset,
    PidsLimit: limits?.pids ?? spec.pids_limit,
    DeviceCgroupRules: spec.device_cgroup_rules,
    Devices: listOf(
      devices
        .filter((device) => !cdi.includes(device))
        .map((device) => ({
          PathOnHost: device.source,
          PathInContainer: device.target ?? device.source,
          // Compose sends none for a long form without them, and the container does not start.
          CgroupPermissions: device.permissions ?? 'rwm',
        })),
    ),
    DeviceRequests: listOf(requests),
    Ulimits: listOf(ulimitsOf(spec.ulimits)),
    ...blkio(spec.blkio_config),
  })
}

export function ulimitsOf(ulimits: Service['ulimits']): { Name: string; Soft: number; Hard: number }[] {
  return Object.entries(ulimits ?? {}).map(([name, limit]) =>
    typeof limit === 'number'
      ? { Name: name, Soft: limit, Hard: limit }
      : { Name: name, Soft: Number(limit.soft), Hard: Number(limit.hard) },
  )
}

function deviceRequest(request: DeviceRequest, capabilities: readonly string[]) {
  return defined({
    Driver: request.driver,
    // -1 is "all"; it is what remains where neither a count nor ids are given.
    Count: request.device_ids === undefined ? Number(request.count ?? -1) : undefined,
    DeviceIDs: request.device_ids,
    Capabilities: [capabilities],
    Options: request.options,
  })
}

function blkio(config: BlkioConfig | undefined): Record<string, unknown> {
  if (config === undefined) return {}
  const rates = (list: readonly { path: string; rate: string | number }[] | undefined) =>
    list?.map(({ path, rate }) => ({ Path: path, Rate: Number(rate) }))
  return {
    BlkioWeight: config.weight,
    BlkioWeightDevice: config.weight_device?.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: rates(config.device_read_bps),
    BlkioDeviceReadIOps: rates(config.device_read_iops),
    BlkioDeviceWriteBps: rates(config.device_write_bps),
    BlkioDeviceWriteIOps: rates(config.device_write_iops),
  }
}

const number = (value: string | number | undefined): number | undefined =>
  value === undefined ? undefined : Number(value)

/** Compose takes microseconds, or a duration, for the CPU periods. */
function micros(value: string | number | undefined): number | undefined {
  if (value === undefined) return undefined
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(String(value))
  if (match === null) return Number(value)
  return Math.round(Number(match[1]) * { us: 1, ms: 1e3, s: 1e6 }[match[2] as 'us' | 'ms' | 's'])
}

/** In 32-bit floats, as Compose reckons: that gives 1.3 billion for 1.3, and the same digits as Compose for 0.123456789. */
const nano = (cpus: string | number | undefined): number | undefined =>
  cpus === undefined ? undefined : Math.trunc(Math.fround(Math.fround(Number(cpus)) * 1e9))

const listOf = <T>(list: T[]): T[] | undefined => (list.length === 0 ? undefined : list)

export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as never
}
