import { describe, expect, it } from 'vitest'
import { formatFinding } from '../../../protocol/stackfile/format-finding.ts'
import { errorsOf, findingsOf } from './memory-source.ts'

const errors = (text: string): string[] => errorsOf({ 'compose.yaml': text })

describe('errors of a stack file', () => {
  it('come all at once, each with its place', () => {
    expect(errors('services:\n  a:\n    imagee: x\n    tty: maybe\n    ports: 80\n')).toEqual([
      'compose.yaml:4:10 "maybe" is not a boolean',
      'compose.yaml:3:5 Unknown key "imagee"',
      'compose.yaml:5:12 "ports" must be a list, not the number 80',
    ])
  })

  it('suggest what was meant', () => {
    const [finding] = findingsOf({ 'compose.yaml': 'services:\n  a:\n    imagee: x\n' })
    expect(formatFinding(finding!)).toBe(
      [
        '/p/compose.yaml:3:5: Unknown key "imagee"',
        '  3 |     imagee: x',
        '    |     ^^^^^^',
        '  hint: Did you mean "image"?',
      ].join('\n'),
    )
  })

  it('stand in the file that has them', () => {
    const files = { 'a.yaml': 'services: {a: {image: x}}', 'b.yaml': 'services:\n  a:\n    ports: {"80": 80}' }
    expect(errorsOf(files, { files: ['a.yaml', 'b.yaml'] })).toEqual([
      'b.yaml:3:5 "ports" must be a list, not a mapping',
    ])
  })

  it.each([
    ['services: {a: {image: x, x-evenkeel: 5}}', '1:38 x-evenkeel is to be a mapping'],
    ['services: {a: {image: x, x-evenkeel: {halted: maybe}}}', '1:47 halted is to be one of always, once, never'],
    ['services: {a: {image: x}}\nx-evenkeel: {release: whole}', '2:23 release is to be one of atomic, rolling'],
    ['services: {a: {image: x}}\nx-evenkeel: {relase: atomic}', '2:22 Unknown key "relase"'],
    ['services: {a: {image: x}}\nx-evenkeel: 5', '2:13 x-evenkeel is to be a mapping'],
    [
      'services: {a: {image: x, x-evenkeel: {dns: shared}}}',
      '1:44 dns needs "x-evenkeel: {release: atomic}" on the stack: else no name knows a version',
    ],
    [
      'services: {a: {image: x, deploy: {update_config: {order: stop-first}}}}\nx-evenkeel: {release: atomic}',
      '1:58 order: stop-first cannot be had in a stack with "release: atomic"',
    ],
    [
      'services: {a: {image: x, deploy: {rollback_config: {failure_action: pause}}}}\nx-evenkeel: {release: atomic}',
      '1:69 failure_action: pause cannot be had in a stack with "release: atomic"',
    ],
    ['services: {a: {}}', '1:12 Service "a" has neither an image nor a build'],
    ['services: {a: {image: x, depends_on: [b]}}', '1:39 There is no service "b" to depend on'],
    ['services: {a: {image: x, networks: [n]}}', '1:37 There is no network "n"'],
    ['services: {a: {image: x, volumes: ["v1:/v"]}}', '1:36 There is no volume "v1"'],
    ['services: {a: {image: x, depends_on: [a]}}', '1:39 Services depend on each other in a circle: a -> a'],
    ['services: {a: {extends: a}}', '1:16 Services extend each other in a circle: a -> a'],
    ['services: {a: {image: "${X?must}"}}', '1:24 Required variable X is missing a value: must'],
    ['services: {a: {image: "${X!}"}}', '1:24 "${X!}" is no valid variable'],
    [
      'services: {a: {image: x, command: "a \'b"}}',
      '1:35 The command is not complete: a quote or bracket is not closed',
    ],
    ['services: {a: {image: x}, a: {image: y}}', '1:27 Key "a" stands twice; it is already on line 1'],
    ['services: {a: *b}', '1:15 There is no anchor "b"'],
    ['- a', '1:1 The top level must be a mapping'],
    ['services: {a: {image: x, stop_grace_period: 5x}}', '1:45 "5x" is not a duration'],
    ['services: {a: {image: x, ports: ["70000:80"]}}', '1:34 "70000" is no port or range of ports (1-65535)'],
    ['include: [no.yaml]', '1:11 There is no file /p/no.yaml'],
  ])('%s', (text, message) => {
    expect(errors(text)).toEqual([`compose.yaml:${message}`])
  })

  it('name the env file and the line in it', () => {
    const files = { 'compose.yaml': 'services: {a: {image: x, env_file: a.env}}', 'a.env': 'A=1\nB="x\n' }
    expect(errorsOf(files)).toEqual(['a.env:2:3 The quote in "x is not closed'])
  })

  it('say that there is no file', () => {
    expect(errorsOf({})).toEqual(['no configuration file provided: not found'])
  })
})

describe('a hostile file is refused before it costs much', () => {
  const bomb = [
    'x-0: &a0 {k: v}',
    ...Array.from(
      { length: 12 },
      (_, i) =>
        `x-${i + 1}: &a${i + 1} {${'abcdefghij'
          .split('')
          .map((k) => `${k}: *a${i}`)
          .join(', ')}}`,
    ),
  ]
  const nest = (depth: number): string => `x-a: ${'['.repeat(depth)}${']'.repeat(depth)}`
  const variables = Array.from({ length: 10 }, (_, i) =>
    i === 0 ? `V0=${'x'.repeat(100)}` : `V${i}=${`\${V${i - 1}}`.repeat(10)}`,
  )

  it.each([
    ['aliases of aliases', { 'compose.yaml': bomb.join('\n') }, /has more than 100000 values/],
    ['deep nesting', { 'compose.yaml': nest(20_000) }, /nest deeper than 100/],
    ['a circle of aliases', { 'compose.yaml': 'x-a: &a [*a]' }, /stands inside of what it refers to/],
    [
      'variables of variables',
      { 'compose.yaml': 'services: {a: {image: "$V9"}}', '.env': variables.join('\n') },
      /grows beyond/,
    ],
    [
      'eleven megabytes',
      { 'compose.yaml': `x-a: |\n${`  ${'y'.repeat(98)}\n`.repeat(110_000)}` },
      /larger than 10 MiB/,
    ],
    [
      'a million ports',
      {
        'compose.yaml': `services:\n${Array.from({ length: 16 }, (_, i) => `  a${i}: {image: x, ports: ["1-65535:1-65535"]}\n`).join('')}`,
      },
      /publishes more than/,
    ],
    [
      'unclosed braces',
      { 'compose.yaml': `services: {a: {image: "${'${A:-'.repeat(100_000)}"}}` },
      /is no valid variable/,
    ],
  ])(
    '%s',
    (_, files, message) => {
      expect(errorsOf(files)[0]).toMatch(message)
    },
    20_000,
  )
})
