/**
 * What a container has of the host beyond what the policy lets callers ask for. Whoever runs a command in it, or takes files
 * out of it, has that as well, whoever declared it. Pure.
 */
import { posix } from 'node:path'
import type { Finding } from '../../protocol/problems.ts'
import type { ContainerInspect } from '../engine/types.ts'
import type { PolicyRules } from './policy-rules.ts'
import { CAPABILITIES, isWithin, SECURITY_OPTIONS, wayToHost } from './policy-violations.ts'

const NAMESPACES = ['NetworkMode', 'PidMode', 'IpcMode', 'UTSMode', 'UsernsMode'] as const
const DEVICES = ['Devices', 'DeviceCgroupRules', 'DeviceRequests'] as const

export function hostReachOf(
  { HostConfig, Mounts }: Pick<ContainerInspect, 'HostConfig' | 'Mounts'>,
  rules: PolicyRules,
  realPath: (path: string) => string,
): Finding[] {
  const list = (key: string): unknown[] => (Array.isArray(HostConfig[key]) ? HostConfig[key] : [])
  const found = (path: string, message: string, rule: string): Finding => ({ path, message: `${message} [${rule}]` })
  return [
    ...(HostConfig.Privileged === true ? [found('Privileged', 'it is privileged', 'privileged')] : []),
    ...NAMESPACES.filter((key) => HostConfig[key] === 'host').map((key) =>
      found(key, 'it is in a namespace of the host', 'host-namespace'),
    ),
    ...list('CapAdd')
      .filter((name) => !CAPABILITIES.has(String(name).toUpperCase().replace(/^CAP_/, '')))
      .map((name) => found('CapAdd', `it has the capability ${name}`, 'capability')),
    ...DEVICES.filter((key) => list(key).length > 0).map((key) => found(key, 'it has devices of the host', 'device')),
    ...list('SecurityOpt')
      .filter((option) => !SECURITY_OPTIONS.test(String(option)))
      .map(() => found('SecurityOpt', 'it has a profile other than the own of the Engine', 'profile')),
    // The Engine fills the list in unless somebody empties it.
    ...(Array.isArray(HostConfig.MaskedPaths) && HostConfig.MaskedPaths.length === 0
      ? [found('MaskedPaths', 'system paths are bare in it', 'profile')]
      : []),
    ...Mounts.flatMap(({ Type, Source = '', Destination }) => {
      const path = posix.normalize(Source)
      if (Type !== 'bind' || rules.delivery.some((folder) => isWithin(path, folder))) return []
      const way = wayToHost(path, rules, realPath)
      return way === undefined ? [] : [found(`Mounts ${Destination}`, way.message, way.rule)]
    }),
  ]
}
