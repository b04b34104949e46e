import { describe, expect, it } from 'vitest'
import { findingsOf, load } from './memory-source.ts'

const service = (text: string): string => `services:\n  web:\n    image: nginx\n${text.replace(/^/gm, '    ')}\n`
const web = (text: string, request = {}) => load({ 'compose.yaml': service(text) }, request).model.services.web!

describe('a stack without anything special', () => {
  it('is named after its folder and gets the default network', () => {
    const { model } = load({ 'compose.yaml': service('') })
    expect(model).toEqual({
      name: 'p',
      services: { web: { image: 'nginx', command: null, entrypoint: null, networks: { default: null } } },
      networks: { default: { name: 'p_default', ipam: {} } },
    })
  })

  it('takes its name from the request, then the environment, then the file', () => {
    const files = { 'compose.yaml': `name: \${N:-from}-file\n${service('')}` }
    expect(load(files).model.name).toBe('from-file')
    expect(load(files, { environment: { COMPOSE_PROJECT_NAME: 'env' } }).model.name).toBe('env')
    expect(load(files, { projectName: 'given' }).model.name).toBe('given')
  })

  it('is found in a folder above, with its override file', () => {
    const loaded = load(
      {
        '/p/compose.yml': service(''),
        '/p/compose.override.yml': 'services: {web: {image: other}}',
        '/p/inner/deep/x': '',
      },
      { environment: { PWD: '/p/inner/deep' } },
    )
    expect(loaded.configFiles).toEqual(['/p/compose.yml', '/p/compose.override.yml'])
    expect(loaded.workingDir).toBe('/p')
    expect(loaded.model.services.web?.image).toBe('other')
  })
})

describe('short forms', () => {
  it('of ports become bindings, one for each port of a range', () => {
    expect(web('ports: ["127.0.0.1:8000-8001:80-81/udp", 443]').ports).toEqual([
      { mode: 'ingress', host_ip: '127.0.0.1', target: 80, published: '8000', protocol: 'udp' },
      { mode: 'ingress', host_ip: '127.0.0.1', target: 81, published: '8001', protocol: 'udp' },
      { mode: 'ingress', target: 443, protocol: 'tcp' },
    ])
  })

  it('of volumes are binds where they look like paths', () => {
    const { model } = load({
      'compose.yaml': `${service('volumes: ["./a:/b:ro", "data:/data", "~/c:/c"]')}volumes: {data: }`,
    })
    expect(model.services.web?.volumes).toEqual([
      { type: 'bind', source: '/p/a', target: '/b', read_only: true, bind: { create_host_path: true } },
      { type: 'volume', source: 'data', target: '/data', volume: {} },
      { type: 'bind', source: '/home/user/c', target: '/c', bind: { create_host_path: true } },
    ])
    expect(model.volumes).toEqual({ data: { name: 'p_data' } })
  })

  it('of commands are split as no shell would, with a warning where a shell was meant', () => {
    const loaded = load({ 'compose.yaml': service('command: echo "a b" && rm x') })
    expect(loaded.model.services.web?.command).toEqual(['echo', 'a b'])
    expect(loaded.warnings).toEqual([expect.stringContaining('"&& rm x" is dropped')])
  })

  it('of durations and sizes are written out', () => {
    const { stop_grace_period, mem_limit, healthcheck } = web(
      'stop_grace_period: 90s\nmem_limit: 1.5g\nhealthcheck: {test: curl x, interval: 1d}',
    )
    expect({ stop_grace_period, mem_limit }).toEqual({ stop_grace_period: '1m30s', mem_limit: '1610612736' })
    expect(healthcheck).toEqual({ test: ['CMD-SHELL', 'curl x'], interval: '24h0m0s' })
  })
})

describe('variables', () => {
  it('come from the environment before .env, and warn where they are not set', () => {
    const files = {
      'compose.yaml': service('labels: {a: "$A", b: "${B}", c: "$C", d: "$$D"}'),
      '.env': 'A=file\nB=file',
    }
    const loaded = load(files, { environment: { A: 'env' } })
    expect(loaded.model.services.web?.labels).toEqual({ a: 'env', b: 'file', c: '', d: '$D' })
    expect(loaded.warnings).toEqual(['The "C" variable is not set. Defaulting to a blank string.'])
    expect(loaded.environmentFiles).toEqual(['/p/.env'])
  })

  it.each([
    ['${U-d}|${E-d}|${S-d}', 'd||s'],
    ['${U:-d}|${E:-d}|${S:-d}', 'd|d|s'],
    ['${U+a}|${E+a}|${S+a}', '|a|a'],
    ['${U:+a}|${E:+a}|${S:+a}', '||a'],
    ['${U:-${E:-${S}}}', 's'],
    ['${U:-{"a": "b"}}', '{"a": "b"}'],
    ['$1 $ 100%', '$1 $ 100%'],
  ])('%s is %s', (template, value) => {
    const files = { 'compose.yaml': service(`labels:\n  l: '${template}'`) }
    expect(load(files, { environment: { E: '', S: 's' } }).model.services.web?.labels?.l).toBe(value)
  })

  it('are listed with their defaults', () => {
    const files = { 'compose.yaml': service('hostname: ${H:-web}\nuser: ${U?needed}') }
    expect(load(files, { environment: { U: '1' }, options: { listVariables: true } }).variables).toEqual([
      { name: 'H', required: false, default: 'web', alternate: '' },
      { name: 'U', required: true, default: '', alternate: '' },
    ])
  })
})

describe('several files', () => {
  const merged = (base: string, over: string) =>
    load(
      { 'a.yaml': service(base), 'b.yaml': `services:\n  web:\n${over.replace(/^/gm, '    ')}` },
      { files: ['a.yaml', 'b.yaml'] },
    ).model.services.web!

  it('merge maps, replace commands and fold ports', () => {
    const result = merged(
      'environment: {A: 1, B: 1}\ncommand: [a]\nports: ["80:80", "81:81"]',
      'environment: [B=2]\ncommand: [b]\nports: ["80:80"]',
    )
    expect(result.environment).toEqual({ A: '1', B: '2' })
    expect(result.command).toEqual(['b'])
    expect(result.ports?.map((port) => port.published)).toEqual(['80', '81'])
  })

  it('take away with !reset and replace with !override', () => {
    const result = merged(
      'ports: ["80:80"]\nlabels: {a: 1, b: 2}\ndns: [1.1.1.1]',
      'ports: !override ["90:90"]\nlabels: {a: !reset null}\ndns: !reset []',
    )
    expect(result.ports?.map((port) => port.published)).toEqual(['90'])
    expect(result.labels).toEqual({ b: '2' })
    expect(result.dns).toBeUndefined()
  })
})

describe('extends and include', () => {
  it('resolve paths of a base from its own file', () => {
    const { model } = load({
      'compose.yaml': 'services: {web: {extends: {file: common/base.yaml, service: base}, environment: {B: 2}}}',
      'common/base.yaml': 'services: {base: {image: nginx, volumes: ["./d:/d"], environment: {A: 1}}}',
    })
    expect(model.services.web?.volumes?.[0]?.source).toBe('/p/common/d')
    expect(model.services.web?.environment).toEqual({ A: '1', B: '2' })
  })

  it('give an included project its own folder and .env', () => {
    const { model } = load({
      'compose.yaml': 'include: [sub/compose.yaml]\nservices: {web: {image: nginx, depends_on: [db]}}',
      'sub/compose.yaml': 'services: {db: {image: "db:${TAG}", build: .}}',
      'sub/.env': 'TAG=9',
    })
    expect(model.services.db).toMatchObject({ image: 'db:9', build: { context: '/p/sub', dockerfile: 'Dockerfile' } })
  })
})

describe('the folder of an include', () => {
  const inclusion = { path: 'inc/a.yaml', project_directory: 'inc/project' }
  const files = {
    'compose.yaml': JSON.stringify({ include: [inclusion], services: {} }),
    'inc/a.yaml': 'services: {a: {build: ./x, image: "i:${FROM}"}}',
    'inc/project/.env': 'FROM=project',
  }

  it('is that which is named', () => {
    expect(load(files).model.services.a).toMatchObject({ build: { context: '/p/inc/project/x' }, image: 'i:project' })
  })

  it('is the one above where there is no such folder, as in Compose', () => {
    const { 'inc/project/.env': _, ...without } = files
    expect(load(without, { environment: { FROM: 'shell' } }).model.services.a).toMatchObject({
      build: { context: '/p/inc/x' },
      image: 'i:shell',
    })
  })
})

it("a file's name is cleaned, but for a model that is not normalised", () => {
  const files = { 'compose.yaml': 'name: ${X:-My_Shop}\nservices: {a: {image: "${COMPOSE_PROJECT_NAME}"}}' }
  expect(load(files).model).toMatchObject({ name: 'my_shop', services: { a: { image: 'my_shop' } } })
  expect(load(files, { options: { normalize: false } }).model.name).toBe('My_Shop')
})

describe('profiles', () => {
  const files = {
    'compose.yaml': 'services:\n  a: {image: x}\n  b: {image: x, profiles: [p], depends_on: [a]}\n  c: {image: x}',
  }

  it('leave a service off until one of them is active or the service is named', () => {
    expect(Object.keys(load(files).model.services)).toEqual(['a', 'c'])
    expect(load(files).disabledServices).toEqual(['b'])
    expect(Object.keys(load(files, { profiles: ['p'] }).model.services)).toEqual(['a', 'b', 'c'])
    expect(Object.keys(load(files, { environment: { COMPOSE_PROFILES: 'x, p' } }).model.services)).toEqual([
      'a',
      'b',
      'c',
    ])
    expect(Object.keys(load(files, { services: ['b'] }).model.services)).toEqual(['a', 'b'])
  })
})

describe('env files', () => {
  it('lie below environment, later ones on top, and may be missing where they are not required', () => {
    const files = {
      'compose.yaml': service(
        'env_file: [a.env, {path: no.env, required: false}, {path: r.env, format: raw}]\nenvironment: {C: 3}',
      ),
      'a.env': 'A="x ${C}"\nB=1\nC=0',
      'r.env': 'B="$raw"',
    }
    expect(load(files).model.services.web?.environment).toEqual({ A: 'x 3', B: '"$raw"', C: '3' })
  })
})

describe('dependencies', () => {
  it('follow from links, shared namespaces and volumes', () => {
    const { model } = load({
      'compose.yaml':
        'services:\n  a: {image: x}\n  b: {image: x, links: ["a:z"]}\n  c: {image: x, network_mode: "service:a"}\n  d: {image: x, volumes_from: ["a:ro"]}',
    })
    const started = { condition: 'service_started', required: true }
    expect(model.services.b?.depends_on).toEqual({ a: { ...started, restart: true } })
    expect(model.services.c?.depends_on).toEqual({ a: { ...started, restart: true } })
    expect(model.services.d?.depends_on).toEqual({ a: started })
  })
})

describe('extensions', () => {
  it('stay in the model, also inside of a volume', () => {
    const { model } = load({
      'compose.yaml': `${service('volumes: ["data:/d"]')}volumes: {data: {x-evenkeel: {protect: true}}}`,
    })
    expect(model.volumes?.data).toEqual({ name: 'p_data', 'x-evenkeel': { protect: true } })
  })
})

describe('warnings', () => {
  it('point at what is accepted but surely not meant', () => {
    const { warnings } = load({ 'compose.yaml': service('volumes: ["v:/data", "/a:/b:wat"]') })
    expect(warnings).toEqual([
      '/p/compose.yaml:4:15: "v:/data" reads as a Windows path: a volume name needs two letters or more',
      '/p/compose.yaml:4:26: Volume options wat are not known and have no effect',
    ])
  })
})

describe('binds', () => {
  it('of this machine are those that a file names relative to itself or to the home of its reader', () => {
    const { localBinds } = load({
      'compose.yaml': `include: [sub/other.yaml]\n${service('volumes: [./conf:/a, ../up:/b, ~/mine:/c, /srv/theirs:/d, data:/e]')}volumes: {data: {}}\n`,
      '/p/sub/other.yaml': 'services: {db: {image: db, volumes: [./init:/init]}}',
    })
    expect([...localBinds].sort()).toEqual(['/home/user/mine', '/p/conf', '/p/sub/init', '/up'])
  })
})

describe('an error_page', () => {
  const file = service('x-evenkeel: {routes: [{path: /}], ingress: {error_page: ./pages/soon.html}}')

  it('is read beside the file, becomes part of the model, and stays when that is read again', () => {
    const { model } = load({ 'compose.yaml': file, 'pages/soon.html': '<h1>$Soon' })
    expect(model.services.web?.['x-evenkeel']?.ingress).toEqual({ error_page: { content: '<h1>$Soon' } })
    const again = load({ 'compose.yaml': JSON.stringify(model).replace('$', '$$$$') })
    expect(again.model).toEqual(model)
  })

  it('is to be there, and small', () => {
    const messages = (files: Record<string, string>) => findingsOf({ 'compose.yaml': file, ...files })
    expect(messages({})).toMatchObject([{ message: 'The error_page /p/pages/soon.html is not there' }])
    expect(messages({ 'pages/soon.html': 'é'.repeat(8000) })[0]?.message).toMatch(/is larger than 14 KiB/)
  })
})
