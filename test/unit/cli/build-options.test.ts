import { describe, expect, test } from 'vitest'
import { bakeFileOf } from '../../../client/bake.ts'
import { buildOptionsOf, sshOption } from '../../../client/cli/build-options.ts'
import { COMMANDS } from '../../../client/cli/commands/index.ts'
import { parseCommandLine } from '../../../client/cli/parse.ts'
import { CREATE_OPTIONS } from '../../../client/cli/up-options.ts'
import { BuildOptions } from '../../../protocol/resources/job.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { problemOf } from '../support/problems.ts'

function optionsOf(...argv: string[]): BuildOptions {
  const { values, words, error } = parseCommandLine(['build', ...argv], COMMANDS)
  expect(error).toBeUndefined()
  return buildOptionsOf(values, words, { FROM_HERE: 'seen' })
}

describe('the flags of build become its options', () => {
  test('without any they are the defaults of the API', () => {
    expect(BuildOptions.parse(optionsOf())).toEqual(BuildOptions.parse({}))
  })

  test.each([
    [['web', 'db'], { services: ['web', 'db'] }],
    [['--build-arg', 'A=1', '--build-arg', 'B=x=y'], { args: { A: '1', B: 'x=y' } }],
    [['--build-arg', 'FROM_HERE'], { args: { FROM_HERE: 'seen' } }],
    [['--build-arg', 'UNSET'], { args: { UNSET: null } }],
    [['--no-cache'], { cache: 'ignore' }],
    [['--pull'], { bases: 'pull' }],
    [['--push'], { images: 'push' }],
    [['--with-dependencies'], { dependencies: 'include' }],
    [['-m', '512m'], { memoryBytes: 512 * 1024 ** 2 }],
    [['--provenance', 'mode=max'], { provenance: 'mode=max' }],
    [['--sbom', 'true'], { sbom: 'true' }],
    [['--builder', 'default'], {}],
  ])('%o', (argv, options) => {
    expect(BuildOptions.parse(optionsOf(...argv))).toEqual(BuildOptions.parse(options))
  })

  test.each([
    [['--builder', 'mine'], 'unsupported'],
    [['--memory', 'much'], 'bad-request'],
    [['--memory', '0'], 'bad-request'],
    [['--build-arg', '=x'], 'bad-request'],
  ])('%o is refused, with what to do', (argv, code) => {
    const problem = problemOf(() => optionsOf(...argv))
    expect(problem.code).toBe(code)
    expect(problem.hint).not.toBe(undefined)
  })
})

describe('--ssh', () => {
  test.each([
    ['', ['default', '']],
    ['default', ['default', '']],
    ['default=/run/agent', ['default', '/run/agent']],
    ['=/key', ['default', '/key']],
    ['git=/a,/b', ['git', '/a,/b']],
  ])('%j is the agent %j', (text, agent) => {
    expect(sshOption(text)).toEqual(agent)
  })

  test('of an id alone is refused, with what to write', () => {
    expect(problemOf(() => sshOption('git'))).toMatchObject({
      code: 'bad-request',
      message: 'invalid ssh key "git"',
      hint: 'write default, or ID=SOCKET, or ID=KEY[,KEY]',
    })
  })
})

test('create has the flags of Docker Compose', () => {
  expect(Object.keys(CREATE_OPTIONS).sort()).toEqual(
    [
      'build',
      'force-recreate',
      'no-build',
      'no-recreate',
      'pull',
      'quiet-pull',
      'remove-orphans',
      'scale',
      'yes',
    ].sort(),
  )
})

/** What `docker compose build --print` (2.40.3) says of the same file, without its own labels. */
test('build --print is Compose’s bake file', () => {
  const model: Model = {
    name: 'shop',
    services: {
      full: {
        image: 'x/full:1',
        platform: 'linux/amd64',
        build: {
          context: '/srv/web',
          dockerfile: 'Dockerfile',
          args: { A: '1', B: null },
          target: 'prod',
          tags: ['x/other:2'],
          cache_from: ['type=registry,ref=a/b'],
          secrets: [{ source: 'tok' }, { source: 'envsec', target: 'other' }],
          additional_contexts: { base: 'service:basic', lib: '/srv/lib', img: 'docker-image://x:1' },
          extra_hosts: ['a=1.2.3.4'],
          network: 'host',
          shm_size: '67108864',
          ulimits: { nofile: { soft: 1, hard: 2 }, nproc: 3 },
          no_cache: true,
          provenance: 'mode=max',
          sbom: 'true',
        },
      },
      basic: { build: { context: '/srv/web', dockerfile_inline: 'FROM x\n' } },
    },
    secrets: { tok: { file: '/srv/tok' }, envsec: { environment: 'HOME' } },
  }
  const builds = ['full', 'basic'].map((name) => [name, model.services[name]!] as const)
  expect(
    bakeFileOf(model, builds, {
      ...BuildOptions.parse({ args: { Z: '1' }, bases: 'pull' }),
      ssh: [],
    }),
  ).toEqual({
    group: { default: { targets: ['full', 'basic'] } },
    target: {
      full: {
        context: '/srv/web',
        contexts: { base: 'target:basic', img: 'docker-image://x:1', lib: '/srv/lib' },
        dockerfile: '/srv/web/Dockerfile',
        args: { A: '1', Z: '1' },
        tags: ['x/other:2', 'x/full:1'],
        'cache-from': ['type=registry,ref=a/b'],
        target: 'prod',
        secret: ['id=tok,type=file,src=/srv/tok', 'id=other,type=env,env=HOME'],
        platforms: ['linux/amd64'],
        pull: true,
        'no-cache': true,
        network: 'host',
        'shm-size': '67108864',
        ulimits: ['nofile=1:2', 'nproc=3'],
        'extra-hosts': { a: '1.2.3.4' },
        output: ['type=docker'],
        attest: ['type=provenance,mode=max', 'type=sbom'],
      },
      basic: {
        context: '/srv/web',
        'dockerfile-inline': 'FROM x\n',
        args: { Z: '1' },
        tags: ['shop-basic'],
        pull: true,
        output: ['type=docker'],
      },
    },
  })
})
