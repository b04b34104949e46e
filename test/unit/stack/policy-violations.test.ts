import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { policyRules } from '../../../daemon/access/policy-rules.ts'
import { realPath } from '../../../daemon/access/real-path.ts'
import { checkModel } from '../../../daemon/reconcile/check-model.ts'
import { ModelPolicy } from '../../../daemon/stack/model-policy.ts'
import { withRegistry } from '../../../daemon/stack/policy-images.ts'
import type { PolicyRules } from '../../../daemon/stack/policy-rules.ts'
import { violationsOf } from '../../../daemon/stack/policy-violations.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const STRICT: PolicyRules = { ...policyRules({}, ''), forbiddenPaths: ['/var/run/docker.sock'], delivery: [] }

/** As it comes over the wire: read by the language first, as the daemon does. */
function rulesBroken(parts: object, top: object = {}, rules: PolicyRules = STRICT): string[] {
  const raw = { name: 'shop', services: { web: { image: 'web:1', ...parts } }, ...top } as unknown as Model
  return violationsOf(checkModel(raw, '/srv'), rules, realPath).map(
    ({ path, message }) => `${path} ${/\[([a-z-]+)\]$/.exec(message)?.[1]}`,
  )
}

describe('the strict policy', () => {
  test.each<[string, object, string]>([
    ['privileged', { privileged: true }, 'services.web.privileged privileged'],
    [
      'privileged hooks',
      { post_start: [{ command: 'x', privileged: true }] },
      'services.web.post_start[0].privileged privileged',
    ],
    ['the network of the host', { network_mode: 'host' }, 'services.web.network_mode host-namespace'],
    ['the network of a container', { network_mode: 'container:abc' }, 'services.web.network_mode foreign'],
    ['the processes of the host', { pid: 'host' }, 'services.web.pid host-namespace'],
    ['the memory of the host', { ipc: 'host' }, 'services.web.ipc host-namespace'],
    ['the name of the host', { uts: 'host' }, 'services.web.uts host-namespace'],
    ['the users of the host', { userns_mode: 'host' }, 'services.web.userns_mode host-namespace'],
    ['the cgroups of the host', { cgroup: 'host' }, 'services.web.cgroup host-namespace'],
    ['a cgroup of the host', { cgroup_parent: '/x' }, 'services.web.cgroup_parent host-namespace'],
    ['a capability', { cap_add: ['SYS_ADMIN'] }, 'services.web.cap_add[0] capability'],
    ['all capabilities', { cap_add: ['all'] }, 'services.web.cap_add[0] capability'],
    ['a device', { devices: ['/dev/sda'] }, 'services.web.devices[0] device'],
    ['a rule for devices', { device_cgroup_rules: ['c 1:1 rwm'] }, 'services.web.device_cgroup_rules[0] device'],
    ['a sysctl', { sysctls: { 'kernel.core_pattern': '|/x' } }, 'services.web.sysctls.kernel.core_pattern sysctl'],
    ['no seccomp', { security_opt: ['seccomp=unconfined'] }, 'services.web.security_opt[0] profile'],
    ['no seccomp, by colon', { security_opt: ['seccomp:unconfined'] }, 'services.web.security_opt[0] profile'],
    ['no apparmor', { security_opt: ['apparmor=unconfined'] }, 'services.web.security_opt[0] profile'],
    ['bare system paths', { security_opt: ['systempaths=unconfined'] }, 'services.web.security_opt[0] profile'],
    ['a runtime', { runtime: 'other' }, 'services.web.runtime runtime'],
    ['the root of the host', { volumes: ['/:/host'] }, 'services.web.volumes[0] engine-socket'],
    ['a folder of the host', { volumes: ['/etc:/host'] }, 'services.web.volumes[0] bind-root'],
    [
      'a folder of the host, the long way',
      { volumes: [{ type: 'bind', source: '/srv/../etc', target: '/x' }] },
      'services.web.volumes[0] bind-root',
    ],
    ['the socket', { volumes: ['/var/run/docker.sock:/s'] }, 'services.web.volumes[0] engine-socket'],
    ['the folder of the socket', { volumes: ['/run:/s'] }, 'services.web.volumes[0] engine-socket'],
    ['the socket by a word', { use_api_socket: true }, 'services.web.use_api_socket engine-socket'],
    ['volumes of a container', { volumes_from: ['container:abc'] }, 'services.web.volumes_from[0] foreign'],
    ['a low port', { ports: ['80:80'] }, 'services.web.ports[0] host-port'],
    ['a range that begins low', { ports: ['1000-1030:1000-1030'] }, 'services.web.ports[0] host-port'],
    [
      'a privileged build',
      { build: { context: '/srv', privileged: true } },
      'services.web.build.privileged privileged',
    ],
    [
      'a build in the host’s network',
      { build: { context: '/srv', network: 'host' } },
      'services.web.build.network host-namespace',
    ],
    [
      'entitlements',
      { build: { context: '/srv', entitlements: ['security.insecure'] } },
      'services.web.build.entitlements[0] privileged',
    ],
    [
      'a context that the Engine fetches',
      { build: { context: 'http://169.254.169.254/latest' } },
      'services.web.build.context remote-context',
    ],
    [
      'another context that the Engine fetches',
      { build: { context: '/srv', additional_contexts: { x: 'https://10.0.0.1/x.git' } } },
      'services.web.build.additional_contexts.x remote-context',
    ],
    [
      'logs that are sent to a socket of the host',
      { logging: { driver: 'syslog', options: { 'syslog-address': 'unix:///run/haproxy.sock' } } },
      'services.web.logging.driver log-driver',
    ],
  ])('refuses %s', (_, parts, violation) => {
    expect(rulesBroken(parts)).toContain(violation)
  })

  test.each<[string, object, string]>([
    [
      'a local volume that binds',
      { driver: 'local', driver_opts: { type: 'none', o: 'bind', device: '/' } },
      'volumes.data.driver_opts.device engine-socket',
    ],
    [
      'one that says tmpfs and binds',
      { driver_opts: { type: 'tmpfs', o: 'ro,bind', device: '/etc' } },
      'volumes.data.driver_opts.device bind-root',
    ],
    [
      'one that mounts a share',
      { driver_opts: { type: 'nfs', o: 'addr=10.0.0.1', device: ':/x' } },
      'volumes.data.driver_opts volume-driver',
    ],
    [
      'one that mounts a device',
      { driver_opts: { type: 'ext4', device: '/dev/sda1' } },
      'volumes.data.driver_opts volume-driver',
    ],
    ['another driver', { driver: 'plugin' }, 'volumes.data.driver volume-driver'],
    ['one that is external', { external: true, name: 'blog_data' }, 'volumes.data foreign'],
    ['one by the name of another stack', { name: 'blog_data' }, 'volumes.data foreign'],
  ])('refuses %s', (_, volume, violation) => {
    expect(rulesBroken({ volumes: ['data:/data'] }, { volumes: { data: volume } })).toContain(violation)
  })

  test('refuses networks of others, and those that reach the host’s', () => {
    const of = (network: object) => rulesBroken({ networks: ['n'] }, { networks: { n: network } })
    expect(of({ external: true, name: 'blog_default' })).toEqual(['networks.n foreign'])
    expect(of({ driver: 'macvlan' })).toEqual(['networks.n.driver host-namespace'])
    expect(of({ driver_opts: { 'com.docker.network.bridge.name': 'virbr0' } })).toEqual([
      'networks.n.driver_opts.com.docker.network.bridge.name network-option',
    ])
    expect(of({ ipam: { driver: 'other' } })).toEqual(['networks.n.ipam.driver network-option'])
    expect(of({ ipam: { config: [{ subnet: '1.1.1.0/24' }, { subnet: '169.254.169.254/32' }] } })).toEqual([
      'networks.n.ipam.config[0].subnet network-option',
      'networks.n.ipam.config[1].subnet network-option',
    ])
    expect(of({ driver_opts: { 'com.docker.network.driver.mtu': '1400' } })).toEqual([])
    for (const subnet of ['10.9.0.0/16', '172.20.0.0/24', '192.168.7.0/24', 'fd00:1::/64'])
      expect([subnet, of({ ipam: { config: [{ subnet }] } })]).toEqual([subnet, []])
    for (const subnet of ['10.0.0.0/7', '172.32.0.0/24', '192.0.0.0/8', '2001:db8::/64', 'fe80::/64'])
      expect([subnet, of({ ipam: { config: [{ subnet }] } })]).toEqual([
        subnet,
        ['networks.n.ipam.config[0].subnet network-option'],
      ])
    expect(of({})).toEqual([])
  })

  test('lets an ordinary stack be', () => {
    const parts = {
      ports: ['8080:80', '53'],
      volumes: ['data:/data', { type: 'tmpfs', target: '/tmp' }],
      cap_add: ['NET_BIND_SERVICE', 'CAP_CHOWN'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': 0 },
      build: { context: '/srv' },
    }
    expect(rulesBroken(parts, { volumes: { data: { driver_opts: { type: 'tmpfs', device: 'tmpfs' } } } })).toEqual([])
  })

  test('tells all of a model, by key and rule', () => {
    const model = checkModel(
      { name: 'shop', services: { web: { image: 'web', privileged: true, pid: 'host' } } } as unknown as Model,
      '/srv',
    )
    expect(() => new ModelPolicy(STRICT, realPath).check(model)).toThrow(
      'services.web.pid: a namespace of the host is not allowed [host-namespace]\nservices.web.privileged: a privileged container is not allowed [privileged]',
    )
  })
})

describe('folders that are allowed', () => {
  function aFolder() {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'open/site'), { recursive: true })
    symlinkSync('/etc', join(folder, 'open/link'))
    symlinkSync(join(folder, 'open'), join(folder, 'way'))
    const rules = { ...STRICT, bindRoots: [join(folder, 'open')] }
    return (path: string) => rulesBroken({ volumes: [`${folder}/${path}:/x`] }, {}, rules)
  }

  test('are bound with all that is or will be in them, also by a link to them', () => {
    const broken = aFolder()
    for (const path of ['open', 'open/site', 'open/later/on', 'way/site'])
      expect([path, broken(path)]).toEqual([path, []])
  })

  test('are not asked about where the files came with the stack, but for what goes on from there to the host', () => {
    const volumes = ['/home/ann/conf:/x', '/home/ann/data:/y', '/home/ann/conf:/z:rshared']
    const raw = { name: 'shop', services: { web: { image: 'web:1', volumes } } } as unknown as Model
    const found = violationsOf(checkModel(raw, '/srv'), STRICT, realPath, new Set(['/home/ann/conf']))
    expect(found.map(({ path }) => path)).toEqual(['services.web.volumes[1]', 'services.web.volumes[2]'])
  })

  test('are not left by links, by dots, or by a like name', () => {
    const broken = aFolder()
    for (const path of ['open/link', 'open/link/passwd', 'open/../x', 'open2', 'way/link/x', ''])
      expect([path, broken(path)]).toEqual([path, ['services.web.volumes[0] bind-root']])
  })
})

describe('images that are allowed', () => {
  test.each([
    ['web', 'docker.io/library/web'],
    ['web:1', 'docker.io/library/web:1'],
    ['ann/web', 'docker.io/ann/web'],
    ['ghcr.io/ann/web', 'ghcr.io/ann/web'],
    ['localhost/web', 'localhost/web'],
    ['host:5000/web', 'host:5000/web'],
    ['HOST/web', 'HOST/web'],
    ['docker.io/web', 'docker.io/library/web'],
    ['index.docker.io/ann/web', 'docker.io/ann/web'],
  ])('%s is %s', (image, full) => {
    expect(withRegistry(image)).toBe(full)
  })

  test('are of a registry that is named', () => {
    const rules = { ...STRICT, images: ['ghcr.io/ours/*'] }
    expect(rulesBroken({ image: 'ghcr.io/ours/web:1' }, {}, rules)).toEqual([])
    expect(rulesBroken({ image: 'ghcr.io.evil/ours/web' }, {}, rules)).toEqual(['services.web.image registry'])
    expect(rulesBroken({ volumes: [{ type: 'image', source: 'x', target: '/x' }] }, {}, rules)).toEqual([
      'services.web.image registry',
      'services.web.volumes[0] registry',
    ])
  })

  test.each<[string, object]>([
    ['build.tags[0]', { tags: ['evil.example/web:1'] }],
    ['build.cache_from[0]', { cache_from: ['evil.example/cache'] }],
    ['build.cache_from[0]', { cache_from: ['type=registry,ref=evil.example/cache'] }],
    ['build.cache_to[0]', { cache_to: ['ref=evil.example/cache,type=registry'] }],
    ['build.additional_contexts.x', { additional_contexts: { x: 'docker-image://evil.example/x' } }],
    ['build.args.BUILDKIT_SYNTAX', { args: { BUILDKIT_SYNTAX: 'evil.example/frontend:1 --x' } }],
  ])('are so in %s too', (path, build) => {
    const rules = { ...STRICT, images: ['docker.io/library/*'] }
    expect(rulesBroken({ build: { context: '/srv', ...build } }, {}, rules)).toEqual([`services.web.${path} registry`])
  })

  test.each(['sha256:'.padEnd(71, 'a'), 'a'.repeat(64), 'deadbeef', 'b0'])('are not called by an id: %s', (image) => {
    const rules = { ...STRICT, images: ['docker.io/*', 'sha256:*'] }
    expect(rulesBroken({ image }, {}, rules)).toEqual(['services.web.image registry'])
    expect(rulesBroken({ image })).toEqual([])
  })

  test('are what a container is committed to as well', () => {
    const policy = new ModelPolicy({ ...STRICT, images: ['ghcr.io/ours/*'] }, realPath)
    expect(() => policy.checkImage('reference', 'nginx:1')).toThrow('[registry]')
    expect(() => policy.checkImage('reference', 'ghcr.io/ours/web:2')).not.toThrow()
  })
})

test('what an administrator allows is allowed', () => {
  const rules = { ...STRICT, buildContexts: ['https://github.com/ours/*'], logDrivers: ['fluentd'] }
  const build = (context: string) => rulesBroken({ build: { context } }, {}, rules)
  expect(build('https://github.com/ours/web.git#main')).toEqual([])
  expect(build('https://github.com.evil/ours/web.git')).toEqual(['services.web.build.context remote-context'])
  expect(rulesBroken({ logging: { driver: 'fluentd' } }, {}, rules)).toEqual([])
})

test('a stack has as many services from the wire as from a file', () => {
  const services = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, { image: 'x' }]))
  const model = (count: number) => ({ name: 'shop', services: services(count) }) as unknown as Model
  expect(() => checkModel(model(3001), '/srv')).toThrow('The stack has more than 3000 services')
  expect(Object.keys(checkModel(model(3000), '/srv').services)).toHaveLength(3000)
})

test.each([{ bindRoots: ['relative'] }, { hostPorts: '80' }, { nonsense: 1 }])('a policy of %o is refused', (value) => {
  expect(() => policyRules(value, 'evenkeel.yaml')).toThrow('evenkeel.yaml: policy')
})
