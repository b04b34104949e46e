import { engineCall, engineJson } from '../../lab/engine-call.mjs'

/** What asks for more of the host than a developer may have, with the rule that refuses it. */
const SERVICES = [
  ['privileged', { privileged: true }],
  ['host-namespace', { pid: 'host' }],
  ['host-namespace', { network_mode: 'host' }],
  ['host-namespace', { ipc: 'host' }],
  ['capability', { cap_add: ['SYS_ADMIN'] }],
  ['device', { devices: ['/dev/kmsg:/dev/kmsg:rwm'] }],
  ['sysctl', { sysctls: { 'kernel.core_pattern': '|/x' } }],
  ['profile', { security_opt: ['seccomp=unconfined'] }],
  ['bind-root', { volumes: [{ type: 'bind', source: '/etc', target: '/x' }] }],
  ['engine-socket', { volumes: [{ type: 'bind', source: '/', target: '/x' }] }],
  ['engine-socket', { volumes: [{ type: 'bind', source: '/var/run/docker.sock', target: '/x' }] }],
  ['host-port', { ports: [{ target: 80, published: '80' }] }],
  ['log-driver', { logging: { driver: 'syslog', options: { 'syslog-address': 'unix:///run/x.sock' } } }],
]

const VOLUMES = [
  ['engine-socket', { driver_opts: { type: 'none', o: 'bind', device: '/' } }],
  ['engine-socket', { driver: 'local', driver_opts: { o: 'rbind,ro', device: '/var/run' } }],
  ['bind-root', { driver_opts: { type: 'tmpfs', o: 'bind', device: '/etc' } }],
  ['bind-root', { driver_opts: { type: 'none', o: 'bind', device: '/srv/../etc' } }],
  ['volume-driver', { driver_opts: { type: 'nfs', o: 'addr=10.0.0.1,rw', device: ':/x' } }],
  ['volume-driver', { driver_opts: { type: 'cifs', o: 'username=x', device: '//10.0.0.1/x' } }],
  ['volume-driver', { driver_opts: { type: 'ext4', device: '/dev/sda1' } }],
  ['volume-driver', { driver: 'plugin' }],
  ['foreign', { external: true, name: 'FOREIGN_data' }],
  ['foreign', { name: 'FOREIGN_data' }],
]

const WAYS = [
  ['PUT', ''],
  ['POST', '/plan'],
  ['POST', '/build'],
  ['POST', '/pull'],
  ['POST', '/push'],
  ['POST', '/adopt'],
  ['POST', '/adopt/plan'],
]

const isRefused = ({ status, code, body }, rule) =>
  status === 403 && code === 'policy-violation' && (body.detail ?? '').includes(`[${rule}]`)

async function samePolicyByAllWays(ground, tried) {
  const { engine, developer, owner, own, source, model, stacks, ek, daemon } = ground
  const adopted = `${own}-adopted`
  const token = (
    await daemon.must(['token', 'create', 'adopter', '--role', 'developer', '--stack', `${own}*`])
  ).stdout.trim()
  const { HttpsCaller } = await import('../../lab/https-daemon.mjs')
  const adopter = new HttpsCaller(daemon, { token })
  const labels = {
    'com.docker.compose.project': adopted,
    'com.docker.compose.service': 'web',
    'com.docker.compose.container-number': '1',
    'com.docker.compose.oneoff': 'False',
  }
  const made = await engineJson(engine, 'POST', `/containers/create?name=${adopted}-web-1`, {
    body: { Image: 'ek-lab/sleep:1', Labels: labels },
  })
  try {
    for (const [rule, service] of SERVICES)
      for (const [method, path] of WAYS) {
        const isAdopt = path.startsWith('/adopt')
        const [caller, name] = isAdopt ? [adopter, adopted] : [developer, own]
        const answer = await caller.call(method, `/v1/stacks/${name}${path}`, {
          body: { model: model(service, {}, name), source },
        })
        tried.see(
          `${rule} by ${method} ${path}: ${answer.status} ${answer.code} ${answer.body.detail ?? ''}`,
          isRefused(answer, rule),
        )
      }
  } finally {
    await engineCall(engine, 'DELETE', `/containers/${made.Id}?force=true`)
    adopter.close()
  }
  for (const [rule, overrides] of [
    ['bind-root', { volumes: ['/etc:/x'] }],
    ['engine-socket', { volumes: ['/:/host'] }],
    ['capability', { capAdd: ['ALL'] }],
  ]) {
    const answer = await developer.call('POST', `/v1/stacks/${own}/run`, { body: { service: 'web', overrides } })
    tried.see(`${rule} by run: ${answer.status} ${answer.code}`, isRefused(answer, rule))
  }
  // What an administrator brought up, and took back: no developer has it again, more of it, or goes into it.
  const strong = `${own}-strong`
  stacks.add(strong)
  await ground.up(owner, model({ privileged: true }, {}, strong))
  const asAttacker = { environment: { EVENKEEL_TOKEN: token } }
  for (const args of [
    ['exec', '-T', 'web', 'true'],
    ['cp', 'web:/etc/passwd', '-'],
    ['scale', 'web=2'],
  ]) {
    const { code, stderr } = await ek(['-p', strong, ...args], asAttacker)
    tried.see(
      `${args[0]} of a privileged one: exit ${code} ${stderr.slice(0, 120)}`,
      code !== 0 && /\[privileged\]/.test(stderr),
    )
  }
  const runner = new HttpsCaller(daemon, { token })
  const ran = await runner.call('POST', `/v1/stacks/${strong}/run`, { body: { service: 'web' } })
  tried.see(`run of a privileged one: ${ran.status} ${ran.code}`, isRefused(ran, 'privileged'))
  runner.close()
  await ground.up(owner, model({ environment: { LATER: '1' } }, {}, strong))
  const back = await ek(['-p', strong, 'rollback', '1'], asAttacker)
  tried.see(
    `rollback to a privileged one: exit ${back.code} ${back.stderr.slice(0, 120)}`,
    back.code !== 0 && /\[privileged\]/.test(back.stderr),
  )
  const exec = await ek(['exec', '-T', '--privileged', 'web', 'true'], {
    files: { 'compose.yaml': JSON.stringify(model()) },
  })
  tried.see(
    `exec --privileged: exit ${exec.code} ${exec.stderr.slice(0, 120)}`,
    exec.code !== 0 && /\[privileged\]/.test(exec.stderr),
  )
}

async function smuggled({ developer, own, foreign, source, model, ek }, tried) {
  for (const [rule, volume] of VOLUMES) {
    const given = JSON.parse(JSON.stringify({ name: `${own}_data`, ...volume }).replaceAll('FOREIGN', foreign))
    const top = { volumes: { data: given } }
    for (const [method, path] of WAYS.slice(0, 2)) {
      const body = { model: model({ volumes: [{ type: 'volume', source: 'data', target: '/x' }] }, top), source }
      const answer = await developer.call(method, `/v1/stacks/${own}${path}`, { body })
      tried.see(
        `${rule} ${JSON.stringify(volume)}: ${answer.status} ${answer.code} ${answer.body.detail ?? ''}`,
        isRefused(answer, rule),
      )
    }
  }
  const web = 'image: ek-lab/sleep:1'
  const FILES = [
    [
      'extends',
      '[privileged]',
      {
        'compose.yaml': `services: {web: {extends: {file: base.yaml, service: base}}}`,
        'base.yaml': `services: {base: {${web}, privileged: true}}`,
      },
    ],
    [
      'include',
      '[host-namespace]',
      {
        'compose.yaml': `include: [more.yaml]\nservices: {web: {${web}}}`,
        'more.yaml': `services: {evil: {${web}, pid: host}}`,
      },
    ],
    [
      'interpolation',
      '[engine-socket]',
      { 'compose.yaml': `services: {web: {${web}, volumes: ['\${WHERE}:/x']}}`, '.env': 'WHERE=/' },
    ],
    [
      'an anchor',
      '[capability]',
      { 'compose.yaml': `x-a: &a {${web}, cap_add: [SYS_ADMIN]}\nservices: {web: {<<: *a}}` },
    ],
    [
      'an override',
      '[profile]',
      {
        'compose.yaml': `services: {web: {${web}}}`,
        'compose.override.yaml': `services: {web: {security_opt: ['apparmor:unconfined']}}`,
      },
    ],
    [
      'a profile',
      '[privileged]',
      {
        'compose.yaml': `services: {web: {${web}}, evil: {${web}, privileged: true, profiles: [x]}}`,
        '.env': 'COMPOSE_PROFILES=x',
      },
    ],
  ]
  for (const [what, rule, files] of FILES) {
    const { code, stderr } = await ek(['-p', own, 'up', '-d', '--take-over'], { files })
    tried.see(`${what}: exit ${code} ${stderr.slice(0, 200)}`, code !== 0 && stderr.includes(rule))
  }
}

/** Where the Engine would fetch from: of its machine, with what only that may reach. */
const URLS = [
  'http://169.254.169.254/latest/meta-data',
  'http://127.0.0.1:2375/containers/json',
  'http://localhost/x.tar',
  'http://[::1]/x.tar',
  'http://2130706433/x.tar',
  'https://metadata.google.internal/x.git',
  'git://10.0.0.1/x.git',
  'git@10.0.0.1:x/y.git',
  'ssh://10.0.0.1/x.git',
]
const GIT = [
  'ext::sh -c touch% /tmp/x',
  'file:///etc',
  '--upload-pack=touch /tmp/x',
  'https://x/y.git#--upload-pack=z',
  'https://x/y.git#:../../etc',
]

async function gitUrls({ developer, own, source, model }, tried) {
  for (const context of GIT)
    for (const build of [{ context }, { context: '/srv', additional_contexts: { x: context } }]) {
      const body = { model: model({ build }), source }
      const answer = await developer.call('POST', `/v1/stacks/${own}/build`, { body })
      const job = answer.status === 202 ? await ended(developer, answer.body.job) : undefined
      const isInert = job !== undefined && job.state !== 'succeeded' && job.state !== 'running'
      tried.see(
        `${context}: ${answer.status} ${job?.state ?? answer.code}`,
        isInert || (answer.status >= 400 && answer.status < 500),
      )
    }
  tried.tell('refused, or inert: nothing is cloned by the daemon, and no Engine is told to without `buildContexts`')
}

async function ended(caller, id) {
  for (let left = 100; left > 0; left -= 1) {
    const { body } = await caller.call('GET', `/v1/jobs/${id}`)
    if (!['queued', 'running'].includes(body.state)) return body
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return undefined
}

/** Features that would fetch by URL, or be told by one: that there are none is to show. */
const FETCHING = ['/v1/webhooks', '/v1/templates', '/v1/registries', '/v1/git', '/v1/notifications', '/v1/healthchecks']

async function fetches({ developer, owner, own, source, model }, tried) {
  for (const url of URLS)
    for (const build of [{ context: url }, { context: '/srv', additional_contexts: { x: url } }])
      for (const path of ['/plan', '/build']) {
        const answer = await developer.call('POST', `/v1/stacks/${own}${path}`, {
          body: { model: model({ build }), source },
        })
        tried.see(`${url} by ${path}: ${answer.status} ${answer.code}`, isRefused(answer, 'remote-context'))
      }
  for (const subnet of ['169.254.169.254/32', '127.0.0.0/8', '1.1.1.0/24', '::/0']) {
    const top = { networks: { default: { name: `${own}_default`, ipam: { config: [{ subnet }] } } } }
    const answer = await developer.call('POST', `/v1/stacks/${own}/plan`, { body: { model: model({}, top), source } })
    tried.see(`a network of ${subnet}: ${answer.status} ${answer.code}`, isRefused(answer, 'network-option'))
  }
  for (const path of FETCHING)
    for (const method of ['GET', 'POST', 'PUT']) {
      const { status } = await owner.call(method, path, method === 'GET' ? {} : { body: { url: URLS[0] } })
      tried.see(`${method} ${path}: ${status}`, status === 404)
    }
  tried.tell('refused; webhooks, templates, registries, health check URLs: no such feature, no route answers')
}

export const POLICY_CASES = [
  { id: 'A2', what: 'git URLs with ext::, file:, options and ways out of the tree', attack: gitUrls },
  {
    id: 'A5',
    what: 'more of the host by up, plan, build, pull, push, adopt, run, scale, rollback, exec, cp',
    attack: samePolicyByAllWays,
  },
  {
    id: 'A6',
    what: 'volumes that bind or mount shares; extends, include, variables, anchors, overrides, profiles',
    attack: smuggled,
  },
  {
    id: 'A11',
    what: 'addresses of loopback, metadata and private networks that somebody is to fetch',
    attack: fetches,
  },
]
