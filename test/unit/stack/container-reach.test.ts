import { describe, expect, test } from 'vitest'
import { policyRules } from '../../../daemon/access/policy-rules.ts'
import type { ContainerInspect } from '../../../daemon/engine/types.ts'
import { hostReachOf } from '../../../daemon/stack/container-reach.ts'
import { ModelPolicy } from '../../../daemon/stack/model-policy.ts'
import { problemOf } from '../support/problems.ts'

const RULES = {
  ...policyRules({ bindRoots: ['/srv/open'] }, ''),
  forbiddenPaths: ['/var/run/docker.sock', '/var/lib/evenkeel'],
  delivery: ['/var/lib/evenkeel/files'],
}
const bind = (Source: string, RW = true) => ({ Type: 'bind', Source, Destination: '/x', RW })

/** As Engine 28 describes a container that asked for nothing. */
function aContainer(host: object = {}, Mounts: ContainerInspect['Mounts'] = []) {
  const HostConfig = {
    Privileged: false,
    NetworkMode: 'shop_default',
    PidMode: '',
    IpcMode: 'private',
    UTSMode: '',
    UsernsMode: '',
    CapAdd: null,
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    SecurityOpt: null,
    MaskedPaths: ['/proc/kcore'],
    ...host,
  }
  return { Name: '/shop-web-1', HostConfig, Mounts } as unknown as ContainerInspect
}

const rulesOf = (container: ContainerInspect) =>
  hostReachOf(container, RULES, (path) => path).map(({ message }) => /\[([a-z-]+)\]$/.exec(message)?.[1])

describe('what a container has of the host', () => {
  test.each<[string, object, string]>([
    ['all rights', { Privileged: true }, 'privileged'],
    ['its network', { NetworkMode: 'host' }, 'host-namespace'],
    ['its processes', { PidMode: 'host' }, 'host-namespace'],
    ['a capability', { CapAdd: ['CAP_SYS_ADMIN'] }, 'capability'],
    ['a device', { Devices: [{ PathOnHost: '/dev/sda' }] }, 'device'],
    ['no seccomp', { SecurityOpt: ['seccomp=unconfined'] }, 'profile'],
    ['bare system paths', { MaskedPaths: [] }, 'profile'],
  ])('is found: %s', (_, host, rule) => {
    expect(rulesOf(aContainer(host))).toEqual([rule])
  })

  test.each([
    ['/', 'engine-socket'],
    ['/var/run/docker.sock', 'engine-socket'],
    ['/var/lib/evenkeel', 'engine-socket'],
    ['/etc', 'bind-root'],
    ['/var/lib/evenkeel/files/../evenkeel.db', 'engine-socket'],
  ])('is found: the bound path %s', (source, rule) => {
    expect(rulesOf(aContainer({}, [bind(source)]))).toEqual([rule])
  })

  test('is nothing with what the policy lets anybody have: folders that are allowed, volumes, our own configs and secrets', () => {
    const volume = { Type: 'volume', Name: 'shop_data', Source: '/var/lib/docker/volumes/shop_data', Destination: '/v' }
    const mounts = [bind('/srv/open/site'), bind('/var/lib/evenkeel/files/abc', false), volume]
    expect(rulesOf(aContainer({ CapAdd: ['NET_BIND_SERVICE'] }, mounts))).toEqual([])
  })

  test('keeps who is bound by the policy out, in words that name it', () => {
    const policy = new ModelPolicy(RULES, (path) => path)
    expect(() => policy.checkContainer(aContainer())).not.toThrow()
    expect(problemOf(() => policy.checkContainer(aContainer({}, [bind('/etc')])))).toMatchObject({
      code: 'policy-violation',
      message: expect.stringMatching(/^shop-web-1 has more of the host than you may: Mounts \/x: .*\[bind-root\]$/),
    })
  })
})
