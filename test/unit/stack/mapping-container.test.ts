import { describe, expect, test } from 'vitest'
import { containerCreate } from '../../../daemon/stack/mapping/container.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { anImage, containerInput, partOf } from '../support/container-input.ts'
import { problemOf } from '../support/problems.ts'

const bodyOf = (spec: Partial<Service>, parts: Parameters<typeof containerInput>[1] = {}) =>
  containerCreate(containerInput(spec, parts)).body

type Row = readonly [key: string, spec: Partial<Service>, path: string, value: unknown]

const ROWS: readonly Row[] = [
  ['hostname', { hostname: 'h' }, 'Hostname', 'h'],
  ['domainname', { domainname: 'd' }, 'Domainname', 'd'],
  ['user', { user: '1000:1000' }, 'User', '1000:1000'],
  ['tty', { tty: true }, 'Tty', true],
  ['stdin_open', { stdin_open: true }, 'OpenStdin', true],
  ['command', { command: ['a', 'b'] }, 'Cmd', ['a', 'b']],
  ['command that is null', { command: null }, 'Cmd', undefined],
  ['entrypoint', { entrypoint: ['e'] }, 'Entrypoint', ['e']],
  ['entrypoint that is empty', { entrypoint: [] }, 'Entrypoint', []],
  ['working_dir', { working_dir: '/app' }, 'WorkingDir', '/app'],
  ['stop_signal', { stop_signal: 'SIGINT' }, 'StopSignal', 'SIGINT'],
  ['stop_grace_period', { stop_grace_period: '1m30s' }, 'StopTimeout', 90],
  ['environment', { environment: { A: '1', EMPTY: '', UNSET: null } }, 'Env', ['A=1', 'EMPTY=', 'UNSET']],
  ['expose', { expose: ['3000-3001', '53/udp'] }, 'ExposedPorts', { '3000/tcp': {}, '3001/tcp': {}, '53/udp': {} }],
  ['ports: exposed', { ports: [{ target: 80, published: '8080' }] }, 'ExposedPorts', { '80/tcp': {} }],
  [
    'ports: published',
    {
      ports: [
        { target: 80, published: '8080', host_ip: '127.0.0.1' },
        { target: 80, published: '8081' },
        { target: 53, protocol: 'udp' },
      ],
    },
    'HostConfig.PortBindings',
    {
      '80/tcp': [
        { HostIp: '127.0.0.1', HostPort: '8080' },
        { HostIp: '', HostPort: '8081' },
      ],
      '53/udp': [{ HostIp: '', HostPort: '' }],
    },
  ],
  ['annotations', { annotations: { a: 'b' } }, 'HostConfig.Annotations', { a: 'b' }],
  [
    'cap_add, spelled as the CLI does',
    { cap_add: ['net_admin', 'CAP_CHOWN'] },
    'HostConfig.CapAdd',
    ['CAP_CHOWN', 'CAP_NET_ADMIN'],
  ],
  ['cap_drop', { cap_drop: ['ALL'] }, 'HostConfig.CapDrop', ['ALL']],
  ['init', { init: true }, 'HostConfig.Init', true],
  ['ipc', { ipc: 'host' }, 'HostConfig.IpcMode', 'host'],
  ['ipc of a service', { ipc: 'service:db' }, 'HostConfig.IpcMode', 'container:id-of-db'],
  ['pid', { pid: 'host' }, 'HostConfig.PidMode', 'host'],
  ['pid of a service', { pid: 'service:db' }, 'HostConfig.PidMode', 'container:id-of-db'],
  ['cgroup', { cgroup: 'private' }, 'HostConfig.CgroupnsMode', 'private'],
  ['cgroup_parent', { cgroup_parent: '/p' }, 'HostConfig.CgroupParent', '/p'],
  ['uts', { uts: 'host' }, 'HostConfig.UTSMode', 'host'],
  ['userns_mode', { userns_mode: 'host' }, 'HostConfig.UsernsMode', 'host'],
  ['isolation', { isolation: 'default' }, 'HostConfig.Isolation', 'default'],
  ['runtime', { runtime: 'runc' }, 'HostConfig.Runtime', 'runc'],
  ['read_only', { read_only: true }, 'HostConfig.ReadonlyRootfs', true],
  ['restart', { restart: 'always' }, 'HostConfig.RestartPolicy', { Name: 'always', MaximumRetryCount: 0 }],
  [
    'restart with a count',
    { restart: 'on-failure:3' },
    'HostConfig.RestartPolicy',
    { Name: 'on-failure', MaximumRetryCount: 3 },
  ],
  ['restart: no', { restart: 'no' }, 'HostConfig.RestartPolicy', { Name: 'no', MaximumRetryCount: 0 }],
  [
    'deploy.restart_policy, which wins over restart',
    { restart: 'always', deploy: { restart_policy: { condition: 'on-failure', max_attempts: 5 } } },
    'HostConfig.RestartPolicy',
    { Name: 'on-failure', MaximumRetryCount: 5 },
  ],
  [
    'deploy.restart_policy: any',
    { deploy: { restart_policy: { condition: 'any' } } },
    'HostConfig.RestartPolicy.Name',
    'always',
  ],
  [
    'deploy.restart_policy without a condition, as Compose sends it',
    { deploy: { restart_policy: {} } },
    'HostConfig.RestartPolicy.Name',
    '',
  ],
  [
    'deploy.restart_policy: none',
    { deploy: { restart_policy: { condition: 'none' } } },
    'HostConfig.RestartPolicy.Name',
    'no',
  ],
  ['shm_size', { shm_size: '67108864' }, 'HostConfig.ShmSize', 67108864],
  ['sysctls', { sysctls: { 'net.core.somaxconn': '1024' } }, 'HostConfig.Sysctls', { 'net.core.somaxconn': '1024' }],
  ['volumes_from', { volumes_from: ['db:ro', 'container:abc'] }, 'HostConfig.VolumesFrom', ['id-of-db:ro', 'abc']],
  ['dns', { dns: ['1.1.1.1'] }, 'HostConfig.Dns', ['1.1.1.1']],
  ['dns_search', { dns_search: ['example.org'] }, 'HostConfig.DnsSearch', ['example.org']],
  ['dns_opt', { dns_opt: ['ndots:1'] }, 'HostConfig.DnsOptions', ['ndots:1']],
  ['extra_hosts', { extra_hosts: ['db=10.0.0.1', 'six=::1'] }, 'HostConfig.ExtraHosts', ['db:10.0.0.1', 'six:::1']],
  ['storage_opt', { storage_opt: { size: '1G' } }, 'HostConfig.StorageOpt', { size: '1G' }],
  ['privileged', { privileged: true }, 'HostConfig.Privileged', true],
  [
    'logging',
    { logging: { driver: 'json-file', options: { 'max-size': '1m' } } },
    'HostConfig.LogConfig',
    { Type: 'json-file', Config: { 'max-size': '1m' } },
  ],
  [
    'logging with options alone',
    { logging: { options: { a: 'b' } } },
    'HostConfig.LogConfig',
    { Type: '', Config: { a: 'b' } },
  ],
  ['group_add', { group_add: ['mail', '5'] }, 'HostConfig.GroupAdd', ['mail', '5']],
  ['oom_score_adj', { oom_score_adj: -500 }, 'HostConfig.OomScoreAdj', -500],
  ['oom_kill_disable', { oom_kill_disable: true }, 'HostConfig.OomKillDisable', true],
  ['security_opt', { security_opt: ['no-new-privileges'] }, 'HostConfig.SecurityOpt', ['no-new-privileges']],
  ['security_opt systempaths: paths', { security_opt: ['systempaths=unconfined'] }, 'HostConfig.MaskedPaths', []],
  ['security_opt systempaths: option', { security_opt: ['systempaths=unconfined'] }, 'HostConfig.SecurityOpt', []],
  [
    'security_opt seccomp=unconfined',
    { security_opt: ['seccomp=unconfined'] },
    'HostConfig.SecurityOpt',
    ['seccomp=unconfined'],
  ],
  [
    'tmpfs',
    { tmpfs: ['/run', '/tmp:size=1m,mode=1777'] },
    'HostConfig.Tmpfs',
    { '/run': '', '/tmp': 'size=1m,mode=1777' },
  ],
  ['mem_limit', { mem_limit: '1048576' }, 'HostConfig.Memory', 1048576],
  ['memswap_limit', { memswap_limit: '-1' }, 'HostConfig.MemorySwap', -1],
  ['mem_reservation', { mem_reservation: '1024' }, 'HostConfig.MemoryReservation', 1024],
  ['mem_swappiness', { mem_swappiness: 60 }, 'HostConfig.MemorySwappiness', 60],
  ['cpus', { cpus: 1.5 }, 'HostConfig.NanoCpus', 1_500_000_000],
  ['cpuset', { cpuset: '0-1' }, 'HostConfig.CpusetCpus', '0-1'],
  ['cpu_shares', { cpu_shares: '512' }, 'HostConfig.CpuShares', 512],
  ['cpu_count', { cpu_count: 2 }, 'HostConfig.CpuCount', 2],
  ['cpu_percent', { cpu_percent: 12.5 }, 'HostConfig.CpuPercent', 1250],
  ['cpu_period in microseconds', { cpu_period: '100000' }, 'HostConfig.CpuPeriod', 100_000],
  ['cpu_period as a duration', { cpu_period: '100ms' }, 'HostConfig.CpuPeriod', 100_000],
  ['cpu_quota', { cpu_quota: 50000 }, 'HostConfig.CpuQuota', 50_000],
  ['cpu_rt_period', { cpu_rt_period: '1s' }, 'HostConfig.CpuRealtimePeriod', 1_000_000],
  ['cpu_rt_runtime', { cpu_rt_runtime: '950000us' }, 'HostConfig.CpuRealtimeRuntime', 950_000],
  ['pids_limit', { pids_limit: 100 }, 'HostConfig.PidsLimit', 100],
  [
    'deploy limits: memory, which wins',
    { mem_limit: '1', deploy: { resources: { limits: { memory: '2' } } } },
    'HostConfig.Memory',
    2,
  ],
  ['deploy limits: cpus', { deploy: { resources: { limits: { cpus: '0.5' } } } }, 'HostConfig.NanoCpus', 500_000_000],
  ['deploy limits: pids', { deploy: { resources: { limits: { pids: 7 } } } }, 'HostConfig.PidsLimit', 7],
  [
    'deploy reservations: memory',
    { deploy: { resources: { reservations: { memory: '3' } } } },
    'HostConfig.MemoryReservation',
    3,
  ],
  [
    'deploy reservations: devices',
    { deploy: { resources: { reservations: { devices: [{ driver: 'nvidia', count: 1, capabilities: ['gpu'] }] } } } },
    'HostConfig.DeviceRequests',
    [{ Driver: 'nvidia', Count: 1, Capabilities: [['gpu']] }],
  ],
  [
    'devices',
    { devices: [{ source: '/dev/a' }, { source: '/dev/b', target: '/dev/c', permissions: 'r' }] },
    'HostConfig.Devices',
    [
      { PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' },
      { PathOnHost: '/dev/b', PathInContainer: '/dev/c', CgroupPermissions: 'r' },
    ],
  ],
  [
    'devices by CDI name',
    { devices: [{ source: 'vendor.com/gpu=all' }] },
    'HostConfig.DeviceRequests',
    [{ Driver: 'cdi', DeviceIDs: ['vendor.com/gpu=all'] }],
  ],
  ['gpus', { gpus: [{ count: -1 }] }, 'HostConfig.DeviceRequests', [{ Count: -1, Capabilities: [['gpu']] }]],
  [
    'gpus by id',
    { gpus: [{ device_ids: ['0'] }] },
    'HostConfig.DeviceRequests',
    [{ DeviceIDs: ['0'], Capabilities: [['gpu']] }],
  ],
  ['device_cgroup_rules', { device_cgroup_rules: ['c 1:3 mr'] }, 'HostConfig.DeviceCgroupRules', ['c 1:3 mr']],
  [
    'ulimits',
    { ulimits: { nproc: 3, nofile: { soft: 1, hard: 2 } } },
    'HostConfig.Ulimits',
    [
      { Name: 'nproc', Soft: 3, Hard: 3 },
      { Name: 'nofile', Soft: 1, Hard: 2 },
    ],
  ],
  ['blkio_config.weight', { blkio_config: { weight: 300 } }, 'HostConfig.BlkioWeight', 300],
  [
    'blkio_config.device_read_bps',
    { blkio_config: { device_read_bps: [{ path: '/dev/a', rate: '1048576' }] } },
    'HostConfig.BlkioDeviceReadBps',
    [{ Path: '/dev/a', Rate: 1048576 }],
  ],
  ['healthcheck that is disabled', { healthcheck: { disable: true } }, 'Healthcheck', { Test: ['NONE'] }],
  [
    'healthcheck',
    {
      healthcheck: {
        test: ['CMD', 'true'],
        interval: '30s',
        timeout: '1s',
        retries: 3,
        start_period: '1m0s',
        start_interval: '500ms',
      },
    },
    'Healthcheck',
    {
      Test: ['CMD', 'true'],
      Interval: 30e9,
      Timeout: 1e9,
      Retries: 3,
      StartPeriod: 60e9,
      StartInterval: 500e6,
    },
  ],
]

describe('a key of a service becomes a field of the Engine', () => {
  test.each(ROWS)('%s', (_, spec, path, value) => {
    expect(partOf(bodyOf(spec), path)).toEqual(value)
  })

  test('platform stands in the query', () => {
    expect(containerCreate(containerInput({ platform: 'linux/arm64' })).query).toEqual({
      name: 'shop-web-1',
      platform: 'linux/arm64',
    })
  })

  test('what is not in the file is not in the body', () => {
    const body = bodyOf({})
    expect(Object.keys(body).sort()).toEqual([
      'AttachStderr',
      'AttachStdout',
      'HostConfig',
      'Image',
      'Labels',
      'NetworkingConfig',
    ])
    expect(body.HostConfig).toEqual({ NetworkMode: 'shop_default' })
  })
})

describe('labels', () => {
  const labels = bodyOf({
    labels: { mine: 'yes', 'dev.evenkeel.stack': 'forged', 'com.docker.compose.project': 'forged' },
    depends_on: {
      db: { condition: 'service_healthy', required: true, restart: true },
      a: { condition: 'service_started', required: true },
    },
  }).Labels

  test('are those of the file', () => {
    expect(labels).toMatchObject({ mine: 'yes' })
  })

  test('are ours, which the file cannot forge', () => {
    expect(labels).toMatchObject({ 'dev.evenkeel.stack': 'shop', 'com.docker.compose.project': 'shop' })
  })

  test('are Compose’s, so that its tools see the stack', () => {
    expect(labels).toMatchObject({
      'com.docker.compose.service': 'web',
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.config-hash': 'a-hash',
      'com.docker.compose.version': '2.40.3',
      'com.docker.compose.image': 'sha256:web',
      'com.docker.compose.depends_on': 'a:service_started:false,db:service_healthy:true',
      'com.docker.compose.project.working_dir': '/srv/shop',
      'com.docker.compose.project.config_files': '/srv/shop/compose.yaml,/srv/shop/more.yaml',
    })
  })

  test('name environment files only where there are some', () => {
    expect(labels).not.toHaveProperty('com.docker.compose.project.environment_file')
  })
})

describe('a key that this Engine is too old for is refused, never left out', () => {
  const rows: readonly (readonly [string, Partial<Service>, string])[] = [
    ['annotations', { annotations: { a: 'b' } }, '1.43'],
    [
      'healthcheck.start_interval',
      { healthcheck: { test: ['CMD', 'true'], start_period: '1s', start_interval: '1s' } },
      '1.44',
    ],
    ['networks.default.gw_priority', { networks: { default: { gw_priority: 1 } } }, '1.48'],
    ['networks.default.interface_name', { networks: { default: { interface_name: 'eth7' } } }, '1.49'],
    [
      'volumes[0].volume.subpath',
      { volumes: [{ type: 'volume', source: 'data', target: '/d', volume: { subpath: 's' } }] },
      '1.45',
    ],
    ['volumes[0].type: image', { volumes: [{ type: 'image', source: 'i', target: '/d' }] }, '1.48'],
    [
      'volumes[0].bind.recursive: readonly',

      { volumes: [{ type: 'bind', source: '/a', target: '/d', bind: { recursive: 'readonly' } }] },
      '1.44',
    ],
  ]

  test.each(rows)('%s', (path, spec, needed) => {
    const minor = Number(needed.split('.')[1])
    const problem = problemOf(() => bodyOf(spec, { apiVersion: `1.${minor - 1}` }))
    expect(problem.code).toBe('engine-too-old')
    expect(problem.message).toContain(`services.web.${path} needs Engine`)
    expect(() => bodyOf(spec, { apiVersion: needed })).not.toThrow()
  })

  test('versions are compared as numbers: 1.100 is newer than 1.43', () => {
    expect(() => bodyOf({ annotations: { a: 'b' } }, { apiVersion: '1.100' })).not.toThrow()
  })

  test('mac_address of a further network', () => {
    const networks = { default: { priority: 1 }, back: { mac_address: '02:42:ac:11:00:01' } }
    expect(problemOf(() => bodyOf({ networks }, { apiVersion: '1.43' })).code).toBe('engine-too-old')
  })
})

describe('a key that no Engine can honour is refused', () => {
  test.each([
    ['a model that nobody made ready', { models: { llm: null }, environment: { LLM_URL: 'http://here' } }],
    ['a seccomp profile from a file', { security_opt: ['seccomp=profile.json'] }],
    ['a cluster volume', { volumes: [{ type: 'cluster', source: 'c', target: '/c' }] }],
    ['a bind path with a colon', { volumes: [{ type: 'bind', source: '/a:b', target: '/c' }] }],
  ] as readonly (readonly [string, Partial<Service>])[])('%s', (_, spec) => {
    expect(problemOf(() => bodyOf(spec)).code).toBe('unsupported')
  })
})

test('start_interval without start_period is refused: it would have no effect', () => {
  expect(problemOf(() => bodyOf({ healthcheck: { test: ['CMD', 'true'], start_interval: '1s' } })).code).toBe(
    'stack-file-invalid',
  )
})

test('a namespace of a service that has no container is refused', () => {
  expect(problemOf(() => bodyOf({ pid: 'service:db' }, { containers: () => undefined }))).toMatchObject({
    code: 'dependency-failed',
    message: 'services.web.pid: service db has no container to share with',
  })
})

describe('a one-off container', () => {
  const oneOff = { slug: 'a'.repeat(64), aliases: 'none', remove: true } as const
  const create = (spec = {}, parts = {}) =>
    containerCreate(
      containerInput(spec, { containerName: 'shop-web-run-aaaaaaaaaaaa', oneOff: { ...oneOff, ...parts } }),
    )

  test('is no replica, by its labels', () => {
    const labels = create().body.Labels!
    expect(labels['com.docker.compose.oneoff']).toBe('True')
    expect(labels['com.docker.compose.slug']).toBe(oneOff.slug)
    expect(labels).not.toHaveProperty(['com.docker.compose.container-number'])
  })

  test('is found by its own name alone, unless wanted otherwise', () => {
    const aliases = (parts = {}) =>
      partOf(
        create({ networks: { default: { aliases: ['www'] } } }, parts).body,
        'NetworkingConfig.EndpointsConfig.shop_default.Aliases',
      )
    expect(aliases()).toEqual(['shop-web-run-aaaaaaaaaaaa'])
    expect(aliases({ aliases: 'service' })).toEqual(['shop-web-run-aaaaaaaaaaaa', 'web', 'www', 'web.shop'])
  })

  test('has an input that ends with whoever gives it', () => {
    expect(create({ stdin_open: true }).body).toMatchObject({ OpenStdin: true, AttachStdin: true, StdinOnce: true })
    expect(create({ stdin_open: false }).body).not.toHaveProperty('StdinOnce')
  })

  test('has the size of the terminal that it is on', () => {
    const size = { rows: 33, columns: 77 }
    expect(partOf(create({ tty: true }, { size }).body, 'HostConfig.ConsoleSize')).toEqual([33, 77])
    expect(partOf(create({ tty: false }, { size }).body, 'HostConfig.ConsoleSize')).toBeUndefined()
    expect(partOf(create({ tty: true }).body, 'HostConfig.ConsoleSize')).toBeUndefined()
  })

  test('is removed by the Engine where that was asked for', () => {
    expect(partOf(create().body, 'HostConfig.AutoRemove')).toBe(true)
    expect(partOf(create({}, { remove: false }).body, 'HostConfig.AutoRemove')).toBeUndefined()
  })
})

describe('use_api_socket', () => {
  const service = { use_api_socket: true, environment: { A: '1' } }

  test('is the socket of the Engine, and a file with the credentials of whoever sent the stack', () => {
    const asked: string[] = []
    const fileSource = (kind: string, name: string) => {
      asked.push(`${kind} ${name}`)
      return { content: Buffer.from('{}') }
    }
    const { body, filesAfterCreate } = containerCreate(containerInput(service, { fileSource }))
    expect(body.HostConfig).toMatchObject({ Binds: ['/var/run/docker.sock:/var/run/docker.sock:rw'] })
    expect(body.Env).toContain('DOCKER_CONFIG=/run/secrets/docker')
    expect(filesAfterCreate).toMatchObject([{ path: '/run/secrets/docker/config.json', mode: 0o444 }])
    expect(asked).toEqual(['config #apisocket'])
  })

  test('leaves a service that knows where its credentials lie alone', () => {
    const { Env } = bodyOf({ ...service, environment: { DOCKER_CONFIG: '/mine' } })
    expect(Env).toEqual(['DOCKER_CONFIG=/mine'])
  })
})

test('credential_spec reaches no container of Linux, in Compose as here, and that is said', () => {
  const { body, warnings } = containerCreate(containerInput({ credential_spec: { file: 'f' } }))
  expect(body).toEqual(bodyOf({}))
  expect(warnings).toEqual(['services.web.credential_spec has no effect: it is for Windows containers'])
})

test('what is for Windows containers and not sent to them is refused', () => {
  const image = { reference: 'web:1', id: 'sha256:web', inspect: anImage('sha256:web', { Os: 'windows' }) }
  for (const spec of [{ credential_spec: { file: 'f' } }, { use_api_socket: true }])
    expect(problemOf(() => bodyOf(spec, { image })).code).toBe('unsupported')
})
