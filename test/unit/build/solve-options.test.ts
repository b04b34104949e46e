import { describe, expect, test } from 'vitest'
import { BuildLog } from '../../../daemon/build/build-log.ts'
import { StatusResponse } from '../../../daemon/build/buildkit/messages.ts'
import { credentialsOf } from '../../../daemon/build/buildkit/session.ts'
import { type BuilderFacts, contextName, solveOptions } from '../../../daemon/build/buildkit/solve-options.ts'
import type { Build } from '../../../protocol/stackfile/model.ts'

const FACTS: BuilderFacts = { frontend: 'contexts', imageStore: 'graph-driver', hostGatewayIp: '172.17.0.1' }

const optionsOf = (build: Build, facts: Partial<BuilderFacts> = {}, platform?: string) =>
  solveOptions({
    service: 'web',
    build,
    imageName: 'stack-web',
    platform,
    facts: { ...FACTS, ...facts },
    dockerfile: 'Dockerfile',
    dockerfileFrom: 'default',
    imageOf: (service) => `stack-${service}`,
  })

describe('a build section as BuildKit takes it', () => {
  test('each key has its attribute', () => {
    const { attributes, names, entitlements, frontend } = optionsOf({
      target: 'prod',
      args: { A: '1', B: '', C: null },
      labels: { l: 'v' },
      tags: ['x:1'],
      no_cache: true,
      pull: true,
      network: 'host',
      extra_hosts: ['a=1.1.1.1', 'b:host-gateway', 'c=[fe80::1]'],
      shm_size: '1000',
      ulimits: { nproc: 5, nofile: { soft: 1, hard: 2 } },
      platforms: ['linux/arm64'],
      privileged: true,
    })
    expect(frontend).toBe('dockerfile.v0')
    expect(attributes).toEqual({
      filename: 'Dockerfile',
      target: 'prod',
      'build-arg:A': '1',
      'build-arg:B': '',
      'label:l': 'v',
      'no-cache': '',
      'image-resolve-mode': 'pull',
      'force-network-mode': 'host',
      'add-hosts': 'a=1.1.1.1,b=172.17.0.1,c=fe80::1',
      'shm-size': '1000',
      ulimit: 'nproc=5:5,nofile=1:2',
      platform: 'linux/arm64',
    })
    expect(names).toEqual(['stack-web', 'x:1'])
    expect(entitlements).toEqual(['security.insecure', 'network.host'])
  })

  test('contexts are named as the frontend looks for them', () => {
    expect(['alpine:latest', 'docker.io/library/alpine', 'reg.example/a:1', 'docker.io/me/a'].map(contextName)).toEqual(
      ['alpine', 'alpine', 'reg.example/a:1', 'me/a'],
    )
    const { attributes } = optionsOf({
      additional_contexts: {
        context: '/x',
        'alpine:latest': 'docker-image://other',
        lib: 'service:lib',
        web: 'https://x.example/a.tar',
      },
    })
    expect(attributes).toMatchObject({
      'context:context': 'local:_context',
      'context:alpine': 'docker-image://other',
      'context:lib': 'docker-image://stack-lib',
      'context:web': 'https://x.example/a.tar',
      'frontend.caps': 'moby.buildkit.frontend.contexts+forward',
    })
  })

  test('a frontend of its own, caches, a remote context', () => {
    const options = optionsOf({
      context: 'https://x.example/repo.git#main:sub',
      args: { BUILDKIT_SYNTAX: 'docker/dockerfile:1 more', BUILDKIT_INLINE_CACHE: '1' },
      cache_from: ['a:b', 'type=registry,ref=c'],
    })
    expect(options.frontend).toBe('gateway.v0')
    expect(options.attributes).toMatchObject({
      source: 'docker/dockerfile:1',
      cmdline: 'docker/dockerfile:1 more',
      context: 'https://x.example/repo.git#main:sub',
    })
    expect(options.cacheImports.map(({ Attrs }) => Attrs.ref)).toEqual(['a:b', 'c'])
    expect(options.cacheExports).toEqual([{ Type: 'inline', Attrs: {} }])
  })

  test('the platform of the service wins over the list', () => {
    expect(optionsOf({ platforms: ['linux/amd64', 'linux/arm64'] }, {}, 'linux/amd64').attributes.platform).toBe(
      'linux/amd64',
    )
  })

  test('a containerd image store takes more', () => {
    const { attributes } = optionsOf(
      { platforms: ['linux/amd64', 'linux/arm64'], provenance: 'mode=max', sbom: 'true' },
      { imageStore: 'containerd' },
    )
    expect(attributes).toMatchObject({
      platform: 'linux/amd64,linux/arm64',
      'attest:provenance': 'mode=max',
      'attest:sbom': '',
    })
  })

  test.each([
    ['network', { network: 'service:db' }, {}],
    ['isolation', { isolation: 'hyperv' }, {}],
    ['context', { context: 'ssh://git@x.example/a/b.git' }, { frontend: 'basic' }],
    ['context', { context: 'https://x.example/b.git#main:sub' }, { frontend: 'basic' }],
    ['platforms', { platforms: ['a', 'b'] }, {}],
    ['provenance', { provenance: 'true' }, {}],
    ['sbom', { sbom: 'generator=x' }, {}],
    ['cache_to', { cache_to: ['type=gha'] }, {}],
    ['cache_from', { cache_from: ['type=gha'] }, {}],
    ['pull', { pull: true, additional_contexts: { a: 'service:b' } }, {}],
    ['additional_contexts.a', { additional_contexts: { a: 'oci-layout:///x' } }, {}],
    ['additional_contexts', { additional_contexts: { a: '/x' } }, { frontend: 'basic' }],
    ['shm_size', { shm_size: '1' }, { frontend: 'basic' }],
    ['ulimits', { ulimits: { nofile: 1 } }, { frontend: 'basic' }],
    ['extra_hosts', { extra_hosts: ['a=host-gateway'] }, { hostGatewayIp: undefined }],
  ] as [string, Build, Partial<BuilderFacts>][])('%s is refused by name: %j %j', (key, build, facts) => {
    expect(() => optionsOf(build, facts)).toThrowError(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(`services.web.build.${key}: `) }),
    )
  })

  test('a repository is fetched by the Engine, over SSH as well, by its branch and folder', () => {
    for (const context of [
      'git@x.example:a/b.git',
      'ssh://git@x.example/a.git#main:sub',
      'https://x.example/a.git#v1',
    ]) {
      expect(optionsOf({ context }).attributes.context).toBe(context)
    }
    expect(optionsOf({ context: 'https://x.example/b.git#main' }, { frontend: 'basic' }).attributes.context).toBe(
      'https://x.example/b.git#main',
    )
    const { attributes } = optionsOf({ additional_contexts: { more: 'ssh://x.example/y.git' } })
    expect(attributes['context:more']).toBe('ssh://x.example/y.git')
  })

  test.each([{ provenance: 'false', sbom: 'false', isolation: 'default', network: 'default', ssh: {} } as Build])(
    'what says nothing is not refused',
    (build) => {
      expect(() => optionsOf(build)).not.toThrow()
    },
  )
})

test('credentials go by registry, whatever name Docker Hub has', () => {
  const auth = {
    'docker.io': { username: 'u', password: 'p', serveraddress: 'x' },
    'reg.example': { identitytoken: 't', serveraddress: 'reg.example' },
  }
  expect(credentialsOf(auth, 'registry-1.docker.io')).toEqual({ Username: 'u', Secret: 'p' })
  expect(credentialsOf(auth, 'reg.example')).toEqual({ Username: '', Secret: 't' })
  expect(credentialsOf(auth, 'other.example')).toEqual({ Username: '', Secret: '' })
})

describe('the log of a build', () => {
  const NOW = Buffer.alloc(0)
  const status = (value: Parameters<typeof StatusResponse.encode>[0]) =>
    StatusResponse.decode(StatusResponse.encode(value))
  const vertex = (digest: string, more: object = {}) => ({
    digest,
    name: `[${digest}] RUN`,
    cached: false,
    started: Buffer.from([8, 1]),
    completed: Buffer.alloc(0),
    error: '',
    ...more,
  })
  const log = (digest: string, text: string | Buffer) => ({
    vertex: digest,
    timestamp: NOW,
    stream: 1,
    msg: Buffer.from(text),
  })

  test('names each step once, and what it writes', () => {
    const lines: string[] = []
    const build = new BuildLog((line) => lines.push(line))
    build.status(status({ vertexes: [vertex('a', { started: Buffer.alloc(0) })] }))
    build.status(status({ vertexes: [vertex('a')], logs: [log('a', 'one\ntwo\n')] }))
    build.status(status({ vertexes: [vertex('a', { completed: Buffer.from([8, 1]) }), vertex('b', { cached: true })] }))
    expect(lines).toEqual(['[a] RUN', 'two', 'CACHED [b] RUN'])
  })

  test('the tail is that of the step that failed, at most ten lines', () => {
    const build = new BuildLog(() => undefined)
    build.status(status({ vertexes: [vertex('a'), vertex('b')] }))
    for (let index = 0; index < 5000; index += 1) {
      build.status(status({ logs: [log('a', `a${index}\n`), log('b', `b${index}\n`)] }))
    }
    build.status(status({ vertexes: [vertex('a', { error: 'exit code: 1' })] }))
    expect(build.tail().split('\n')).toEqual(Array.from({ length: 10 }, (_, index) => `a${4990 + index}`))
    expect(build.failedStep).toBe('[a] RUN')
  })

  test('a character that is cut in two is whole again', () => {
    const build = new BuildLog(() => undefined)
    const bytes = Buffer.from('grün\n')
    build.status(
      status({
        vertexes: [vertex('a', { error: 'x' })],
        logs: [log('a', bytes.subarray(0, 3)), log('a', bytes.subarray(3))],
      }),
    )
    expect(build.tail()).toBe('grün')
  })
})
