/** Inputs for the loader: stack files that were changed at random, structures of its keys, and soup of YAML's marks. */
import fc from 'fast-check'
import type { LoadOptions } from '../../protocol/stackfile/load-request.ts'
import type { Files, Seeds } from './seeds.ts'

export interface Input {
  readonly files: Files
  readonly environment: Readonly<Record<string, string>>
  readonly options: LoadOptions
}

const STACK = '/p/compose.yaml'
const OVERRIDE = '/p/compose.override.yaml'

/** Pieces that mean something to YAML, to variables or to the language. */
const FRAGMENTS = [
  ...[
    '- ',
    '? ',
    ': ',
    ':',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '\n',
    '\n  ',
    '\n    ',
    ' ',
    '\t',
    '\r\n',
    '#',
    ' # c',
    '---\n',
    '...\n',
  ],
  ...[
    '&a ',
    '*a',
    '&b ',
    '*b',
    '<<: *a',
    '<<: [*a, *b]',
    '!reset ',
    '!override ',
    '!!str ',
    '!!int ',
    '!!float ',
    '!!binary ',
  ],
  ...[
    '!',
    '!foo ',
    '"',
    "'",
    '|',
    '>',
    '|-\n',
    '>+2\n',
    '\\',
    '\\n',
    '\\x41',
    '\\u2028',
    '%',
    '@',
    '`',
    '~',
    'null',
    '""',
  ],
  ...['${A}', '$A', '${A:-b}', '${A:?c}', '${A:+${B}}', '${', '}', '$$', '${A-', '$', 'A', 'B', '=', 'A=1', 'A=${B}'],
  ...[
    '0',
    '1',
    '-1',
    '08',
    '0x1F',
    '1.5',
    '.inf',
    '.nan',
    '1e9',
    '9223372036854775808',
    'true',
    'yes',
    '2020-01-01',
    '1_000',
  ],
  ...[
    'services:\n',
    'services: ',
    'a',
    'b',
    'web',
    'image: x\n',
    'name: n\n',
    'x-a: ',
    'x-b: ',
    'include: ',
    'extends: ',
    'files/base.yaml',
  ],
  ...[
    'files/included.yaml',
    'files/app.env',
    'service: a',
    'file: files/base.yaml',
    '80:80',
    '1000-1010:1000-1010',
    '/',
    './a:/b:ro',
  ],
  ...[
    '10s',
    '1m30s',
    '64m',
    'é',
    '😀',
    '\u0085',
    '\u2028',
    '\ufeff',
    '__proto__',
    'constructor',
    'toString',
    'version: "3"\n',
  ],
]

const KEYS = [
  ...[
    'services',
    'networks',
    'volumes',
    'secrets',
    'configs',
    'include',
    'name',
    'models',
    'x-a',
    'version',
    'a',
    'b',
    'web',
    'db',
    'default',
  ],
  ...[
    'image',
    'build',
    'context',
    'args',
    'command',
    'entrypoint',
    'environment',
    'env_file',
    'path',
    'required',
    'format',
    'labels',
  ],
  ...[
    'label_file',
    'ports',
    'target',
    'published',
    'host_ip',
    'protocol',
    'mode',
    'type',
    'source',
    'read_only',
    'bind',
    'tmpfs',
  ],
  ...[
    'depends_on',
    'condition',
    'restart',
    'links',
    'volumes_from',
    'network_mode',
    'ipc',
    'pid',
    'extends',
    'service',
    'file',
  ],
  ...[
    'deploy',
    'replicas',
    'resources',
    'limits',
    'reservations',
    'cpus',
    'memory',
    'devices',
    'capabilities',
    'count',
    'device_ids',
  ],
  ...[
    'update_config',
    'parallelism',
    'delay',
    'healthcheck',
    'test',
    'interval',
    'retries',
    'disable',
    'ulimits',
    'soft',
    'hard',
  ],
  ...[
    'nofile',
    'sysctls',
    'extra_hosts',
    'dns',
    'cap_add',
    'profiles',
    'scale',
    'container_name',
    'mem_limit',
    'shm_size',
    'stop_grace_period',
  ],
  ...[
    'logging',
    'driver',
    'options',
    'driver_opts',
    'external',
    'ipam',
    'config',
    'subnet',
    'aux_addresses',
    'aliases',
    'ipv4_address',
  ],
  ...[
    'external_links',
    'expose',
    'security_opt',
    'develop',
    'watch',
    'action',
    'ignore',
    'exec',
    'post_start',
    'gpus',
    'blkio_config',
  ],
  ...[
    'weight_device',
    'rate',
    'provider',
    'content',
    'environment',
    'uid',
    'ssh',
    'secrets',
    'platforms',
    'additional_contexts',
    'annotations',
  ],
]

const VALUES = [
  ...[
    'x',
    'a',
    'b',
    'web',
    'a:b',
    'A=1',
    'A',
    '',
    '80',
    '80:80',
    '1-5:1-5/udp',
    '[::1]:80:80',
    '127.0.0.1::80',
    'service:a',
    'host',
    'none',
    'all',
  ],
  ...[
    './a:/b',
    'v:/data:ro',
    '/a',
    '~/b',
    'default',
    '10s',
    '-5s',
    '1.5h',
    '64m',
    '1gb',
    '1e3',
    '0440',
    'true',
    'no',
    'service_healthy',
    'rebuild',
  ],
  ...[
    'files/app.env',
    'files/base.yaml',
    'files/included.yaml',
    'CMD',
    'bind',
    'volume',
    '${A}',
    '${A:-1}',
    '$$',
    'sh -c "a b"',
    "a 'b",
    'https://x/y.git',
  ],
  ...[true, false, null, 0, 1, -1, 80, 1.5, 1e21, 65536],
]

/** A piece of one text, by shares of its length, and what becomes of it. */
interface Change {
  readonly kind: 'delete' | 'insert' | 'replace' | 'duplicate' | 'move-line' | 'indent' | 'splice' | 'repeat' | 'cut'
  readonly from: number
  readonly length: number
  readonly to: number
  readonly fragment: string
  readonly other: number
}

const share = fc.integer({ min: 0, max: 999 })

function change(seeds: Seeds): fc.Arbitrary<Change> {
  return fc.record({
    kind: fc.constantFrom<Change['kind']>(
      ...(['delete', 'insert', 'replace', 'duplicate', 'move-line', 'indent', 'splice', 'repeat', 'cut'] as const),
    ),
    from: share,
    length: fc.integer({ min: 0, max: 60 }),
    to: share,
    fragment: fc.constantFrom(...FRAGMENTS),
    other: fc.nat({ max: seeds.stacks.length - 1 }),
  })
}

function apply(text: string, { kind, from, length, to, fragment, other }: Change, seeds: Seeds): string {
  const start = Math.floor((from * text.length) / 1000)
  const place = Math.floor((to * text.length) / 1000)
  const end = start + length
  switch (kind) {
    case 'delete':
      return text.slice(0, start) + text.slice(end)
    case 'insert':
      return text.slice(0, start) + fragment + text.slice(start)
    case 'replace':
      return text.slice(0, start) + fragment + text.slice(start + (length % 8))
    case 'duplicate':
      return text.slice(0, place) + text.slice(start, end) + text.slice(place)
    case 'cut':
      return text.slice(0, start)
    case 'repeat':
      return text.slice(0, start) + fragment.repeat(length) + text.slice(start)
    case 'splice': {
      const donor = seeds.stacks[other]!.split('\n')
      const first = Math.floor((to * donor.length) / 1000)
      return onLines(text, from, (line) => [line, ...donor.slice(first, first + (length % 10))])
    }
    case 'move-line': {
      const lines = text.split('\n')
      const [line = ''] = lines.splice(Math.floor((from * lines.length) / 1000), 1)
      lines.splice(Math.floor((to * lines.length) / 1000), 0, line)
      return lines.join('\n')
    }
    case 'indent':
      return onLines(text, from, (line) => [length % 2 === 0 ? `  ${line}` : line.replace(/^ {1,2}/, '')])
  }
}

function onLines(text: string, from: number, rewrite: (line: string) => string[]): string {
  const lines = text.split('\n')
  const at = Math.floor((from * lines.length) / 1000)
  return lines.flatMap((line, index) => (index === at ? rewrite(line) : [line])).join('\n')
}

const soup = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...FRAGMENTS), { maxLength }).map((parts) => parts.join(''))

const structure: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown; map: unknown; list: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    { weight: 3, arbitrary: fc.constantFrom(...VALUES) },
    { weight: 4, arbitrary: tie('map') },
    { weight: 2, arbitrary: tie('list') },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  ),
  map: fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 6, noNullPrototype: true }),
  list: fc.array(tie('value'), { maxLength: 4 }),
})).value

const service = fc.dictionary(fc.constantFrom(...KEYS), structure, { maxKeys: 6, noNullPrototype: true })

/** A stack whose outer form is right, so that what is inside of it is reached. */
const structured: fc.Arbitrary<string> = fc
  .record(
    {
      services: fc.dictionary(
        fc.constantFrom('a', 'b', 'web', 'db'),
        service.map((keys) => ({ image: 'x', ...keys })),
        { minKeys: 1, maxKeys: 3, noNullPrototype: true },
      ),
      networks: structure,
      volumes: structure,
      configs: structure,
      secrets: structure,
      'x-a': structure,
    },
    { requiredKeys: ['services'] },
  )
  .map((stack) => JSON.stringify(stack, undefined, 1))

/** Exactly one key of one service, with anything under it: most of these load, or fail for one reason. */
const oneKey: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(...KEYS), structure)
  .map(([key, value]) => JSON.stringify({ services: { a: { image: 'x', [key]: value }, b: { image: 'x' } } }))

export function inputs(seeds: Seeds): fc.Arbitrary<Input> {
  const changes = (maxLength: number) => fc.array(change(seeds), { maxLength })
  const mutated = fc
    .tuple(
      fc.nat({ max: seeds.stacks.length - 1 }),
      fc.oneof({ weight: 3, arbitrary: changes(1) }, changes(3), changes(8)),
    )
    .map(([index, steps]) => steps.reduce((text, step) => apply(text, step, seeds), seeds.stacks[index]!))
  const stack = fc.oneof(
    { weight: 8, arbitrary: mutated },
    { weight: 5, arbitrary: oneKey },
    { weight: 2, arbitrary: structured },
    {
      weight: 1,
      arbitrary: fc
        .tuple(structured, changes(3))
        .map(([text, steps]) => steps.reduce((now, step) => apply(now, step, seeds), text)),
    },
    { weight: 1, arbitrary: soup(40) },
    { weight: 1, arbitrary: soup(15).map((text) => `services:\n  a:\n    image: x\n    ${text}`) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 80 }) },
  )
  const optional = <T>(arbitrary: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
  const besideNames = Object.keys(seeds.beside)
  const beside = optional(fc.tuple(fc.constantFrom(...besideNames), changes(3)))
  return fc
    .record({
      stack,
      override: optional(stack),
      dotenv: optional(soup(12)),
      beside,
      environment: fc.dictionary(fc.constantFrom('A', 'B', 'COMPOSE_PROFILES', 'X'), soup(4), {
        maxKeys: 2,
        noNullPrototype: true,
      }),
      options: optional(
        fc.record(
          {
            interpolate: fc.boolean(),
            normalize: fc.boolean(),
            resolvePaths: fc.boolean(),
            resolveEnvironment: fc.boolean(),
            consistency: fc.boolean(),
            listVariables: fc.boolean(),
            allResources: fc.boolean(),
          },
          { requiredKeys: [] },
        ),
      ),
    })
    .map(({ stack, override, dotenv, beside, environment, options }) => ({
      files: {
        ...seeds.beside,
        ...(beside === undefined
          ? {}
          : { [beside[0]]: beside[1].reduce((text, step) => apply(text, step, seeds), seeds.beside[beside[0]]!) }),
        [STACK]: wellFormed(stack),
        ...(override === undefined ? {} : { [OVERRIDE]: wellFormed(override) }),
        ...(dotenv === undefined ? {} : { '/p/.env': wellFormed(dotenv) }),
      },
      environment,
      options: options ?? {},
    }))
}

/** Cutting text can halve a character, which no file can hold. */
const wellFormed = (text: string): string => text.replace(/\p{Cs}/gu, '\uFFFD')
